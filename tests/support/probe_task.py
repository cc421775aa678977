"""A Celery task that leaves a trace: a line in the file that PROBE_FILE names."""

import os
import sys
from pathlib import Path

from celery import shared_task


@shared_task
def note(text: str) -> None:
    with Path(os.environ["PROBE_FILE"]).open("a") as file:
        file.write(f"{text}\n")


if __name__ == "__main__":
    from stepwise import celery_app

    # By the name that the worker knows it by: here the module is `__main__`.
    celery_app.send_task("tests.support.probe_task.note", [sys.argv[1]])
