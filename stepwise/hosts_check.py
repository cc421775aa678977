"""What `manage.py check --deploy` says of the hosts, beyond Django's own checks."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning


def every_host_is_allowed(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Whoever sends a request says for which host: links and redirects are made of that."""
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    hint = "Name the hosts by which browsers come, e.g. RIS_ALLOWED_HOSTS=ris.example.org."
    return [Warning("RIS_ALLOWED_HOSTS takes every host name, made-up ones too.", hint=hint, id="stepwise.W001")]
