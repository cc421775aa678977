"""WSGI entry point for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application

from stepwise.charset_names import without_odd_charsets
from stepwise.databases import hurry
from stepwise.discretion import watch_for_what_nobody_catches

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stepwise.settings")
application = without_odd_charsets(get_wsgi_application())
watch_for_what_nobody_catches()
hurry()
