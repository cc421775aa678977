"""The conformance report of a station: an exemplary modality passes, and each quirk of the virtual ones fails what it is about."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from pydicom import Dataset

from dimse import journal, statuses
from dimse.decode import decode
from dimse.encode import encode
from dimse.entries import AssociationEnded, AssociationStarted, Ending, MessageEntry, now
from dimse.models import Message
from dimse.services import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    MODALITY_PERFORMED_PROCEDURE_STEP,
    MODALITY_WORKLIST,
    AssociationInfo,
    Verb,
)
from dimse.uids import new_uid
from mpps import actions, datasets
from mpps.errors import Refused
from mpps.models import PerformedProcedureStep, StepLink
from mpps.reasons import reasons
from mpps.received import Received
from ris import audit, clock
from ris.actions.renaming import Renaming, rename_station
from ris.models import AuditRecord, ScheduledProcedureStep, Station
from stepwise.modality_report import report
from stepwise.modality_report.checks import CHECKS, markdown
from stepwise.modality_report.heard import Heard, Instance, Told
from stepwise.modality_report.judging import judged
from tests.support.hospital import ACTOR, a_site, a_station, an_order, in_minutes, steps_of
from tests.support.performing import a_series
from training import performed
from training.performed import Device
from training.profiles import Profile
from training.query import Question
from training.quirks import habits
from worklist.queries import item_for

pytestmark = pytest.mark.django_db(databases=["default", "journal"])
SignIn = Callable[..., Client]
NAME = "DOE-MÜLLER^Jane"


@dataclass
class Console:
    """A modality that says what it says in-process, and is journalled as the server journals it."""

    profile: Profile = field(default_factory=lambda: Profile("tested", "Tested"))
    calling: str = "CT01"
    ending: Ending = Ending.RELEASED
    at: datetime = field(default_factory=lambda: now() - timedelta(seconds=30))
    exams: int = 0

    def query(self, **asked: str) -> None:
        question = Question(**(asked or {"station": self.calling, "dates": f"{clock.today(a_site()):%Y%m%d}"}))
        data = encode(self.profile.asked(question.identifier()), EXPLICIT_VR_LITTLE_ENDIAN)
        self._journalled(Verb.C_FIND, MODALITY_WORKLIST, "", "", data, 0, answers=1)

    def exam(self, status: str = performed.COMPLETED, *, images: int = 2, claims: dict[str, str] | None = None, ends: bool = True) -> str:
        """N-CREATE, a report and the final N-SET, sent on whatever is answered; `claims` instead of the worklist's identifiers."""
        step = steps_of(an_order(name=NAME, patient_id="4812366", start=in_minutes(30 + 60 * self.exams)))[0]
        self.exams += 1
        item, device = item_for(step), Device("CT01", "CT", operator="WEBER^Jan")
        begun = clock.local(clock.now(a_site()), a_site())
        created = performed.in_progress([item], device, begun, "PPS1")
        for keyword, value in (claims or {}).items():
            setattr(created.ScheduledStepAttributesSequence[0], keyword, value)
        uid = "" if self.profile.has(habits.NO_INSTANCE_UID) else new_uid()
        uid = self._told(Verb.N_CREATE, uid, self.profile.created(created))
        if self.profile.has(habits.CREATES_TWICE):
            self._told(Verb.N_CREATE, uid, self.profile.created(created))
        progress = Dataset()
        progress.SpecificCharacterSet, progress.PerformedProcedureStepStatus = "ISO_IR 192", performed.IN_PROGRESS
        progress.PerformedSeriesSequence = [a_series(images, "WEBER^Jan")]
        self._told(Verb.N_SET, uid, self.profile.changed(progress, created))
        reason = next(iter(reasons().values())) if status == performed.DISCONTINUED else None
        final = performed.final(status, performed.what_is_done([item]), [a_series(images, "WEBER^Jan")], begun, reason)
        final.SpecificCharacterSet = "ISO_IR 192"
        if self.profile.has(habits.SETS_AS_ANOTHER):
            self.calling = "CT01_2"
        for _ in range((2 if self.profile.has(habits.ENDS_TWICE) else 1) if ends else 0):
            self._told(Verb.N_SET, uid, self.profile.changed(final, created))
        return uid

    def _told(self, verb: Verb, uid: str, dataset: Dataset) -> str:
        """As it travels and is decoded there; the UID of the answer."""
        data = encode(dataset, EXPLICIT_VR_LITTLE_ENDIAN)
        decoded = decode(data, EXPLICIT_VR_LITTLE_ENDIAN)
        given = uid or new_uid()
        received = Received(
            site=a_site(), verb=verb, sop_instance_uid=given, dataset=datasets.from_dataset(decoded.dataset),
            received_at=clock.now(a_site()), calling_ae_title=self.calling,
        )  # fmt: skip
        status, comment = 0, ""
        try:
            (actions.n_create if verb is Verb.N_CREATE else actions.n_set)(received)
        except Refused as refused:
            status, comment = refused.status, refused.comment
        self._journalled(verb, MODALITY_PERFORMED_PROCEDURE_STEP, uid, given, data, status, comment=comment[:64])
        return given

    def _journalled(
        self, verb: Verb, sop_class: str, uid: str, given: str, data: bytes, status: int, *, comment: str = "", answers: int | None = None
    ) -> None:
        self.at += timedelta(seconds=6)
        info = AssociationInfo(uuid4(), self.calling, "STEPWISE", "10.0.0.7", 4000)
        common = {
            "association_id": info.id, "time": self.at, "verb": verb.value, "message_id": 1, "sop_class_uid": sop_class,
            "transfer_syntax": EXPLICIT_VR_LITTLE_ENDIAN,
        }  # fmt: skip
        asked = MessageEntry(**common, incoming=True, data=data, sop_instance_uid=uid)
        answered = MessageEntry(**common, incoming=False, status=status, comment=comment, sop_instance_uid=given, answer_count=answers)
        journal.write([AssociationStarted(info, self.at, "TESTS"), asked, answered, AssociationEnded(info.id, self.at, self.ending)])


