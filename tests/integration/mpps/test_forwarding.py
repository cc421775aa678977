"""Messages sent on to a PACS over the network: unchanged, to whom they concern, from the sweep."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from structlog.testing import capture_logs

from dimse.decode import decode
from dimse.scu import open_association
from dimse.server import DicomServer, ServerSettings
from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP, TRANSFER_SYNTAXES, Verb
from dimse.uids import new_uid
from mpps import actions, datasets, delivery, listeners, scp, tasks
from mpps.errors import Refused
from mpps.models import Delivery, MppsMessage
from ris.models import StationAlias
from tests.support.destinations import a_destination, a_heartbeat, an_exam, complete, send, states, verbs
from tests.support.hospital import a_site, a_station
from tests.support.mpps import a_create, an_end, received
from tests.support.pacs import Pacs

pytestmark = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True)  # other threads look at the rows too
IMPLICIT = TRANSFER_SYNTAXES[1]
State = Delivery.State


@committed
@pytest.mark.parametrize("syntax", TRANSFER_SYNTAXES)
def test_a_message_is_sent_on_to_the_byte(pacs: Pacs, syntax: str) -> None:
    destination = a_destination(pacs)
    server = DicomServer([scp.MPPS], ServerSettings(ae_title=a_site().ae_title, port=0))
    server.start()
    uid = new_uid()
    create = a_create(PatientName="MÜLLER^Jürgen", SpecificCharacterSet="ISO_IR 100")
    try:
        contexts, called = [MODALITY_PERFORMED_PROCEDURE_STEP], a_site().ae_title
        with open_association(
            "127.0.0.1", server.port, calling="CT01", called=called, contexts=contexts, transfer_syntaxes=[syntax]
        ) as modality:
            assert modality.n_create(create, uid).ok
            assert modality.n_set(an_end(), uid).ok
            assigned = modality.n_create(create).sop_instance_uid
    finally:
        server.stop()
    assert delivery.deliver(destination.pk) == 3
    assert {(told.verb, told.uid, told.syntax, told.calling) for told in pacs.told} == {
        ("N-CREATE", uid, syntax, a_site().ae_title),
        ("N-SET", uid, syntax, a_site().ae_title),
        ("N-CREATE", assigned, syntax, a_site().ae_title),
    }
    assert verbs(pacs, uid) == ["N-CREATE", "N-SET"]
    came = {(message.verb, message.sop_instance_uid): bytes(message.raw) for message in MppsMessage.objects.all()}
    assert {(told.verb, told.uid): told.raw for told in pacs.told} == came
    assert b"M\xdcLLER" in pacs.told[0].raw
    assert states(destination) == [State.SENT] * 3
    assert pacs.associations == 1


def test_another_transfer_syntax_says_the_same_in_the_same_character_set(pacs: Pacs) -> None:
    pacs.shut()
    pacs.syntaxes = (IMPLICIT,)
    pacs.open()
    destination = a_destination(pacs, calling_ae_title="MANAGER")
    an_exam(SpecificCharacterSet="ISO_IR 100")  # as of Explicit VR Little Endian
    assert delivery.deliver(destination.pk) == 1
    (told,) = pacs.told
    assert (told.syntax, told.calling) == (IMPLICIT, "MANAGER")
    assert datasets.from_dataset(decode(told.raw, IMPLICIT).dataset) == MppsMessage.objects.get().dataset
    assert b"M\xdcLLER" in told.raw


def test_only_what_is_accepted_and_concerns_it_is_sent_on(pacs: Pacs) -> None:
    everything = a_destination(pacs)
    dose = a_destination(pacs, "Dose", modalities=("XA",))
    ct = a_destination(pacs, "CT archive", stations=("CT01",), modalities=("CT",))
    off = a_destination(pacs, "Old PACS", enabled=False)
    uid = an_exam()
    with pytest.raises(Refused):
        send(Verb.N_SET, uid, an_end(PatientName="ROE^Jane"))
    send(Verb.N_CREATE, new_uid(), a_create(Modality="XA", PerformedStationAETitle="XA01"), "XA01")
    assert [len(states(one)) for one in (everything, dose, ct, off)] == [2, 1, 1, 0]


def test_who_sent_a_message_does_not_get_it_back(pacs: Pacs) -> None:
    destination = a_destination(pacs)
    send(Verb.N_CREATE, new_uid(), a_create(), "PACS")
    assert states(destination) == []


def test_what_a_destination_sent_itself_is_not_among_what_it_lacks(pacs: Pacs) -> None:
    destination = a_destination(pacs)
    uid = an_exam()
    a_heartbeat(uid, "PACS ")
    complete(uid)
    delivery.deliver(destination.pk)
    assert list(destination.deliveries.values_list("message__calling_ae_title", flat=True)) == ["CT01", "CT01"]
    assert verbs(pacs, uid) == ["N-CREATE", "N-SET"]


def test_nothing_is_asked_for_nobody_and_one_statement_writes_for_all(pacs: Pacs) -> None:
    for names in ((), ("PACS", "Dose", "Third")):
        for name in names:
            a_destination(pacs, name)
        listeners.listeners(a_site())
        message = received(Verb.N_CREATE, new_uid(), a_create())
        with CaptureQueriesContext(connection) as asked:
            actions.n_create(message)
        about = [query["sql"] for query in asked if "mpps_delivery" in query["sql"] or "mpps_destination" in query["sql"]]
        assert len(about) == (1 if names else 0)
    assert Delivery.objects.count() == 3


def test_the_sweep_sends_to_whom_something_is_due(pacs: Pacs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.deliver, "apply_async", lambda arguments, expires: delivery.deliver(*arguments))
    for name, enabled in (("PACS", True), ("Dose", True), ("Off", False)):
        a_destination(pacs, name, enabled=enabled)
    assert tasks.sweep() == 0
    an_exam()
    assert tasks.sweep() == 2
    assert verbs(pacs) == ["N-CREATE", "N-CREATE"]
    assert tasks.sweep() == 0


def test_a_broker_that_is_away_leaves_it_to_the_next_sweep(pacs: Pacs) -> None:
    a_destination(pacs)
    an_exam()
    with capture_logs() as logs:
        assert tasks.sweep() == 1
    assert [log["event"] for log in logs] == ["destinations are left to the next sweep"]


def test_the_stations_of_a_destination_are_known_by_their_aliases_too(pacs: Pacs) -> None:
    former = a_destination(pacs, "By the former name", stations=("CTOLD",))
    other = a_destination(pacs, "Another scanner's", stations=("CT02",))
    StationAlias.objects.create(station=a_station("CT01"), ae_title="CTOLD", position=0)
    an_exam()
    assert [len(states(one)) for one in (former, other)] == [1, 0]
