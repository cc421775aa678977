"""`manage.py conformance [--check]`: write the parts of docs/conformance.md that the code's own tables say, or only compare."""

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mpps import conformance as performed
from ris.markdown import NoPlace
from worklist import conformance


class Command(BaseCommand):
    help = (
        "Write what the conformance statement (docs/conformance.md) says of the worklist's keys, of relations of performed to scheduled "
        "steps and of discontinuation reasons, from the tables that the code goes by. "
        "With --check nothing is written; the exit code is 1 when the file says something else."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="compare only; exit code 1 when the file is not what the tables say")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            before = conformance.FILE.read_text()
            after = performed.put_into(conformance.put_into(before))
            if not options["check"]:
                conformance.FILE.write_text(after)
        except (OSError, NoPlace) as error:
            raise CommandError(f"{conformance.FILE} is left as it is: {error}") from error
        if before == after:
            self.stdout.write("The conformance statement says what the tables say.")
        elif options["check"]:
            self.stderr.write("The conformance statement says something else than the tables; write it by `manage.py conformance`.")
            sys.exit(1)
        else:
            self.stdout.write(f"{conformance.FILE} is written.")