@pytest.fixture(autouse=True)
def lenient_station(db: None) -> None:
    a_station("CT01", strict=False)


def reported(ae_title: str = "CT01") -> report.Report:
    return report.of(a_site(), ae_title, now() - timedelta(hours=1), now() + timedelta(hours=1))


def profile(**more: Iterable[str]) -> Profile:
    return Profile("tested", "Tested", **{name: tuple(values) for name, values in more.items()})


def test_an_exemplary_modality_passes_everything() -> None:
    Station.objects.update(strict=True)
    console = Console()
    console.query()
    console.exam()
    found = reported()
    assert found.failing == set(), [(one.check.code, one.examples) for one in found.results if one.failed]
    assert {one.check.code for one in found.results if not one.passed} == {"REASON"}


def test_an_exemplary_discontinuation_passes_everything() -> None:
    Console().exam(performed.DISCONTINUED)
    found = reported()
    assert found.failing == set()
    assert next(one for one in found.results if one.check.code == "REASON").passed == 1


@pytest.mark.parametrize(
    ("quirk", "failing"),
    [
        ("no_step_sequence", "NARROWED RETURN_KEYS"),
        ("no_step_item", "NARROWED"),
        ("empty_step_item", "NARROWED"),
        ("two_step_items", "ONE_STEP_ITEM"),
        ("empty_character_set", ""),
        ("unknown_character_set", "QUERY_WELL_FORMED"),
        ("time_only", ""),
        ("old_date_form", "QUERY_WELL_FORMED"),
        ("moment_as_date", "QUERY_WELL_FORMED"),
        ("lower_case_modality", "QUERY_WELL_FORMED"),
        ("stars_everywhere", ""),
        ("no_station", ""),
        ("private_elements", ""),
        ("retired_elements", ""),
    ],
)
def test_each_quirk_of_a_query_fails_exactly_its_checks(quirk: str, failing: str) -> None:
    Console(profile(asks=[quirk])).query(station="CT01", dates=f"{clock.today(a_site()):%Y%m%d}", modality="CT")
    assert reported().failing == set(failing.split())


