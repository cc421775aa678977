"""What a log line loses before it is written: whatever may say who a patient is.

Addresses are told by their pattern, exceptions by their type and where they were raised: the message of an exception may hold a row
(PostgreSQL: `DETAIL: Failing row contains (…)`), a data set's value or what somebody typed.
"""

import logging
import sys
import threading
from types import TracebackType

import structlog
from django.http import HttpRequest

from dimse.dispatch import without_values
from ris.web.routes import route_of

log = logging.getLogger(__name__)
_SUSPICIOUS = "django.security."
_TASKS = "celery.app.trace"


def discreet(record: logging.LogRecord) -> bool:
    """A filter that keeps every record, and of what libraries put into it only what it may say."""
    if isinstance(record.msg, BaseException):
        record.msg, record.args = type(record.msg).__name__, ()
    request = getattr(record, "request", None)
    if isinstance(request, HttpRequest):
        if record.name.startswith(_SUSPICIOUS) and not record.args:  # the message is that of the exception
            record.msg = f"{record.name.removeprefix(_SUSPICIOUS)}: %s"
            record.args = (request.path,)
        if isinstance(record.args, tuple):
            record.args = tuple(_told(argument, request) for argument in record.args)
    elif record.name == _TASKS and isinstance(record.args, dict):
        error = record.exc_info[1] if record.exc_info else None
        record.args = {**record.args, "args": "", "kwargs": "", "exc": type(error).__name__, "traceback": ""}
    elif isinstance(record.args, tuple):
        record.args = tuple(_named(argument) for argument in record.args)
    return True


def _told(argument: object, request: HttpRequest) -> object:
    return f"{request.method} {route_of(request)}" if argument in _addresses(request) else _named(argument)


def _addresses(request: HttpRequest) -> tuple[str, ...]:
    """How a line may name the address: Django escapes what it logs (`django.utils.log.log_message`), others do not."""
    plain = (request.path, request.get_full_path())
    return (*plain, *(address.encode("unicode_escape").decode("ascii") for address in plain))


def _named(argument: object) -> object:
    """An exception by its type; what the operating system says (OSError) holds no values of ours."""
    return type(argument).__name__ if isinstance(argument, Exception) and not isinstance(argument, OSError) else argument


def tracebacks(logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """A processor of structlog: `exc_info` becomes type and frames, without any message."""
    given = event.pop("exc_info", None)
    found = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(found, BaseException):
        event["exception"] = without_values(found)
    return event


def watch_for_what_nobody_catches() -> None:
    """Log exceptions that end a thread or the process, which Python would print with their messages."""

    def ended(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt | SystemExit):
            log.critical("Nobody caught %s", without_values(error or kind()))

    sys.excepthook = ended
    threading.excepthook = lambda gone: ended(gone.exc_type, gone.exc_value, gone.exc_traceback)
    sys.unraisablehook = lambda gone: ended(gone.exc_type, gone.exc_value, gone.exc_traceback)
