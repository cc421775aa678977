#!/usr/bin/env python
"""Django's command line for Stepwise."""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036  (said in a sentence where an older one reads this)
    sys.exit("Stepwise needs Python 3.11 or newer, this is %s. `make run` finds one that will do." % sys.version.split()[0])  # noqa: UP031

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stepwise.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(str(error))