@pytest.mark.parametrize(
    ("quirk", "failing"),
    [
        ("no_relation", "CREATE_COMPLETE"),
        ("no_relation_item", "CREATE_COMPLETE"),
        ("empty_relation", "CARRIES_ACCESSION CARRIES_PROCEDURE CARRIES_STEP"),
        ("doubled_relation", ""),
        ("own_study_uid", "CARRIES_STUDY"),
        ("name_in_capitals", ""),
        ("cut_patient_id", "CARRIES_PATIENT"),
        ("status_only", "FINAL_COMPLETE SERIES"),
        ("status_only_reports", ""),
        ("repeated_identifiers", ""),
        ("moved_start", "UNCHANGED"),
        ("no_series", "SERIES"),
        ("no_protocol_name", "SERIES"),
        ("no_performed_step_id", "CREATE_COMPLETE"),
        ("lower_case_status", "STATUS_EXACT"),
        ("underscore_in_status", "STATUS_EXACT"),
        ("undeclared_characters", "CHARACTERS CARRIES_PATIENT"),
        ("letters_in_uid", "CARRIES_STUDY VALUES_VALID"),
        ("leading_zero", "CARRIES_STUDY VALUES_VALID"),
        ("nul_behind_uids", ""),
    ],
)
def test_each_quirk_of_a_message_fails_exactly_its_checks(quirk: str, failing: str) -> None:
    Console(profile(tells=[quirk])).exam()
    assert reported().failing == set(failing.split())


@pytest.mark.parametrize(("quirk", "failing"), [("no_reason", ""), ("reason_in_words", "REASON")])
def test_each_quirk_of_a_discontinuation_fails_exactly_its_checks(quirk: str, failing: str) -> None:
    Console(profile(tells=[quirk])).exam(performed.DISCONTINUED)
    assert reported().failing == set(failing.split())


@pytest.mark.parametrize(
    ("habit", "failing"),
    [
        (habits.NO_INSTANCE_UID, "UID_GIVEN"),
        (habits.CREATES_TWICE, "CREATED_ONCE"),
        (habits.ENDS_TWICE, "NOT_AFTER_FINAL"),
        (habits.SETS_AS_ANOTHER, "SAME_CALLER"),
    ],
)
def test_each_habit_fails_exactly_its_checks(habit: str, failing: str) -> None:
    Console(profile(habits=[habit])).exam()
    assert reported().failing == set(failing.split())


def test_the_titles_of_one_station_are_one_caller() -> None:
    """The N-CREATE came under the former one, before the modality was changed, too."""
    console = Console()
    uid = console.exam(ends=False)
    rename_station(a_site(), Renaming("CT01"), "CT-EAST", ACTOR)
    progress = Dataset()
    progress.PerformedProcedureStepStatus, progress.PerformedSeriesSequence = performed.IN_PROGRESS, [a_series(1, "WEBER^Jan")]
    for calling, failing in (("CT-EAST", set()), ("CT01", set()), ("CT01_2", {"SAME_CALLER"})):
        console.calling = calling
        console._told(Verb.N_SET, uid, progress)
        assert reported("CT-EAST").failing == failing
    (example,) = next(one for one in reported("CT-EAST").results if one.check.code == "SAME_CALLER").examples
    assert example.verdict.text == "its messages came as CT-EAST, CT01, CT01_2"


def test_a_title_that_the_modality_got_before_its_station_did_is_no_fault_of_it() -> None:
    Station.objects.update(registered_at=now() - timedelta(days=30))
    rejection = "calling AE title not recognized (1/1/3): calling AE title 'CT-EAST' is not known here"
    early = AssociationInfo(uuid4(), "CT-EAST", "STEPWISE", "10.0.0.7", 4000)
    journal.write([AssociationStarted(early, now() - timedelta(minutes=5), "TESTS", rejection)])
    rename_station(a_site(), Renaming("CT01"), "CT-EAST", ACTOR)
    assert reported("CT-EAST").failing == set()
    under_the_former = AssociationInfo(uuid4(), "CT01", "STEPWISE", "10.0.0.7", 4000)
    journal.write([AssociationStarted(under_the_former, now() - timedelta(minutes=5), "TESTS", rejection)])
    assert reported("CT-EAST").failing == {"ACCEPTED"}


