"""`manage.py dbshell`: Django's, which opens the client of the database, entered in the audit trail before."""

from django.core.management.commands import dbshell

from ris import audit, shell


class Command(shell.Entered, dbshell.Command):
    entered_as = (audit.SHELL, audit.EXECUTE)
