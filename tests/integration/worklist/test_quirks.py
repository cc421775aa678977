"""What consoles of real modalities send in a C-FIND, byte for byte: answered right, and noted where it is not as it should be."""

import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from pydicom.dataset import Dataset

from dimse import scu, statuses
from dimse.server import DicomServer, ServerSettings
from dimse.services import (
    EXPLICIT_VR_BIG_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    MODALITY_PERFORMED_PROCEDURE_STEP,
    MODALITY_WORKLIST,
)
from dimse.uids import new_uid
from mpps.models import PerformedProcedureStep
from ris import clock
from ris.actions import patients, steps
from ris.actions.stations import data_of, save_station
from ris.models import Order, Site, Station
from tests.integration.worklist.conftest import Journal
from tests.support import wire
from tests.support.consoles import Console, items, key, of_step, opened
from tests.support.hospital import ACTOR, a_patient_data, a_pool, a_procedure, a_station, an_order, in_minutes, steps_of
from tests.support.odd_datasets import Element
from tests.support.wait import wait_until
from tests.support.worklist import identifier
from training.performed import Device, in_progress
from worklist import findings, keys
from worklist.find import Found, Search
from worklist.models import WorklistFinding

LOCAL = ZoneInfo("America/New_York")
STATION, MODALITY = "ScheduledStationAETitle", "Modality"
DATE, TIME = "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime"


@pytest.fixture
def console(server: DicomServer) -> Iterator[Console]:
    """CT01's, on one association."""
    a_station("CT01")
    with opened(server.port) as console:
        yield console


@pytest.fixture
def two_exams(site: Site) -> None:
    """P1, MÜLLER without a given name, on CT01; P2 on MR02."""
    a_station("MR02", "MR")
    an_order(patient_id="P1", name="MÜLLER")
    an_order(a_procedure("MRHEAD", modality="MR"), station="MR02", patient_id="P2", name="SMITH^Ann", start=in_minutes(20))


def tolerated(attribute: str) -> str:
    """The text of the finding about an attribute of CT01's queries."""
    findings.gathering.write()
    return WorklistFinding.objects.get(code="TOLERATED_IN_QUERY", station_ae_title="CT01", attribute=attribute).text


# --- 1: the step sequence -----------------------------------------------------------------------------------------

NO_ITEM = items("ScheduledProcedureStepSequence")
EMPTY_ITEM = of_step()


@pytest.mark.usefixtures("two_exams")
@pytest.mark.parametrize("sequence", [[], [NO_ITEM], [EMPTY_ITEM]], ids=["absent", "no item", "an empty item"])
def test_without_a_step_key_every_step_matches(console: Console, journal: Journal, sequence: list[Element]) -> None:
    found = console.ask(*sequence, key("PatientID"))
    assert [answer.PatientID for answer in found] == ["P1", "P2"]
    for answer in found if sequence else ():
        (item,) = answer.ScheduledProcedureStepSequence
        assert item.ScheduledProcedureStepID and item.Modality and item.ScheduledStationAETitle
    assert journal.notes == ""


@pytest.mark.usefixtures("two_exams")
def test_of_several_step_items_the_first_is_used_and_noted(console: Console, journal: Journal) -> None:
    both = items("ScheduledProcedureStepSequence", [key(MODALITY, b"MR")], [key(MODALITY, b"CT")])
    assert console.patients(both) == ["P2"]
    note = "ScheduledProcedureStepSequence has 2 items; the first is used"
    wait_until(lambda: note in journal.notes, 10, "it is noted in the journal")
    assert tolerated("ScheduledProcedureStepSequence") == note


# --- 2: a level that the worklist does not have -------------------------------------------------------------------


@pytest.mark.usefixtures("two_exams")
def test_a_query_retrieve_level_is_ignored(console: Console) -> None:
    for level in (b"", b"PATIENT", b"STUDY", b"WORKLIST"):
        console.peer.send(console.query(key("QueryRetrieveLevel", level), of_step(key(MODALITY, b"CT")), key("PatientID")))
        seen, found = console.responses()
        assert seen == [statuses.PENDING, statuses.SUCCESS], "it is no key that is not supported either"
        assert [answer.PatientID for answer in found] == ["P1"]
        assert "QueryRetrieveLevel" not in found[0]


