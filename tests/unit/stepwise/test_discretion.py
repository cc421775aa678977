"""What libraries put into a log record, and what is left of it."""

import ast
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from django.http import HttpResponseNotFound
from django.test import RequestFactory
from django.utils.log import log_response

from stepwise.discretion import discreet, watch_for_what_nobody_catches
from stepwise.web_server import WebServerLog
from tests.unit.stepwise.test_architecture import ROOMS

NAME = "WINTERBOTTOM"


def raised() -> ValueError:
    try:
        raise ValueError(f"{NAME} is no number")
    except ValueError as error:
        return error


def told(name: str, message: object, *arguments: object, **extra: object) -> str:
    record = logging.LogRecord(name, logging.ERROR, "", 0, message, arguments, None)
    vars(record).update(extra)
    assert discreet(record)
    return record.getMessage()


def test_an_address_is_told_by_its_pattern() -> None:
    request = RequestFactory().get(f"/patients/7/?q={NAME}")
    assert told("django.request", "%s: %s", "Not Found", request.path, request=request) == "Not Found: GET /patients/{int:pk}/"
    assert told("django.request", "%s: %s", "Gone", request.get_full_path(), request=request) == "Gone: GET /patients/{int:pk}/"
    nowhere = RequestFactory().get(f"/{NAME}/")
    assert told("django.request", "%s: %s", "Not Found", nowhere.path, request=nowhere) == "Not Found: GET (no such address)"


@pytest.mark.parametrize("name", ["Müller-id", "山田", "ÅBERG", "A\nB-NAME", "A\\B", "A\x00B"])
def test_an_address_that_django_escapes_is_told_by_its_pattern(name: str, caplog: pytest.LogCaptureFixture) -> None:
    of_a_patient = "/api/v1/patients/{path:patient_id}" if "\n" not in name else "(no such address)"
    for address, pattern in (("/api/v1/patients/", of_a_patient), ("/patients/x", "(no such address)")):
        request = RequestFactory().get(address + quote(name))
        caplog.clear()
        log_response("%s: %s", "Not Found", request.path, response=HttpResponseNotFound(), request=request)
        [record] = caplog.records
        assert discreet(record)
        assert record.getMessage() == f"Not Found: GET {pattern}"


def test_what_django_calls_suspicious_is_told_by_its_kind() -> None:
    request = RequestFactory().get("/help/")
    assert told("django.security.DisallowedHost", f"Invalid HTTP_HOST header: {NAME}", request=request) == "DisallowedHost: GET /help/"


def test_an_exception_is_told_by_its_type_but_what_the_system_says_is_kept() -> None:
    assert told("kombu", raised()) == "ValueError"
    assert told("kombu", "failed: %s %s", raised(), OSError(98, "Address in use")) == "failed: ValueError [Errno 98] Address in use"


def test_a_failed_task_is_told_without_its_arguments() -> None:
    error = raised()
    context = {"name": "deliver", "args": NAME, "kwargs": NAME, "exc": repr(error), "traceback": f"ValueError: {NAME}"}
    shown = told("celery.app.trace", "%(name)s %(exc)s %(args)s %(traceback)s", context, exc_info=(ValueError, error, None))
    assert shown.split() == ["deliver", "ValueError"]


def test_what_nobody_catches_is_logged_without_its_message(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    for owner, hook in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(owner, hook, getattr(owner, hook))
    watch_for_what_nobody_catches()
    thread = threading.Thread(target=lambda: int(NAME))
    thread.start()
    thread.join()
    error = raised()
    sys.excepthook(ValueError, error, error.__traceback__)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert [record.getMessage().split("\n")[0] for record in caplog.records] == ["Nobody caught ValueError"] * 2
    assert NAME not in caplog.text


def test_gunicorn_tells_neither_an_address_nor_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    log = WebServerLog.__new__(WebServerLog)
    log.error_log = logging.Logger("gunicorn.error")
    log.error_log.handlers = [_Keeping(said)]
    try:
        raise raised()
    except ValueError as error:
        log.exception("Error handling request %s %s", "GET", f"/patients/?q={NAME}")
        log.warning(f"Invalid request from ip=127.0.0.1: {error}")
    log.warning("Worker with pid %s was terminated", 7)
    assert [line.split("\n")[0] for line in said] == [
        "Error handling request: ValueError",
        "Invalid request from ip=127.0.0.1: ValueError",
        "Worker with pid 7 was terminated",
    ]
    assert NAME not in "".join(said)


class _Keeping(logging.Handler):
    def __init__(self, said: list[str]) -> None:
        super().__init__()
        self.said = said

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def test_no_line_of_ours_holds_the_message_of_an_exception() -> None:
    """It is told by `dimse.dispatch.without_values`, by its type, or as `exc_info`, of which `tracebacks` takes the message."""
    files = [path for room in ROOMS for path in Path(room).rglob("*.py")]
    assert [f"{path}:{line}" for path in files for line in _lines_with_messages(path.read_text("utf-8"))] == []


def test_the_message_of_an_exception_in_a_line_is_found() -> None:
    shape = "try:\n  pass\nexcept OSError as e:\n  log.error('away', error={})"
    assert [list(_lines_with_messages(shape.format(said))) for said in ("str(e).strip()", "e", "f'{e}'")] == [[4]] * 3
    assert [list(_lines_with_messages(shape.format(said))) for said in ("without_values(e)", "type(e).__name__", "e.code")] == [[]] * 3


def _lines_with_messages(source: str) -> Iterator[int]:
    tree = ast.parse(source)
    caught = {node.name for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.name}
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "log":
            said = [*call.args, *(one.value for one in call.keywords if one.arg != "exc_info")]
            if caught & {name for value in said for name in _named(value)}:
                yield call.lineno


def _named(value: ast.AST) -> Iterator[str]:
    """The variables that an expression tells, not those whose type alone, or an attribute of them, it tells."""
    if isinstance(value, ast.Name):
        yield value.id
    elif not (
        (isinstance(value, ast.Call) and ast.unparse(value.func) in ("without_values", "type"))
        or (isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name))
    ):
        yield from (name for child in ast.iter_child_nodes(value) for name in _named(child))
