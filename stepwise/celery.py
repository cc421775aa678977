"""The Celery application: what it talks to is in settings (`CELERY_…`), what it does is in each app's `tasks.py`."""

import logging.config
import os
import warnings
from typing import Any

from celery import Celery
from celery.exceptions import CPendingDeprecationWarning, SecurityWarning
from celery.signals import celeryd_init, setup_logging, worker_ready, worker_shutdown
from django.conf import settings

from stepwise.discretion import watch_for_what_nobody_catches
from stepwise.heartbeat import WorkerHeartbeat

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stepwise.settings")
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")  # the tests make them; here they would load every page of the web interface

app = Celery("stepwise", amqp="stepwise.broker:PromptAMQP")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

_heartbeat = WorkerHeartbeat()


def _log_as_everywhere(**_: Any) -> None:
    """Celery configures no logging of its own when this signal has a receiver."""
    logging.config.dictConfig(settings.LOGGING)
    watch_for_what_nobody_catches()


def _allow_root(**_: Any) -> None:
    # Warned of because of pickled messages; ours are JSON only.
    warnings.filterwarnings("ignore", category=SecurityWarning)


def _begin_work(**_: Any) -> None:
    # Said at every reconnection; the behaviour it speaks of (tasks go on when Redis is lost) is the one wanted.
    warnings.filterwarnings("ignore", message=r"\s*In Celery 5\.1 we introduced", category=CPendingDeprecationWarning)
    _heartbeat.start()
    for sweep in ("billing.tasks.sweep", "mpps.tasks.sweep"):
        app.send_task(sweep)  # what waited while no worker ran is sent now, not at beat's next round


def _stop_heartbeat(**_: Any) -> None:
    _heartbeat.stop()


setup_logging.connect(_log_as_everywhere)
celeryd_init.connect(_allow_root)
worker_ready.connect(_begin_work)
worker_shutdown.connect(_stop_heartbeat)
