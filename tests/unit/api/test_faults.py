"""A fault of the server itself, told to who asked and to who reads the log."""

import pytest

from ris import queries
from tests.unit.api.conftest import Rest

pytestmark = pytest.mark.usefixtures("hospital")


def test_what_nobody_foresaw_is_told_in_json_and_its_traceback_is_logged(
    rest: Rest, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise ZeroDivisionError("nobody foresaw this")

    monkeypatch.setattr(queries, "default_site", broken)
    status, body = rest.get("/procedures")
    assert status == 500
    assert body == {"detail": "This failed by a fault of the server, which is in its log. Look what was done before you try again."}
    assert "ZeroDivisionError" in caplog.text
