#!/usr/bin/env python
"""Django's command line for Stepwise."""

import os
import signal
import sys

if sys.version_info < (3, 11):  # noqa: UP036  (said in a sentence where an older one reads this)
    sys.exit("Stepwise needs Python 3.11 or newer, this is %s. `make run` finds one that will do." % sys.version.split()[0])  # noqa: UP031

if sys.argv[1:2] == ["simulate"]:
    # Until the simulator has started something, Ctrl-C simply ends it; as an exception it could be lost in the middle of an import.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stepwise.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(str(error))
