"""What `dimse` leans on inside pynetdicom. When one of these fails after an upgrade, look at engine.py, sockets.py and listener.py."""

import inspect

import pynetdicom
import pytest
from pydicom import config as pydicom_config
from pynetdicom import _config, acse, dimse, dul, evt, fsm, transport
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import P_DATA

from dimse import engine
from dimse.commands import COMMAND_FIELDS, Response, encode_response


def source(thing: object) -> str:
    return inspect.getsource(thing)  # type: ignore[arg-type]


def test_pynetdicom_is_the_version_that_was_read() -> None:
    assert pynetdicom.__version__ == "3.0.4"


def test_every_request_goes_through_serve_request_on_the_associations_thread() -> None:
    assert list(inspect.signature(Association._serve_request).parameters) == ["self", "msg", "context_id"]
    assert "self._serve_request(msg, cast(int, context_id))" in source(Association._run_reactor)
    assert "target=make_target(self.run_reactor)" in source(Association.__init__)


def test_an_association_may_be_refused_when_it_is_requested() -> None:
    reactor = source(Association.run_reactor)
    assert reactor.index("evt.EVT_REQUESTED") < reactor.index("if not self.is_aborted and not self.is_rejected:")
    assert reactor.index("if not self.is_aborted and not self.is_rejected:") < reactor.index("self.acse.negotiate_association()")
    assert list(inspect.signature(acse.ACSE.send_reject).parameters) == ["self", "result", "source", "diagnostic"]


@pytest.mark.parametrize("name", ["_accepted_cx", "_rejected_cx", "_kill", "_sent_release", "_server", "idle"])
def test_names_of_ours_and_theirs_do_not_meet(name: str) -> None:
    association = Association(ApplicationEntity(), "acceptor")
    assert hasattr(association, name) is (name != "idle")
    for ours in ("info", "journalled", "admitted", "ending", "negotiated", "application_context", "_host", "_machine"):
        assert not hasattr(association, ours)


def test_a_c_cancel_waits_in_cancel_req() -> None:
    assert "self.cancel_req[msg_id] = d_primitive" in source(dimse.DIMSEServiceProvider.receive_primitive)


def test_p_data_takes_what_we_make() -> None:
    assert P_DATA().presentation_data_value_list == []
    assert "self.to_provider_queue.put(primitive)" in source(dul.DULServiceProvider.send_pdu)


def test_the_state_machine_is_asked_by_event_name_and_kept_on_the_dul() -> None:
    assert list(inspect.signature(fsm.StateMachine.do_action).parameters) == ["self", "event"]
    assert "self.state_machine.do_action(event)" in source(dul.DULServiceProvider.run_reactor)
    assert fsm.TRANSITION_TABLE[("Evt11", "Sta6")] == "AR-1"
    assert "A-ABORT request" in fsm.EVENTS["Evt15"]
    assert "A-ABORT PDU" in fsm.EVENTS["Evt16"]
    assert "closed" in fsm.EVENTS["Evt17"]
    assert ("Evt11", "Sta8") not in fsm.TRANSITION_TABLE


def test_the_transport_reads_and_closes_where_it_is_overridden() -> None:
    assert "self._shutdown_socket()" in source(transport.AssociationSocket.close)
    assert "if not socket._is_connected:" in source(acse.ACSE._negotiate_as_requestor)
    assert "self.socket.recv(pdu_length)" in source(dul.DULServiceProvider._read_pdu_data)
    assert "self.socket.ready" in source(dul.DULServiceProvider._is_transport_event)
    assert "AcceptorThread" in source(transport.AssociationServer.active_associations.fget)
    assert "server_class(  # type: ignore" in source(ApplicationEntity.make_server)
    assert "self._create_socket(assoc, local_address, tls_args)" in source(ApplicationEntity.associate)


def test_events_tell_what_the_scu_listens_for() -> None:
    assert '"action": action_name' in source(fsm.StateMachine.do_action)
    assert evt.EVT_CONN_OPEN.is_notification
    assert "evt.EVT_DIMSE_RECV" in source(dimse.DIMSEServiceProvider.receive_primitive)


def test_nobody_prints_data_sets_or_warns_about_values() -> None:
    assert engine._config is _config
    assert _config.LOG_HANDLER_LEVEL == "none"
    assert pydicom_config.settings.reading_validation_mode == pydicom_config.IGNORE


@pytest.mark.parametrize("verb", COMMAND_FIELDS)
def test_our_command_sets_are_read_by_pynetdicom_as_they_are_meant(verb: str) -> None:
    response = Response(
        verb=verb,
        message_id=7,
        status=0x0110,
        sop_class_uid="1.2.3",
        sop_instance_uid="2.25.4",
        comment="no disk",
        error_id=0xA710,
        offending=(0x00100010, 0x00400252),
    )
    command = encode_response(response, with_data_set=False)
    primitive = P_DATA()
    primitive.presentation_data_value_list.append((1, b"\x03" + command))
    message = dimse.DIMSEMessage()
    assert message.decode_msg(primitive)
    read = message.command_set
    assert message.__class__.__name__ == verb.replace("-", "_") + "_RSP"
    assert read.CommandGroupLength == len(command) - 12
    assert (read.MessageIDBeingRespondedTo, read.Status, read.ErrorComment) == (7, 0x0110, "no disk")
    assert read.AffectedSOPClassUID == "1.2.3"
    tags = read.OffendingElement if verb.startswith("C-") else read.AttributeIdentifierList
    assert list(tags) == [0x00100010, 0x00400252]
    assert ("ErrorID" in read) is not verb.startswith("C-")