# --- 3: character sets --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("two_exams")
def test_whatever_character_set_is_declared_an_answer_that_needs_one_says_which(console: Console) -> None:
    for declared in (None, b"", b"ISO_IR 100", b"\\ISO 2022 IR 87", b"ISO 2022 IR 6\\ISO 2022 IR 100", b"KLINGON"):
        declaration = [] if declared is None else [key("SpecificCharacterSet", declared)]
        (answer,) = console.ask(*declaration, key("PatientName", b"M*"), key("PatientID"))
        assert (declared, str(answer.PatientName), bool(answer.get("SpecificCharacterSet"))) == (declared, "MÜLLER", True)
        (plain,) = console.ask(*declaration, key("PatientName", b"SMITH*"))
        assert "SpecificCharacterSet" not in plain or plain.SpecificCharacterSet


@pytest.mark.usefixtures("two_exams")
def test_a_character_set_that_nobody_knows_is_noted(console: Console, journal: Journal) -> None:
    assert console.patients(key("SpecificCharacterSet", b"KLINGON"), of_step(key(MODALITY, b"CT"))) == ["P1"]
    wait_until(lambda: "'KLINGON' is unknown" in journal.notes, 10, "it is noted in the journal")
    assert "'KLINGON' is unknown" in tolerated("SpecificCharacterSet")


# --- 4: wildcards and padding -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("two_exams")
def test_a_wildcard_alone_asks_for_everything_whatever_its_attribute_and_padding(console: Console) -> None:
    asked = (
        *(key("PatientName", value) for value in (b"*", b"* ", b"**", b"*^*", b"*=*", b"^", b" ")),
        *(of_step(key(STATION, value)) for value in (b"*", b"* ", b"  ")),
        *(of_step(key(MODALITY, value)) for value in (b"*", b"* ")),
        *(of_step(key(DATE, value)) for value in (b"*", b"* ", b"-")),
        of_step(key(TIME, b"*")),
    )
    assert [(one, console.patients(one)) for one in asked] == [(one, ["P1", "P2"]) for one in asked]


@pytest.mark.usefixtures("two_exams")
def test_padding_and_case_do_not_hide_an_exam(console: Console) -> None:
    asked = (
        *(key("PatientName", value) for value in (b"MULLER^", b"muller", b"mul*  ", b"MULLER^^^^", b"M?LLER^*", b"*ler")),
        *(of_step(key(MODALITY, value)) for value in (b"ct", b"Ct ", b" CT")),
        *(of_step(key(STATION, value)) for value in (b"CT01 ", b" CT01")),
    )
    assert [(one, console.patients(one)) for one in asked] == [(one, ["P1"]) for one in asked]


# --- 5: dates and times -------------------------------------------------------------------------------------------


@pytest.fixture
def four_exams(site: Site) -> None:
    """At 08:00 and 22:00 of a day, at 09:00 and 20:00 of the next."""
    for number, (day, hour) in enumerate(((10, 8), (10, 22), (11, 9), (11, 20)), start=1):
        an_order(patient_id=f"P{number}", start=datetime(2030, 1, day, hour, tzinfo=LOCAL))


INTERVALS = (
    (b"", b"0700-0930", "P1 P3"),  # the hours of every day
    (b"20300110", b"0700-0930", "P1"),
    (b"20300110-20300111", b"0830-0930", "P2 P3"),  # one interval (PS3.4 Table K.6-1)
    (b"20300110-20300111", b"", "P1 P2 P3 P4"),
    (b"20300111-", b"", "P3 P4"),
    (b"-20300110", b"", "P1 P2"),
    (b"20300110-", b"2100-", "P2 P3 P4"),
    (b"-20300111", b"-0900", "P1 P2 P3"),
    (b" 20300110 ", b"", "P1 P2"),
    (b"20300110 - 20300110", b"07 - 09", "P1"),
    (b"20300110220000", b"", "P1 P2"),  # a date and time in a DA: its day
    (b"2030.01.11", b"09:00:00", "P3"),
    (b"20300111", b"0900", "P3"),
    (b"20300111", b"090000.000000", "P3"),
)


@pytest.mark.usefixtures("four_exams")
def test_dates_and_times_are_understood_as_they_are_meant(console: Console) -> None:
    found = [(day, time, " ".join(console.patients(of_step(key(DATE, day), key(TIME, time))))) for day, time, _ in INTERVALS]
    assert found == list(INTERVALS)


