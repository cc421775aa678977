"""The message journal in its database, written by a real server and its thread."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from pytest_django.fixtures import Settings

import dimse.tasks  # noqa: F401  (registers its task)
from dimse import outcomes, policy, statuses
from dimse.entries import AssociationEnded, AssociationStarted, Ending, MessageEntry, now
from dimse.journal import KEPT_BYTES, DatabaseJournal, prune, prune_to, write
from dimse.models import Association, Message
from dimse.readable import DATASET_LIMIT, as_json
from dimse.scu import open_association
from dimse.server import DicomServer, ServerSettings
from dimse.services import MODALITY_WORKLIST, AssociationInfo, Service, Verb
from stepwise.celery import app
from tests.integration.dimse.conftest import Ris
from tests.support.dicom import EXPLICIT, IMPLICIT, encoded, worklist_query
from tests.support.wait import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


@pytest.fixture
def journal() -> Iterator[DatabaseJournal]:
    journal = DatabaseJournal(interval=0.02)
    journal.start()
    yield journal
    journal.stop()


@pytest.fixture
def journalled(ris: Ris, journal: DatabaseJournal) -> Iterator[Callable[..., DicomServer]]:
    servers: list[DicomServer] = []

    def start(**settings: object) -> DicomServer:
        offered = [Service(MODALITY_WORKLIST, "Modality Worklist", {Verb.C_FIND: ris.find})]
        server = DicomServer(offered, ServerSettings(**{"port": 0, **settings}), journal)
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop(2)


def ask(server: DicomServer, **keys: object) -> None:
    with open_association("127.0.0.1", server.port, calling="CT01", called="RIS", contexts=[MODALITY_WORKLIST]) as association:
        list(association.find(worklist_query(**keys)))


def message(**values: object) -> MessageEntry:
    common = {
        "association_id": uuid4(),
        "time": now(),
        "incoming": True,
        "verb": "C-FIND",
        "message_id": 1,
        "sop_class_uid": MODALITY_WORKLIST,
        "transfer_syntax": IMPLICIT,
    }
    return MessageEntry(**{**common, **values})


@pytest.mark.parametrize(("told", "kept"), [("y" * 250, "y" * 250), ("y" * 251, "y" * 248 + "..")], ids=["fits", "is too long"])
def test_the_reason_of_a_refusal_is_kept_in_whole_and_says_where_it_is_cut(journal: DatabaseJournal, told: str, kept: str) -> None:
    journal.put(message(incoming=False, status=0x0106, comment=told))
    assert wait_until(lambda: Message.objects.first(), 5, "the message is journalled").comment == kept


def test_a_query_leaves_its_association_request_and_summarised_response(journalled: Callable[..., DicomServer], ris: Ris) -> None:
    ris.answers = 12
    ask(journalled(), PatientName="Müller*", SpecificCharacterSet="ISO_IR 192")
    association = wait_until(lambda: Association.objects.filter(end="released").first(), 5, "the association is journalled")
    assert (association.calling, association.called, association.address) == ("CT01", "RIS", "127.0.0.1")
    assert association.contexts == [{"abstract_syntax": MODALITY_WORKLIST, "transfer_syntax": EXPLICIT, "result": "accepted"}]
    assert "PYNETDICOM" in association.implementation
    assert association.ended >= association.started
    request, response = association.messages.order_by("id")
    assert request.dataset["00100010"]["Value"] == [{"Alphabetic": "Müller*"}]
    assert (request.direction, request.service, request.status, request.status_name) == ("in", "C-FIND", None, "")
    assert (response.direction, response.status, response.status_name) == ("out", 0, "Success")
    assert (response.answer_count, len(response.answers)) == (12, 10)
    assert response.answers[3]["00100020"]["Value"] == ["P3"]
    assert response.duration_ms > 0


def test_a_refused_association_is_journalled_with_the_reason(journalled: Callable[..., DicomServer]) -> None:
    server = journalled(policy=lambda calling, called, address: policy.called_ae_title_unknown(called))
    with pytest.raises(outcomes.Refused):
        ask(server)
    association = wait_until(Association.objects.first, 5, "the refusal is journalled")
    assert association.end == "rejected"
    assert association.rejection == "called AE title not recognized (1/1/7): called AE title 'RIS' is not served here"


def test_messages_are_found_by_time_caller_service_and_status(journal: DatabaseJournal) -> None:
    info = AssociationInfo(uuid4(), "CT01", "RIS", "127.0.0.1", 4242)
    early, late = now() - timedelta(hours=2), now()
    write(
        [
            AssociationStarted(info, early, "X"),
            message(association_id=info.id, time=early),
            message(association_id=info.id, time=late, incoming=False, status=statuses.PROCESSING_FAILURE, verb="N-SET"),
            message(time=late),
            AssociationEnded(info.id, late, Ending.ABORTED),
        ]
    )
    assert Message.objects.calling("CT01").count() == 2
    assert Message.objects.calling("CT01").between(start=late).service("N-SET").get().status_name == "Processing failure"
    assert Message.objects.status(0x0110).count() == 1
    assert Message.objects.between(end=late).count() == 1
    assert Association.objects.calling("CT01").between(early, late).get().end == "aborted"
    assert prune(late - timedelta(hours=1)) == 1
    assert Message.objects.count() == 1, "what hung on the association is gone, too"


def test_a_long_data_set_is_cut_at_a_whole_element_and_says_so() -> None:
    query = worklist_query(PatientName="DOE^JANE", AdditionalPatientHistory="x" * DATASET_LIMIT)
    dataset, note = as_json(encoded(query), IMPLICIT)
    assert dataset is not None
    assert list(dataset) == ["00100010", "00100020"]
    assert note == "cut before AdditionalPatientHistory (0010,21B0): 2 of 4 elements shown"


def test_a_huge_data_set_does_not_wait_in_memory(journal: DatabaseJournal) -> None:
    journal.put(message(data=b"\0" * (KEPT_BYTES + 2)))
    row = wait_until(Message.objects.first, 5, "the message is journalled")
    assert row.dataset is None
    assert row.note == f"data set of {KEPT_BYTES + 2} bytes not kept"


def test_what_cannot_be_decoded_is_journalled_with_why(journal: DatabaseJournal) -> None:
    journal.put(message(data=b"\x10\x00\x10\x00\xff\x00\x00\x00AB"))
    row = wait_until(Message.objects.first, 5, "the message is journalled")
    assert row.note.startswith("not decodable: PatientName (0010,0010): 255 bytes announced, 2 left")
    assert row.size == 10


def test_a_full_queue_drops_and_counts_without_blocking() -> None:
    journal = DatabaseJournal(capacity=5)
    for _ in range(8):
        journal.put(message())
    assert journal.dropped == 3
    journal.start()
    journal.stop()
    assert Message.objects.count() == 5


def test_of_a_batch_with_an_odd_entry_the_others_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    """No database holds half a surrogate pair."""
    journal = DatabaseJournal(interval=60)
    info = AssociationInfo(uuid4(), "CT01", "RIS", "127.0.0.1", 1)
    journal.put(AssociationStarted(info, now(), "TESTS"))
    for number in range(7):
        journal.put(message(association_id=info.id, message_id=number, note="\ud800" if number == 3 else ""))
    journal.put(AssociationEnded(info.id, now(), Ending.RELEASED))
    journal.start()
    journal.stop()
    assert sorted(Message.objects.values_list("message_id", flat=True)) == [0, 1, 2, 4, 5, 6]
    assert Association.objects.get().end == "released"
    assert journal.dropped == 1
    (told,) = [record.getMessage().splitlines()[0] for record in caplog.records if record.levelname == "ERROR"]
    assert told == "A journal entry (MessageEntry) is lost: UnicodeEncodeError"


def test_a_stop_writes_what_is_waiting() -> None:
    journal = DatabaseJournal(interval=60)
    journal.start()
    for _ in range(300):
        journal.put(message())
    journal.stop()
    assert Message.objects.count() == 300
    assert not [thread for thread in threading.enumerate() if thread.name == "dimse-journal" and thread is journal._thread]


def test_beat_forgets_what_the_journal_has_held_for_too_long(settings: Settings) -> None:
    settings.JOURNAL_DAYS = 3
    write([message(time=now() - timedelta(days=4)), message(time=now() - timedelta(days=2))])
    task = app.tasks[settings.CELERY_BEAT_SCHEDULE["forget old journal entries"]["task"]]
    task()
    assert Message.objects.get().time > now() - timedelta(days=3)


def test_the_oldest_messages_are_forgotten_when_the_journal_is_too_large() -> None:
    write([message(time=now() - timedelta(minutes=age), data=bytes(10_000), message_id=age) for age in range(450)])
    assert prune_to(100_000_000) == 0
    assert prune_to(1_050_000) == 350
    assert sorted(Message.objects.values_list("message_id", flat=True)) == list(range(100))
    assert prune_to(1_050_000) == 0
