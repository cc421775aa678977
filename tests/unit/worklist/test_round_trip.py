"""Import, export, import: nothing changes, neither here nor in an empty database, whatever is in the items."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset

from dimse.encode import encode
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from ris.actions import removal, steps
from ris.models import Order, Patient, RequestedProcedure, ScheduledProcedureStep
from tests.support.hospital import ACTOR, a_procedure, a_site, a_station, an_order, steps_of
from tests.support.worklist import asking, identifier
from worklist import answers, exporter, find, importer, item

ITEM = """{root}
(0040,0100) SQ
(fffe,e000) -
(0040,0002) DA {day}
{step}
(fffe,e00d) -
(fffe,e0dd) -
"""
CODE = """(0040,0008) SQ
(fffe,e000) -
(0008,0100) SH [P1]
(0008,0102) SH [99LOCAL]
(0008,0104) LO [Schädel]
(0040,0440) SQ
(fffe,e0dd) -
(fffe,e00d) -
(fffe,e0dd) -"""

DEEPEST = "(0040,0440) SQ\n(fffe,e000) -\n" * 15 + "(0008,0104) LO [deep]\n" + "(fffe,e00d) -\n(fffe,e0dd) -\n" * 15

ODD = {
    "nothing but a day": ("", "", "20260706"),
    "a day that no calendar has": ("(0008,0050) SH [1]", "(0040,0003) TM 250099", "20260231"),
    "a day that is none": ("(0008,0050) SH [2]", "", "[SOON]"),
    "old forms of date and time": ("(0008,0050) SH [3]\n(0010,0030) DA [1961.02.31]", "(0040,0003) TM [10:15:00]", "[2026.07.06]"),
    "stations that nobody knows": ("(0008,0050) SH [4]", "(0040,0001) AE [ZZ9\\NOWHERE\\ZZ9]\n(0008,0060) CS [XX]", "20260706"),
    "a station of too many letters": ("(0008,0050) SH [5]", "(0040,0001) AE [ABCDEFGHIJKLMNOPQRSTUVW]", "20260706"),
    "a known station": ("(0008,0050) SH [6]", "(0040,0001) AE [CT01]\n(0040,0010) SH [another name]", "20260706"),
    "no IDs": ("(0010,0010) PN [NO^ID]", "(0040,0003) TM 1000", "20260706"),
    "IDs that are too long": ("(0008,0050) SH [12345678901234567890]\n(0040,1001) SH [RP-1234567890123456]", "", "20260706"),
    "a wrong UID": ("(0008,0050) SH [7]\n(0020,000d) UI [1.02.3]", "", "20260706"),
    "empty sequences": ("(0008,0050) SH [8]\n(0008,1110) SQ\n(fffe,e0dd) -\n(0032,1064) SQ\n(fffe,e0dd) -", "", "20260706"),
    "an empty item": ("(0008,0050) SH [9]\n(0032,1064) SQ\n(fffe,e000) -\n(fffe,e00d) -\n(fffe,e0dd) -", "", "20260706"),
    "codes within codes": ("(0008,0005) CS [ISO_IR 192]\n(0008,0050) SH [10]", CODE, "20260706"),
    "sequences as deep as they may be": ("(0008,0050) SH [28]", DEEPEST.rstrip(), "20260706"),
    "private elements": ("(0008,0050) SH [11]\n(0009,0010) LO [ACME 1.0]\n(0009,1001) LO [kept]\n(0009,1002) US 7", "", "20260706"),
    "elements given twice": ("(0008,0050) SH [12]\n(0008,0050) SH [13]\n(0010,0020) LO [A]\n(0010,0020) LO [B]", "", "20260706"),
    "numbers that are none": ("(0008,0050) SH [14]\n(0010,1030) DS [heavy]\n(0010,1020) DS [1.8\\1.9]", "", "20260706"),
    "numbers written oddly": ("(0008,0050) SH [15]\n(0010,1030) DS [+070.500]\n(0010,1020) DS [1e0]\n(0010,21c0) US 9", "", "20260706"),
    "a name of odd parts": ("(0008,0050) SH [16]\n(0010,0010) PN [ a ^^b^^=^=x]", "(0040,0006) PN [^^^]", "20260706"),
    "two names": ("(0008,0050) SH [17]\n(0010,0010) PN [ONE^A\\TWO^B]", "", "20260706"),
    "names of three scripts": ("(0008,0005) CS [ISO_IR 192]\n(0008,0050) SH [18]\n(0010,0010) PN [Hong=洪^吉洞=홍^길동]", "", "20260706"),
    "Cyrillic, Greek and Arabic": ("(0008,0005) CS [ISO_IR 192]\n(0010,0010) PN [Люк^Διονυσ]\n(0010,0020) LO [قباني]", "", "20260706"),
    "a status": ("(0008,0050) SH [19]", "(0040,0020) CS [ARRIVED]", "20260706"),
    "a status that is none": ("(0008,0050) SH [20]", "(0040,0020) CS [WAITING]", "20260706"),
    "spaces": ("(0008,0050) SH [ 21 ]\n(0010,0020) LO [  P 21  ]\n(0040,2400) LT [  two leading]", "(0040,0012) LO [ ]", "20260706"),
    "lower case": ("(0008,0050) SH [22]\n(0010,0040) CS [f]\n(0040,1003) SH [stat]", "(0008,0060) CS [ct]", "20260706"),
    "a long comment": ("(0008,0050) SH [23]\n(0040,2400) LT [" + "long " * 2000 + "]", "", "20260706"),
    "what a worklist has no place for": ("(0008,0050) SH [24]\n(0008,0018) UI [1.2.3]\n(0028,0010) US 5\n(0008,0001) UL 8", "", "20260706"),
    "an end before the start": ("(0008,0050) SH [25]", "(0040,0003) TM 1200\n(0040,0004) DA 20260705\n(0040,0005) TM 0900", "20260706"),
    "times to the microsecond": ("(0008,0050) SH [26]", "(0040,0003) TM [101500.123456]\n(0040,0005) TM [1016]", "20260706"),
    "comments that no 16-bit length holds": (
        "(0008,0050) SH [30]\n(0010,9431) FL 1.5\n(0040,2400) LT [" + "long " * 14_000 + "]",
        "(0040,0400) LT [" + "long " * 14_000 + "]",
        "20260706",
    ),
    "numbers that are not finite": (
        "(0008,0050) SH [29]\n(0010,9431) FL nan\\1.5\\-inf\n(0009,0010) LO [ACME]\n(0009,1001) FD inf\n(0009,1002) FD -nan",
        "(0040,0440) SQ\n(fffe,e000) -\n(0040,a161) FD nan\n(fffe,e00d) -\n(fffe,e0dd) -",
        "20260706",
    ),
    "what staff could have set": (
        "(0008,0050) SH [31]\n(0010,0020) LO [P31]\n(0010,1001) PN [ONE^A\\TWO^B^]\n(0010,0032) TM 0435\n(0010,2154) SH [555 1\\555 2]\n"
        "(0010,21a0) CS [yes]\n(0010,21d0) DA 20260601\n(0010,21b0) LT [ two\\leading]\n(0040,1010) PN [DOE^J]\n(0040,1009) SH [HIGH]\n"
        "(0008,1080) LO [R07.4\\R51]\n(0038,4000) LT [no admission ID]",
        "(0010,2210) CS [BIPED]",
        "20260706",
    ),
    "what staff could not have typed": (
        "(0008,0050) SH [32]\n(0010,0032) TM [043512.5]\n(0010,21d0) DA [2026.06.01]\n(0010,21a0) CS [SOMETIMES]\n(0010,2160) SH ["
        + "x" * 20
        + "]\n(0038,0020) DA 20260230\n(0040,1009) SH [ high]\n(0038,0008) CS [admitted]",
        "(0010,2210) CS [UPRIGHT]",
        "20260706",
    ),
    "other IDs and languages": (
        "(0008,0050) SH [33]\n(0010,1002) SQ\n(fffe,e000) -\n(0010,0020) LO [99]\n(0010,0021) LO [HOSP2]\n(0010,0022) CS [TEXT]\n"
        "(fffe,e00d) -\n(fffe,e000) -\n(0010,0020) LO [E2801160]\n(0010,0022) CS [RFID]\n(fffe,e00d) -\n(fffe,e0dd) -\n"
        "(0010,0101) SQ\n(fffe,e000) -\n(0008,0100) SH [de]\n(0008,0102) SH [RFC5646]\n(0008,0104) LO [German]\n(fffe,e00d) -\n"
        "(fffe,e000) -\n(0008,0100) SH [en]\n(0008,0102) SH [RFC5646]\n(0008,0104) LO [English]\n(fffe,e00d) -\n(fffe,e0dd) -",
        "",
        "20260706",
    ),
    "an old list of other IDs": ("(0008,0050) SH [34]\n(0010,1000) LO [98\\97]", "", "20260706"),
    "an order of others": (
        "(0008,0050) SH [27]\n(0040,2016) LO [PL1]\n(0040,2017) LO [FI1]\n(0038,0010) LO [V1]\n(0008,0080) LO [Else]",
        "",
        "20260706",
    ),
}


def write_odd(folder: Path) -> Path:
    folder.mkdir()
    for number, (root, step, day) in enumerate(ODD.values()):
        (folder / f"{number}.dump").write_text(ITEM.format(root=root, step=step, day=day))
    return folder


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.wl")}


def export(folder: Path) -> dict[str, bytes]:
    report = exporter.export(folder, a_site())
    assert report.skipped == []
    return content_of(folder)


def worklist() -> list[str]:
    """Every answer in full, in order, to a query that asks for everything."""
    asked = asking({}, **dict.fromkeys(("PatientName", "PatientID", "AccessionNumber", "StudyInstanceUID", "RequestedProcedureID"), ""))
    found = [one.item for page in find.find(a_site(), asked) for one in page]
    return [answers.compose(asked, item.decode(one), ("ISO_IR 192",)).to_json() for one in found]


def assert_another_round_changes_nothing(folder: Path) -> None:
    before, served = export(folder), worklist()
    assert len(before) == len(served) > 0
    history = list(ScheduledProcedureStep.objects.order_by("pk").values_list("pk", "version", "received_item"))
    report = importer.import_paths([folder], False, a_site())
    assert (report.made, report.updated, report.skipped, len(report.unchanged)) == ([], [], [], len(before))
    assert list(ScheduledProcedureStep.objects.order_by("pk").values_list("pk", "version", "received_item")) == history
    assert exporter.export(folder, a_site()).unchanged == len(before)
    assert (content_of(folder), worklist()) == (before, served)


def assert_an_empty_database_becomes_the_same(folder: Path, again: Path) -> None:
    before, served = content_of(folder), worklist()
    call_command("flush", interactive=False, verbosity=0, inhibit_post_migrate=True)
    a_site()
    report = importer.import_paths([folder], False, a_site())
    assert (len(report.made), report.skipped) == (len(before), [])
    assert export(again) == before
    assert sorted(worklist()) == sorted(served)


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_odd_items_come_back_as_they_went_out(tmp_path: Path) -> None:
    a_station("CT01")
    report = importer.import_paths([write_odd(tmp_path / "in")], False, a_site())
    assert (len(report.made), report.skipped) == (len(ODD), [])
    assert_another_round_changes_nothing(tmp_path / "out")
    assert_an_empty_database_becomes_the_same(tmp_path / "out", tmp_path / "again")


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_orders_made_here_come_back_and_make_the_same_worklist_elsewhere(tmp_path: Path) -> None:
    two = a_procedure("CTTWO", steps=("CT chest", "CT abdomen"))
    for number, name in enumerate(("SMITH^Ann", "MÜLLER^Jürgen=山田^太郎", "Ó DÓNAILL^Siobhán")):
        an_order(two, name=name, patient_id=f"P{number}", start=datetime(2026, 7, 6, 12 + number, 15, tzinfo=UTC))
    steps.arrive(steps_of(an_order(patient_id="P9", start=datetime(2026, 7, 6, 18, 0, tzinfo=UTC)))[0].pk, ACTOR)
    assert_another_round_changes_nothing(tmp_path / "out")
    assert_an_empty_database_becomes_the_same(tmp_path / "out", tmp_path / "again")


@pytest.mark.django_db
def test_steps_that_were_removed_come_back_the_same(tmp_path: Path) -> None:
    importer.import_paths([write_odd(tmp_path / "in")], False, a_site())
    before, served = export(tmp_path / "out"), worklist()
    assert removal.remove_steps(a_site(), ACTOR).removed == len(before)
    report = importer.import_paths([tmp_path / "out"], False, a_site())
    assert (len(report.made), report.skipped) == (len(before), [])
    assert (export(tmp_path / "again"), sorted(worklist())) == (before, sorted(served))


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C"], exclude_characters="\\=^"), max_size=16)
ROOT = st.fixed_dictionaries(
    {"AccessionNumber": TEXT},
    optional={
        "PatientName": st.lists(TEXT, max_size=5).map("^".join),
        "PatientID": TEXT,
        "PatientSex": st.sampled_from(["M", "F", "O", "x", ""]),
        "PatientBirthDate": st.from_regex(r"\A[0-9]{8}\Z"),
        "PatientWeight": st.sampled_from(["70", "070.0", "1e2", "-3", "0"]),
        "MedicalAlerts": st.lists(TEXT, max_size=3),
        "RequestedProcedureID": TEXT,
        "StudyInstanceUID": st.from_regex(r"\A[0-9.]{0,20}\Z"),
        "RequestedProcedureCodeSequence": st.lists(
            st.fixed_dictionaries({"CodeValue": TEXT, "CodeMeaning": TEXT}).map(lambda code: identifier(**code)), max_size=2
        ),
        "ReferringPhysicianName": TEXT,
        "ImagingServiceRequestComments": TEXT,
    },
)
STEP = st.fixed_dictionaries(
    {"ScheduledProcedureStepStartDate": st.from_regex(r"\A20260[0-9]{3}\Z")},
    optional={
        "ScheduledProcedureStepStartTime": st.from_regex(r"\A[0-2][0-9]{3}\Z"),
        "ScheduledProcedureStepEndDate": st.from_regex(r"\A20260[0-9]{3}\Z"),
        "ScheduledStationAETitle": st.lists(st.from_regex(r"\A[A-Z0-9]{1,16}\Z"), max_size=3),
        "Modality": st.sampled_from(["CT", "MR", "ct", "ZZZ"]),
        "ScheduledProcedureStepID": TEXT,
        "ScheduledProcedureStepDescription": TEXT,
        "ScheduledPerformingPhysicianName": TEXT,
        "ScheduledProcedureStepStatus": st.sampled_from(["SCHEDULED", "ARRIVED", "READY", "NONE"]),
    },
)


@pytest.mark.django_db
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(root=ROOT, step=STEP, transfer_syntax=st.sampled_from([IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN]))
def test_any_item_comes_back_as_it_went_out(
    tmp_path_factory: pytest.TempPathFactory, root: dict[str, object], step: dict[str, object], transfer_syntax: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    for model in (ScheduledProcedureStep, RequestedProcedure, Order, Patient):
        model.objects.all().delete()
    dataset = Dataset()
    dataset.SpecificCharacterSet = item.UTF_8
    dataset.update(identifier(step, **root))
    (folder / "one.dcm").write_bytes(encode(dataset, transfer_syntax))
    report = importer.import_paths([folder / "one.dcm"], False, a_site())
    assert (len(report.made), report.skipped) == (1, [])
    assert_another_round_changes_nothing(folder / "out")