# --- 6: whose list ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("two_exams")
def test_the_station_asked_for_decides_whose_list_it_is(console: Console) -> None:
    assert console.patients(of_step(key(MODALITY))) == ["P1", "P2"], "none is asked for"
    whose = {b"": ["P1", "P2"], b"CT01": ["P1"], b"MR02": ["P2"], b"NOBODY": []}
    assert {station: console.patients(of_step(key(STATION, station))) for station in whose} == whose


def test_a_step_of_several_stations_is_on_the_list_of_each(console: Console) -> None:
    a_pool("ANYCT", a_station("CT01"), a_station("CT02"))
    steps.schedule(steps_of(an_order(patient_id="P1"))[0].pk, "ANYCT", in_minutes(30), ACTOR)
    for station, found in ((b"CT01", 1), (b"CT02", 1), (b"CT03", 0)):
        answers = console.ask(of_step(key(STATION, station)))
        assert [list(one.ScheduledProcedureStepSequence[0].ScheduledStationAETitle) for one in answers] == [["CT01", "CT02"]] * found


# --- 7: what is no key --------------------------------------------------------------------------------------------

STRANGE = (
    *(Element(tag, "UL", b"\x1c\0\0\0") for tag in (0x00080000, 0x00100000, 0x00400000)),  # group lengths
    *(Element(tag, vr, value) for tag, vr, value in ((0x00090010, "LO", b"ACME 1.1"), (0x00091001, "UN", b"\1\2\3\4"))),
    Element(0x00290011, "LO", b"ACME QUERY"),
    *(key(keyword) for keyword in ("OtherPatientNames", "InsurancePlanIdentification", "AdmittingDate")),  # retired ones among them
    Element(0x00404444, "UN", b""),  # nobody's
    Element(0x00404445, "UN", b"ABCD"),
)


@pytest.mark.usefixtures("two_exams")
def test_an_element_that_nobody_knows_is_no_error_at_root_or_in_the_step(console: Console) -> None:
    for strange in STRANGE:
        assert (strange, console.patients(strange, of_step(key(MODALITY, b"CT")))) == (strange, ["P1"])
        assert (strange, console.patients(of_step(key(MODALITY, b"CT"), strange))) == (strange, ["P1"])


# --- 8: empty identifiers and numbers -----------------------------------------------------------------------------


def _values(dataset: Dataset, vr: str) -> Iterator[str]:
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from _values(item, vr)
        elif vr == element.VR:
            yield str(element.value or "")


@pytest.mark.usefixtures("two_exams")
def test_empty_uids_within_sequences_and_numbers_without_value_are_asked_for_and_never_answered_as_empty_uids(console: Console) -> None:
    reference = [key("ReferencedSOPClassUID"), key("ReferencedSOPInstanceUID")]
    sequences = [items(keyword, reference) for keyword in ("ReferencedStudySequence", "ReferencedPatientSequence")]
    found = console.ask(*sequences, key("PregnancyStatus"), key("StudyInstanceUID"), key("PatientWeight"), of_step(key(MODALITY)))
    assert len(found) == 2
    for answer in found:
        assert answer["PregnancyStatus"].is_empty
        assert all(_values(answer, "UI"))
        assert len(answer.ReferencedStudySequence) == len(answer.ReferencedPatientSequence) == 0


# --- 9: every key comes back --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("two_exams")
def test_every_supported_key_that_is_asked_for_comes_back_with_a_value_or_empty(console: Console) -> None:
    root = [key(one.keyword) for one in keys.ROOT.values() if one is not keys.STEP_SEQUENCE]
    step = [key(one.keyword) for one in keys.STEP.values()]
    empty = [one._replace(value=[]) if one.vr == "SQ" else one for one in (*root, *step)]
    at_root, in_step = empty[: len(root)], empty[len(root) :]
    found = console.ask(*at_root, of_step(*in_step))
    assert len(found) == 2
    for answer in found:
        (item,) = answer.ScheduledProcedureStepSequence
        for table, where in ((keys.ROOT, answer), (keys.STEP, item)):
            unconditional = {tag for tag, one in table.items() if one.returned in ("1", "2", "3")}
            assert unconditional - set(where.keys()) == set()
            assert [one.keyword for tag, one in table.items() if one.returned == "1" and where[tag].is_empty] == []
        assert answer.StudyInstanceUID and answer.RequestedProcedureID and item.ScheduledProcedureStepID


