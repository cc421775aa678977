"""What libraries put into a log record, and what is left of it."""

import logging
import sys
import threading

import pytest
from django.test import RequestFactory

from stepwise.discretion import discreet, watch_for_what_nobody_catches
from stepwise.web_server import WebServerLog

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
