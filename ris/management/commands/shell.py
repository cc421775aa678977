"""`manage.py shell`: Django's, which opens Python with the database, entered in the audit trail before."""

from django.core.management.commands import shell as python

from ris import audit, shell


class Command(shell.Entered, python.Command):
    entered_as = (audit.SHELL, audit.EXECUTE)