# --- 10: the final status -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("two_exams")
@pytest.mark.parametrize(("at_limit", "final"), [("0000", statuses.SUCCESS), ("A700", statuses.OUT_OF_RESOURCES)])
def test_an_answer_limit_is_a_choice_of_the_station_and_so_is_its_status(console: Console, site: Site, at_limit: str, final: int) -> None:
    asked = console.query(key("PatientID"))
    console.peer.send(asked)
    assert console.responses()[0] == [statuses.PENDING, statuses.PENDING, statuses.SUCCESS]
    known = data_of(Station.objects.get(site=site, ae_title="CT01"))
    save_station(site, replace(known, answer_limit=1, at_answer_limit=at_limit), ACTOR)
    console.peer.send(asked)
    assert console.responses()[0] == [statuses.PENDING, final]


ODD_LENGTH = struct.pack("<HHL", 0x0029, 0x1002, 9) + b"123456789"  # a private UN element, in Implicit VR
REFUSED = [
    (lambda console: wire.find(1, ODD_LENGTH), 0xC002, "QUERY_UNDECODABLE", "(0029,1002)", "(0029,1002): the value's length 9 is odd"),
    (lambda console: console.query(of_step(key(DATE, b"2026-07-06"))), 0xA900, "QUERY_KEY_REFUSED", DATE, "'2026-07-06' is no date"),
    (lambda console: console.query(key("PatientID")), 0xA700, "QUERY_TOO_WIDE", "", "More than 1 exams match"),
]


@pytest.mark.usefixtures("two_exams")
@pytest.mark.parametrize(("asked", "status", "code", "attribute", "told"), REFUSED, ids=["undecodable", "no date", "too wide"])
def test_a_query_that_is_refused_is_a_finding_of_its_station_with_the_attribute_and_the_whole_reason(
    console: Console, site: Site, asked: Callable[[Console], bytes], status: int, code: str, attribute: str, told: str
) -> None:
    known = data_of(Station.objects.get(site=site, ae_title="CT01"))
    save_station(site, replace(known, answer_limit=1, at_answer_limit="A700"), ACTOR)
    console.peer.send(asked(console))
    assert console.responses()[0][-1] == status
    findings.gathering.write()
    found = WorklistFinding.objects.get()
    assert (found.station_ae_title, found.code, found.attribute, found.step) == ("CT01", code, attribute, None)
    assert found.text.startswith(f"C-FIND refused, {status:04X} {statuses.name_of(status)}: ") and told in found.text


