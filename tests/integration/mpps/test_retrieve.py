"""N-GET over the network (PS3.4 F.8): what comes back, in which character set, and the standard's status for what does not."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from pydicom.dataset import Dataset

from dimse import statuses
from dimse.outcomes import ScuAnswer
from dimse.scu import ScuAssociation, open_association
from dimse.server import DicomServer, ServerSettings
from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP, MPPS_RETRIEVE, TRANSFER_SYNTAXES, Verb
from dimse.uids import new_uid
from mpps import actions, datasets
from mpps import scp as mpps_scp
from mpps.models import PerformedProcedureStep
from ris.actions.stations import StationData, save_station
from ris.models import RequestedProcedure
from tests.support.hospital import ACTOR, a_site, a_station, an_order, steps_of
from tests.support.mpps import a_create, a_series, an_end, received

Retrieve = Callable[..., ScuAnswer]
PATIENT_NAME, PATIENT_ID, CHARACTER_SET, STATUS, SERIES = 0x00100010, 0x00100020, 0x00080005, 0x00400252, 0x00400340
COMMENTS, STUDY_UID, UNKNOWN, CODES, ADMISSION = 0x00400280, 0x0020000D, 0x00191010, 0x00081032, 0x00380010


@pytest.fixture
def connect(transactional_db: None) -> Iterator[Callable[..., AbstractContextManager[ScuAssociation]]]:
    a_station("CT01")
    server = DicomServer([mpps_scp.MPPS, mpps_scp.MPPS_RETRIEVE], ServerSettings(ae_title=a_site().ae_title, port=0))
    server.start()

    @contextmanager
    def opened(calling: str = "CT01", syntax: str = TRANSFER_SYNTAXES[0]) -> Iterator[ScuAssociation]:
        contexts = [MPPS_RETRIEVE, MODALITY_PERFORMED_PROCEDURE_STEP]
        called = server.settings.ae_title
        with open_association(
            "127.0.0.1", server.port, calling=calling, called=called, contexts=contexts, transfer_syntaxes=[syntax]
        ) as association:
            yield association

    yield opened
    server.stop()


@pytest.fixture
def retrieve(connect: Callable[..., AbstractContextManager[ScuAssociation]]) -> Retrieve:
    def retrieve(uid: str, *tags: int, calling: str = "CT01", syntax: str = TRANSFER_SYNTAXES[0]) -> ScuAnswer:
        with connect(calling, syntax) as association:
            return association.n_get(uid, tags)

    return retrieve


def an_exam(**changes: object) -> str:
    """The UID of a performed step whose N-CREATE was accepted."""
    uid = new_uid()
    actions.n_create(received(Verb.N_CREATE, uid, a_create(steps_of(an_order(name="MÜLLER^Jürgen"))[0], **changes)))
    return uid


def of(answer: ScuAnswer) -> Dataset:
    assert answer.dataset is not None, answer
    return answer.dataset


@pytest.mark.parametrize("syntax", TRANSFER_SYNTAXES)
def test_all_attributes_come_back_in_every_transfer_syntax(retrieve: Retrieve, syntax: str) -> None:
    uid = an_exam(EntranceDoseInmGy="1.50", CommentsOnThePerformedProcedureStep="nüchtern")
    actions.n_set(received(Verb.N_SET, uid, an_end()))
    answer = retrieve(uid, syntax=syntax)
    assert (answer.status, answer.sop_instance_uid, answer.offending) == (statuses.SUCCESS, uid, ())
    stored = PerformedProcedureStep.objects.get().attributes
    got = datasets.from_dataset(of(answer))
    assert {key: element for key, element in got.items() if key in stored} == stored
    assert of(answer).SpecificCharacterSet == "ISO_IR 192"
    assert of(answer).EntranceDoseInmGy.original_string == "1.50"


def test_what_the_table_wants_and_nobody_sent_comes_back_empty(retrieve: Retrieve) -> None:
    got = of(retrieve(an_exam()))
    assert got.PerformedProcedureStepDiscontinuationReasonCodeSequence == []
    assert got.PerformedProcedureStepEndDate == ""
    assert "CommentsOnThePerformedProcedureStep" not in got


def test_only_what_is_asked_for_comes_back(retrieve: Retrieve) -> None:
    uid = an_exam()
    answer = retrieve(uid, STATUS, PATIENT_ID, CODES)
    assert answer.status == statuses.SUCCESS
    assert [element.keyword for element in of(answer)] == ["ProcedureCodeSequence", "PatientID", "PerformedProcedureStepStatus"]
    actions.n_set(received(Verb.N_SET, uid, an_end(PerformedSeriesSequence=[a_series(3)])))
    answer = retrieve(uid, STATUS, SERIES)
    assert of(answer).PerformedProcedureStepStatus == "COMPLETED"
    assert len(of(answer).PerformedSeriesSequence[0].ReferencedImageSequence) == 3


@pytest.mark.parametrize(
    ("asked", "status", "left_out"),
    [
        ([PATIENT_ID, COMMENTS], 0x0001, (COMMENTS,)),
        ([ADMISSION, PATIENT_ID, COMMENTS], 0x0001, (ADMISSION, COMMENTS)),
        ([PATIENT_ID, UNKNOWN], 0x0107, (UNKNOWN,)),
        ([PATIENT_ID, STUDY_UID, COMMENTS], 0x0107, (STUDY_UID,)),
        ([PATIENT_ID, CHARACTER_SET], 0x0000, ()),
    ],
    ids=["optional", "two optional", "unknown", "only inside a sequence", "character set that is not needed"],
)
def test_what_is_left_out_is_named_with_a_warning(retrieve: Retrieve, asked: list[int], status: int, left_out: tuple[int, ...]) -> None:
    answer = retrieve(an_exam(), *asked)
    assert (answer.status, answer.offending, answer.ok) == (status, left_out, True)
    assert [int(element.tag) for element in of(answer)] == [PATIENT_ID]


@pytest.mark.parametrize(
    ("own", "terms"),
    [("ISO_IR 100", "ISO_IR 100"), ("ISO_IR 144", "ISO_IR 192"), ("\\ISO 2022 IR 100", ["", "ISO 2022 IR 100"])],
)
def test_text_is_in_the_station_s_own_set_or_in_utf_8(retrieve: Retrieve, own: str, terms: object) -> None:
    uid = an_exam()
    save_station(a_site(), StationData("PACS", ("CT",), character_set=own), ACTOR)
    got = of(retrieve(uid, PATIENT_NAME, calling="PACS"))
    assert got.SpecificCharacterSet == terms
    assert got.PatientName == "MÜLLER^Jürgen"
    assert "SpecificCharacterSet" not in of(retrieve(uid, PATIENT_ID, calling="PACS"))


def test_what_does_not_exist_is_0112_and_what_is_no_uid_0117(retrieve: Retrieve) -> None:
    assert retrieve(new_uid()).status == statuses.NO_SUCH_SOP_INSTANCE
    answer = retrieve("1.2.03")
    assert (answer.status, answer.dataset) == (statuses.INVALID_SOP_INSTANCE, None)


def test_the_uid_of_a_study_or_a_series_is_a_class_instance_conflict(retrieve: Retrieve) -> None:
    uid, series = an_exam(), a_series()
    actions.n_set(received(Verb.N_SET, uid, an_end(PerformedSeriesSequence=[series])))
    study = RequestedProcedure.objects.get().study_instance_uid
    for other, what in ((study, "a study"), (series.SeriesInstanceUID, "a series")):
        answer = retrieve(other)
        assert (answer.status, answer.comment) == (statuses.CLASS_INSTANCE_CONFLICT, f"That is {what}, not a performed procedure step")


def test_a_station_that_sees_its_own_list_only_gets_no_other_s_exams(retrieve: Retrieve) -> None:
    uid = an_exam()
    save_station(a_site(), StationData("CT02", ("CT",), own_list_only=True), ACTOR)
    assert retrieve(uid, calling="CT02").status == statuses.NOT_AUTHORIZED
    save_station(a_site(), StationData("CT02", ("CT",), own_list_only=True, aliases=("CT01",)), ACTOR)
    assert retrieve(uid, calling="CT02").status == statuses.SUCCESS


def test_the_class_itself_has_no_n_get(connect: Callable[..., AbstractContextManager[ScuAssociation]]) -> None:
    with connect() as association:
        assert association.n_get(an_exam(), (), MODALITY_PERFORMED_PROCEDURE_STEP).status == statuses.UNRECOGNIZED_OPERATION