def invented(**more: str) -> dict[str, str]:
    return {"StudyInstanceUID": new_uid(), "AccessionNumber": "", "RequestedProcedureID": "", "ScheduledProcedureStepID": ""} | more


def test_identifiers_of_no_worklist_item_fail_and_an_exam_that_claims_none_does_not(signed_in: SignIn) -> None:
    console = Console(at=now() - timedelta(minutes=5))
    console.exam(claims=invented())
    assert reported().failing == set()
    console.exam(claims=invented(AccessionNumber="TYPED-1", ScheduledProcedureStepID="SPS-X"))
    result = next(one for one in reported().results if one.check.code == "NAMES_ITEM")
    assert (result.failed, result.passed) == (1, 0)
    said = result.examples[0].verdict.text
    assert said == "it named identifiers of no one worklist item: AccessionNumber 'TYPED-1', ScheduledProcedureStepID 'SPS-X'"
    assert reported().failing == {"NAMES_ITEM"}
    page = signed_in("technologist").get(reverse("station-report", args=["CT01"])).content.decode()
    (row,) = re.findall(r'<tr [^>]*id="check-CARRIES_ACCESSION".*?</tr>', page, re.DOTALL)
    assert "Not seen" in row and "No performed step was taken for an exam of the worklist" in row


def test_what_only_a_person_linked_and_ended_says_nothing_about_the_modality() -> None:
    console = Console(at=now() - timedelta(hours=25))
    uid = console.exam(claims=invented(), ends=False)
    step = ScheduledProcedureStep.objects.get()
    StepLink.objects.update(step=step, how=StepLink.How.HAND)
    ScheduledProcedureStep.objects.update(status="DISCONTINUED")
    found = report.of(a_site(), "CT01", now() - timedelta(days=2), now())
    assert {one.check.code for one in found.results if one.check.code.startswith(("CARRIES", "NAMES")) and one.judged} == set()
    assert "ENDED" in found.failing
    PerformedProcedureStep.objects.filter(sop_instance_uid=uid).update(status="COMPLETED")
    assert "ENDED" not in report.of(a_site(), "CT01", now() - timedelta(days=2), now()).failing


def test_how_associations_end_and_begin_is_checked() -> None:
    Console(ending=Ending.ABORTED).query()
    assert reported().failing == {"RELEASED"}
    info = AssociationInfo(uuid4(), "CT01", "RIS", "10.0.0.7", 4000)
    journal.write([AssociationStarted(info, now(), "TESTS", "called AE title not recognized (1/1/7): 'RIS'")])
    assert reported().failing == {"RELEASED", "ACCEPTED"}


def test_a_completed_exam_may_have_made_nothing_and_n_sets_of_nothing_are_told() -> None:
    Console().exam(images=0)
    assert reported().failing == set()
    modified = Dataset()
    modified.PerformedProcedureStepStatus = "COMPLETED"
    Console()._told(Verb.N_SET, new_uid(), modified)
    assert reported().failing == {"SET_AFTER_CREATE"}


def test_a_reason_that_is_not_given_is_not_seen() -> None:
    Console(profile(tells=["no_reason"])).exam(performed.DISCONTINUED)
    reason = next(one for one in reported().results if one.check.code == "REASON")
    assert (reason.judged, "legal (type 3)" in reason.check.unseen) == (0, True)


@pytest.mark.parametrize(
    ("answered", "failing"), [(0, {"CREATED_ONCE"}), (None, set()), (statuses.PROCESSING_FAILURE, set())], ids=["taken", "lost", "refused"]
)
def test_only_an_n_create_that_was_answered_is_not_sent_again(answered: int | None, failing: set[str]) -> None:
    console = Console(profile(habits=[habits.CREATES_TWICE]))
    console.exam()
    first = Message.objects.filter(service=Verb.N_CREATE.value, direction=Message.Direction.OUT).earliest("pk")
    Message.objects.filter(pk=first.pk).update(status=answered)
    assert reported().failing == failing