def test_a_query_that_fails_here_is_a_finding_that_says_so(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(asked: Search) -> Iterator[list[Found]]:
        raise ZeroDivisionError

    monkeypatch.setattr(Search, "pages", broken)
    console.peer.send(console.query(key("PatientID")))
    assert console.responses()[0] == [statuses.HANDLER_FAILED]
    findings.gathering.write()
    assert WorklistFinding.objects.get().code == "QUERY_FAILED"


# --- 11: ends of queries and associations -------------------------------------------------------------------------


@pytest.mark.usefixtures("two_exams")
def test_a_cancel_in_the_middle_ends_the_answers_with_fe00(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = Search.pages

    def without_end(search: Search) -> Iterator[object]:
        while True:
            yield from pages(search)

    monkeypatch.setattr(Search, "pages", without_end)
    console.peer.send(console.query(key("PatientID")))
    assert console.peer.status() == statuses.PENDING
    console.peer.send(console.cancel())
    assert console.peer.final_status() == statuses.CANCELED
    monkeypatch.undo()
    assert console.patients() == ["P1", "P2"]


@pytest.mark.usefixtures("two_exams")
def test_a_cancel_after_the_last_answer_is_ignored(console: Console) -> None:
    assert console.patients() == ["P1", "P2"]
    console.peer.send(console.cancel())
    assert console.patients() == ["P1", "P2"]


@pytest.mark.usefixtures("two_exams")
@pytest.mark.parametrize(("words", "ending"), [(wire.ABORT, "aborted"), (b"", "closed")], ids=["A-ABORT", "nothing"])
def test_however_a_console_ends_the_next_one_is_served_and_the_journal_knows(
    server: DicomServer, journal: Journal, words: bytes, ending: str
) -> None:
    with wire.connected(server.port) as peer:
        assert Console(peer.associate(), IMPLICIT_VR_LITTLE_ENDIAN).patients() == ["P1", "P2"]
        peer.send(words)
    wait_until(lambda: journal.endings == [ending], 10, "the end is journalled")
    with opened(server.port) as console:
        assert console.patients() == ["P1", "P2"]


def test_an_association_may_be_idle_for_minutes() -> None:
    assert ServerSettings().idle_timeout >= 600


@pytest.mark.usefixtures("two_exams")
def test_everybody_asks_at_the_same_moment(server: DicomServer) -> None:
    with ExitStack() as stack:
        consoles = [stack.enter_context(opened(server.port, f"CT{number:02}")) for number in range(1, 41)]
        for console in consoles:
            console.peer.send(console.query(key("PatientID")))
        seen = [console.responses()[0] for console in consoles]
    assert seen == [[statuses.PENDING, statuses.PENDING, statuses.SUCCESS]] * 40


# --- 12: one transfer syntax, one association or many -------------------------------------------------------------


@pytest.mark.parametrize("transfer_syntax", [IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN])
def test_a_console_with_one_old_transfer_syntax_is_served_all_day_or_for_one_query(server: DicomServer, transfer_syntax: str) -> None:
    an_order(patient_id="P1", name="MÜLLER^Jürgen", pregnancy_status=4)
    asked = (key("PatientName", b"M*"), key("PregnancyStatus"), of_step(key(MODALITY, b"CT")))
    answers: list[Dataset] = []
    with opened(server.port, transfer_syntax=transfer_syntax) as console:
        for _ in range(3):
            answers += console.ask(*asked)
    for _ in range(2):
        with opened(server.port, transfer_syntax=transfer_syntax) as console:
            answers += console.ask(*asked)
    assert [(answer.PatientName, answer.PregnancyStatus) for answer in answers] == [("MÜLLER^Jürgen", 4)] * 5


# --- 13: a list of hours ago --------------------------------------------------------------------------------------


def _cached(server: DicomServer, order: Order) -> Dataset:
    """The item as CT01 keeps it."""
    asked = identifier(
        dict.fromkeys((MODALITY, "ScheduledProcedureStepID", "ScheduledProcedureStepDescription"), ""),
        **dict.fromkeys(("PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyInstanceUID"), ""),
        PatientID=order.patient.patient_id,
        RequestedProcedureID="",
    )
    with scu.open_association("127.0.0.1", server.port, calling="CT01", called="STEPWISE", contexts=[MODALITY_WORKLIST]) as association:
        (item,) = association.find(asked)
    return item


def _begun(server: DicomServer, item: Dataset) -> PerformedProcedureStep:
    """CT01 begins the exam of the item."""
    uid, contexts = new_uid(), [MODALITY_PERFORMED_PROCEDURE_STEP]
    began = clock.local(clock.now())
    with scu.open_association("127.0.0.1", server.port, calling="CT01", called="STEPWISE", contexts=contexts) as association:
        answer = association.n_create(in_progress([item], Device("CT01", "CT"), began, "PPS-1"), uid)
    assert answer.status == statuses.SUCCESS, answer
    return PerformedProcedureStep.objects.get(sop_instance_uid=uid)


def test_an_item_whose_step_was_moved_and_whose_patient_was_corrected_meanwhile_still_reconciles(server: DicomServer) -> None:
    a_station("CT02")
    order = an_order(patient_id="P1", name="MÜLLER^Jürgen")
    item, (step,) = _cached(server, order), steps_of(order)
    steps.schedule(step.pk, "CT02", in_minutes(90), ACTOR)
    patients.update_patient(order.patient, a_patient_data(patient_id="P1", name="MÜLLER^Georg"), ACTOR)
    performed = _begun(server, item)
    assert [link.step for link in performed.links.all()] == [step]
    assert (performed.unscheduled, steps_of(order)[0].status) == (False, "STARTED")


def test_an_item_whose_step_was_started_already_still_reconciles_and_starts_nothing_twice(server: DicomServer) -> None:
    order = an_order(patient_id="P1")
    item, (step,) = _cached(server, order), steps_of(order)
    first, second = _begun(server, item), _begun(server, item)
    assert [link.step for one in (first, second) for link in one.links.all()] == [step, step]
    assert [change.verb for change in step.changes.all()].count("start") == 1
    with opened(server.port) as console:
        assert console.ask(key("PatientID")) == [], "what was started is offered to nobody else"
