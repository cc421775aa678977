"""Celery tasks of the RIS."""

from celery import shared_task

from ris.actions import echoes

send_echo = shared_task(name="ris.tasks.send_echo")(echoes.send)
