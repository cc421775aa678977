"""How the settings of the environment reach the DICOM server."""

from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from dimse.policy import UserIdentities
from dimse.tls import ClientCertificate
from stepwise.management.commands.dicom import server_settings


def test_limits_and_times_are_handed_on(settings: Settings) -> None:
    settings.DICOM_MAX_ASSOCIATIONS, settings.DICOM_MAX_PER_CALLER, settings.DICOM_IDLE_TIMEOUT = 7, 0, 120
    made = server_settings("RIS")
    assert (made.ae_title, made.max_associations, made.max_per_caller, made.idle_timeout, made.tls) == ("RIS", 7, None, 120, None)
    assert (made.max_message, made.user_identities) == (16_777_216, UserIdentities.IGNORE)
    settings.DICOM_MAX_PER_CALLER = 2
    assert server_settings("RIS").max_per_caller == 2


def test_tls_is_served_when_a_port_is_set(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIS_DICOM_TLS_FD", "9")
    settings.DICOM_TLS_PORT, settings.DICOM_TLS_CERTIFICATE, settings.DICOM_TLS_CLIENT = 2762, "/etc/ris.pem", "optional"
    settings.DICOM_TLS_CA = "/etc/hospital.pem"
    tls = server_settings("RIS").tls
    assert tls is not None
    assert (tls.port, tls.certificate, tls.key, tls.authorities) == (2762, Path("/etc/ris.pem"), None, Path("/etc/hospital.pem"))
    assert (tls.client_certificate, tls.inherited_fd) == (ClientCertificate.OPTIONAL, 9)
