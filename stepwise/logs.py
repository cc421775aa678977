"""One line per event, readable in a terminal: time, level, logger, text. Patient names never belong here (`stepwise.discretion`)."""

import logging
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied

from stepwise.discretion import discreet, tracebacks

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
    tracebacks,
]

structlog.configure(
    processors=[structlog.stdlib.filter_by_level, *_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)


def is_news(record: logging.LogRecord) -> bool:
    """False for a request to `/healthz`: it comes every few seconds, and what changed is logged where it is found."""
    return "GET /healthz" not in str(record.msg) and getattr(getattr(record, "request", None), "path", "") != "/healthz"


def without_expected_traceback(record: logging.LogRecord) -> bool:
    """Always True; a refused page (403) is told in its one line, for where in the code it was refused is no news."""
    if record.exc_info and isinstance(record.exc_info[1], PermissionDenied):
        record.exc_info = record.exc_text = None
    return True


def logging_config(level: str) -> dict[str, Any]:
    """Django's LOGGING: everything from `level` (one of LEVELS) on goes to the standard error output."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processor": structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0),
                "foreign_pre_chain": _SHARED,
            },
        },
        "filters": {
            "news": {"()": "django.utils.log.CallbackFilter", "callback": is_news},
            "expected": {"()": "django.utils.log.CallbackFilter", "callback": without_expected_traceback},
            "discreet": {"()": "django.utils.log.CallbackFilter", "callback": discreet},
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["news", "expected", "discreet"]}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "pynetdicom": {"level": "WARNING"},
            "pydicom": {"level": "ERROR"},
            "hl7": {"level": "WARNING"},
            "django.server": {"level": "WARNING"},
            "django_structlog": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},  # a sweep every 5 s is no news
            "celery.worker.strategy": {"level": "WARNING"},
        },
    }
