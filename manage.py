#!/usr/bin/env python
"""Django's command line for Stepwise."""

import os
import signal
import sys

if sys.version_info < (3, 11):  # noqa: UP036  (said in a sentence where an older one reads this)
    sys.exit("Stepwise needs Python 3.11 or newer, this is %s. `make run` finds one that will do." % sys.version.split()[0])  # noqa: UP031

_INTERRUPTED = 128 + signal.SIGINT  # what a shell makes of it


def main() -> None:
    """Run the command that is named. What it says of Ctrl-C itself, it says; otherwise that ends it without a traceback."""
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line

        try:
            execute_from_command_line(sys.argv)
        except ImproperlyConfigured as error:
            sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    if sys.argv[1:2] == ["simulate"]:
        # Until the simulator has started something, Ctrl-C simply ends it; as an exception it could be lost in the middle of an import.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stepwise.settings")
    main()
