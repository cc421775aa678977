"""`manage.py loaddata`: Django's, which takes rows into the database, past every rule, entered in the audit trail before."""

from django.core.management.commands import loaddata

from ris import audit, shell


class Command(shell.Entered, loaddata.Command):
    entered_as = (audit.IMPORT, audit.CREATE)
