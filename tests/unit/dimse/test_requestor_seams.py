"""What `dimse.requestor` and `dimse.scu` lean on inside pynetdicom. When one of these fails after an upgrade, look there."""

import inspect
import threading

import pynetdicom
from pydicom import config as pydicom_config
from pynetdicom import _config, acse, association, dimse, dul, evt, fsm, transport
from pynetdicom.ae import ApplicationEntity

from dimse import requestor


def source(thing: object) -> str:
    return inspect.getsource(thing)  # type: ignore[arg-type]


def test_pynetdicom_is_the_version_that_was_read() -> None:
    assert pynetdicom.__version__ == "3.0.4"


def test_the_events_of_its_state_machine_have_the_names_that_are_watched_for() -> None:
    assert "A-ABORT request" in fsm.EVENTS["Evt15"]
    assert "A-ABORT PDU" in fsm.EVENTS["Evt16"]
    assert "closed" in fsm.EVENTS["Evt17"]
    assert '"action": action_name' in source(fsm.StateMachine.do_action)


def test_the_transport_closes_where_it_is_overridden() -> None:
    assert "self._shutdown_socket()" in source(transport.AssociationSocket.close)
    assert "if not socket._is_connected:" in source(acse.ACSE._negotiate_as_requestor)
    assert source(dul.DULServiceProvider._read_pdu_data).count("except (OSError, TimeoutError)") == 2, "around each recv"
    assert "self._create_socket(assoc, local_address, tls_args)" in source(ApplicationEntity.associate)


def test_every_request_goes_through_the_provider_whose_messages_are_altered() -> None:
    for send, keyword in (("send_c_find", "Identifier"), ("send_n_create", "AttributeList"), ("send_n_set", "ModificationList")):
        sender = source(getattr(association.Association, send))
        assert "self.dimse.send_msg(req" in sender
        assert f"req.{keyword} = BytesIO(" in sender


def test_events_tell_what_the_scu_listens_for() -> None:
    assert evt.EVT_CONN_OPEN.is_notification
    assert "evt.EVT_DIMSE_RECV" in source(dimse.DIMSEServiceProvider.receive_primitive)
    assert "_read_pdu_data" in dul.DULServiceProvider.__dict__


def test_nobody_prints_data_sets_or_warns_about_values() -> None:
    assert requestor._config is _config
    assert _config.LOG_HANDLER_LEVEL == "none"
    assert pydicom_config.settings.reading_validation_mode == pydicom_config.IGNORE


def test_the_reactor_waits_at_its_checkpoint_before_it_looks_for_messages() -> None:
    reactor = source(association.Association._run_reactor)
    assert reactor.index("self._is_paused = True") < reactor.index("self._reactor_checkpoint.wait()") < reactor.index("self.dimse.get_msg(")
    assert "self._reactor_checkpoint.clear()" in source(association.Association.send_c_echo)
    assert "self._create_socket(assoc" in source(ApplicationEntity.associate)


def test_who_clears_the_checkpoint_knows_that_nobody_is_on_its_way_past_it() -> None:
    checkpoint, passed, stop = requestor.Turnstile(), [0], threading.Event()

    def reactor() -> None:
        while not stop.is_set():
            checkpoint.wait()
            passed[0] += 1

    walker = threading.Thread(target=reactor)
    walker.start()
    try:
        for _ in range(300):
            checkpoint.clear()
            before = passed[0]
            walker.join(0.001)
            assert passed[0] == before
            checkpoint.set()
    finally:
        stop.set()
        checkpoint.set()
        walker.join(5)
    assert not walker.is_alive()
    checkpoint.clear()
    assert not checkpoint.is_set(), "a reactor that ended on its way holds nobody up"
