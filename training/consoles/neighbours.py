"""Other hospitals of this installation: a console is pointed at none of them, since it would show what they have to people of its own.

It talks from here, where every network of every station is near; whatever lets it in takes it for a scanner of the other hospital.
"""

import socket
from contextlib import closing
from typing import Any

from django.conf import settings

from ris import peers
from ris.models import Site
from training.errors import ModalityError
from training.target import Target


def of_a_neighbour(site: Site, called: str) -> str:
    """Why the site's consoles may not call so, for after the name of the field; empty when they may."""
    theirs = peers.site_called(called.strip())
    if theirs is None or theirs == site:
        return ""
    return "is what another hospital here is called; a console tests its own hospital, or a system elsewhere"


def refuse_neighbours(site: Site, calling: str, target: Target) -> None:
    """Raise ModalityError when another hospital of this installation would answer: by its title, or because nobody is called so here."""
    wrong = of_a_neighbour(site, target.called)
    ours = target.port in (settings.DICOM_PORT, settings.DICOM_TLS_PORT) and _is_here(target.host)
    if not wrong and ours and peers.site_of(target.called, calling) != site:
        wrong = f"is nobody's here, so that another hospital would answer; call {site.ae_title}"
    if wrong:
        raise ModalityError(f"Nothing was sent: the called AE title {target.called} {wrong}.")


def _is_here(host: str) -> bool:
    """Whether the host is an address of this machine, one that can be bound; a name that cannot be resolved is nobody's."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return any(_can_be_bound(family, address) for family, _, _, _, address in found)


def _can_be_bound(family: int, address: tuple[Any, ...]) -> bool:
    with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        try:
            probe.bind(address)
        except OSError:
            return False
    return True
