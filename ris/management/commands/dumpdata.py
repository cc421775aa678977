"""`manage.py dumpdata`: Django's, which takes rows out of the database, entered in the audit trail before."""

from django.core.management.commands import dumpdata

from ris import audit, shell


class Command(shell.Entered, dumpdata.Command):
    entered_as = (audit.EXPORT, audit.READ)