@pytest.mark.parametrize(
    ("note", "failing"),
    [
        ("the server stopped before all was answered", set()),
        ("an answer could not be made (OSError)", set()),
        ("idle for 60 s", {"RELEASED"}),
    ],
)
def test_what_was_aborted_here_fails_a_modality_for_what_it_did(note: str, failing: set[str]) -> None:
    info = AssociationInfo(uuid4(), "CT01", "STEPWISE", "10.0.0.7", 4000)
    journal.write([AssociationStarted(info, now(), "TESTS"), AssociationEnded(info.id, now(), Ending.ABORTED_HERE, note)])
    assert reported().failing == failing


def test_a_number_that_is_none_is_a_value_and_no_character() -> None:
    decoded = decode(b"\x18\x00\x50\x11IS\x08\x0012SMITH ", EXPLICIT_VR_LITTLE_ENDIAN)
    message = Message(time=now(), service=Verb.N_SET.value, sop_instance_uid="1.2.3")
    told = Told(message, None, datasets.from_dataset(decoded.dataset), decoded.notes)
    heard = Heard(a_site(), "CT01", now(), now(), (), (), (Instance("1.2.3", [told]),), False)
    failing = {one.code: one.text for one in judged(heard) if one.text}
    assert "'12SMITH' is no number" in failing["VALUES_VALID"] and "CHARACTERS" not in failing


def test_a_rush_and_a_list_of_everything_are_told() -> None:
    console = Console()
    console.query(station="CT01")
    console.at -= timedelta(seconds=5)
    console.query(station="CT01")
    console.query(step_id="")
    assert reported().failing == {"NOT_IN_A_RUSH", "NARROWED"}


def test_files_say_the_same_and_hide_values_when_asked(signed_in: SignIn) -> None:
    Console(profile(tells=["cut_patient_id"])).exam()
    client, address = signed_in("integrator"), reverse("station-report-file", args=["CT01"])
    whole = client.post(address, {"kind": "json"}).content.decode()
    hidden = client.post(address, {"kind": "json", "mask": "on"}).content.decode()
    assert "4812366" in whole and "481236" not in hidden
    checks = {one["check"]: one for one in json.loads(hidden)["checks"]}
    assert checks["CARRIES_PATIENT"]["state"] == "failed"
    assert checks["CARRIES_PATIENT"]["examples"][0]["text"] == "PatientID is '•••', the worklist has '•••'"
    assert checks["CARRIES_PATIENT"]["examples"][0]["message"] == "N-CREATE, Message ID 1, answered 0000H"
    assert json.loads(hidden)["software"] == ["TESTS"]
    at = datetime.fromisoformat(checks["CARRIES_PATIENT"]["examples"][0]["time"])
    assert at.utcoffset() == clock.local(at).utcoffset(), "on the hospital's clock"
    rows = list(csv.DictReader(io.StringIO(client.post(address, {"kind": "csv", "mask": "on"}).content.decode())))
    assert [row["check"] for row in rows] == [check.code for check in CHECKS]
    document = client.post(address, {"kind": "html", "mask": "on"}).content.decode()
    assert "1 of 1 failed. Copy PatientID and PatientName" in document
    assert "CARRIES_PATIENT" in document and "481236" not in document
    assert "<script" not in document and "href" not in document
    assert client.post(address, {"kind": "exe"}).status_code == 400


def test_a_spreadsheet_is_given_no_formula(signed_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    Console(profile(tells=["cut_patient_id"])).exam()
    monkeypatch.setattr(report, "_rows", lambda _: [("=1+1", "PatientID", 1)])
    file = signed_in("integrator").post(reverse("station-report-file", args=["CT01"]), {"kind": "csv"}).content.decode()
    assert file.splitlines()[1] == "'=1+1,PatientID,1"


def test_whom_a_report_shows_is_recorded_as_sent_and_as_the_worklist_has_it(signed_in: SignIn) -> None:
    """The page as a list, each file as taken away, in whatever form."""
    Console(profile(tells=["cut_patient_id"])).exam()
    client, step = signed_in("integrator"), ScheduledProcedureStep.objects.get()
    order = step.requested_procedure.order
    assert order.patient.patient_id in client.get(reverse("station-report", args=["CT01"])).content.decode()
    for kind in ("html", "csv", "json"):
        client.post(reverse("station-report-file", args=["CT01"]), {"kind": kind})
    rows = AuditRecord.objects.filter(place__startswith="station-report").order_by("pk")
    assert [(row.event, row.detail["asked"].get("kind")) for row in rows] == [
        (audit.LIST, None), (audit.EXPORT, "html"), (audit.EXPORT, "csv"), (audit.EXPORT, "json"),
    ]  # fmt: skip
    for row in rows:
        about = {(one.patient_key, one.patient_id) for one in row.patients.all()}
        assert (order.patient_id, "4812366") in about
        assert len(about) == 2, "the ID that it sent, which is nobody's, is recorded too"


def test_what_was_called_is_told_without_values_too_and_only_since_the_station_is_known(signed_in: SignIn) -> None:
    Station.objects.update(registered_at=now() - timedelta(minutes=1))
    before = AssociationInfo(uuid4(), "CT01", "STEPWISE", "10.0.0.7", 4000)
    journal.write([AssociationStarted(before, now() - timedelta(minutes=5), "TESTS", "calling AE title not recognized (1/1/3): unknown")])
    assert reported().failing == set()
    info = AssociationInfo(uuid4(), "CT01", "RIS", "10.0.0.7", 4000)
    rejection = "called AE title not recognized (1/1/7): called AE title 'RIS' is not served here"
    journal.write([AssociationStarted(info, now(), "TESTS", rejection)])
    client, address = signed_in("integrator"), reverse("station-report-file", args=["CT01"])
    for kind in ("html", "csv", "json"):
        sent = unescape(client.post(address, {"kind": kind, "mask": "on"}).content.decode())
        assert "called AE title 'RIS' is not served here" in sent
        (at,) = set(re.findall(r"(20\d\d-\d\d-\d\dT\S+?) called AE|\"time\": \"(\S+)\"", sent))
        assert datetime.fromisoformat("".join(at)).utcoffset() == clock.local(now()).utcoffset()
    assert report.masked("'CT01' may not call from 10.1.2.3; 'DOE' is odd") == "'CT01' may not call from 10.1.2.3; '•••' is odd"


def test_a_value_with_quotation_marks_is_hidden_too() -> None:
    assert report.masked(f"PatientName is {'O' + chr(39) + 'HARA^X'!r}, the worklist has {'a' + chr(39) + 'b' + chr(34) + 'c'!r}") == (
        "PatientName is '•••', the worklist has '•••'"
    )


@pytest.mark.parametrize("cut", ["PatientID 'P481", 'PatientID "P481', "PatientID 'P\\'481", "PatientID 'P481\\", "PatientID “P481"])
def test_a_value_whose_end_was_cut_off_is_hidden_to_the_end(cut: str) -> None:
    assert report.masked(f"the station's comment was {cut}") == "the station's comment was PatientID '•••'"


def test_the_page_links_to_what_failed_and_says_what_days_it_can_read(signed_in: SignIn) -> None:
    Console(profile(tells=["cut_patient_id"])).exam()
    client, address = signed_in("technologist"), reverse("station-report", args=["CT01"])
    page = client.get(address).content.decode()
    assert "1 of" in page and "Copy PatientID and PatientName of the worklist item as they are" in page
    assert "/messages/" in page and "As a file for the vendor" not in page
    assert "sent nothing on these days" in client.get(f"{address}?from=01-Jan-2026&to=02-Jan-2026").content.decode()
    for days in ("from=soon", "from=02-Jan-2026&to=01-Jan-2026", "from=01-Jan-2026&to=31-Mar-2026"):
        assert client.get(f"{address}?{days}").status_code == 422


def test_the_document_has_the_table() -> None:
    document = Path(__file__).resolve().parents[3] / "docs" / "station-report.md"
    assert markdown() in document.read_text(), "write the table of stepwise.modality_report.checks.markdown() into docs/station-report.md"
    assert len({check.code for check in CHECKS}) == len(CHECKS)
