"""Who performs: the station that an N-CREATE names or comes from, and the AE titles by which its exams are looked for."""

from mpps import matching
from mpps.datasets import text
from mpps.received import Received
from ris import profiles
from ris.profiles import Profile


def station(message: Received, named: str) -> Profile:
    """Who performs: the station of the AE title in the data set, else the one that calls."""
    known = profiles.of(message.site)
    return known.get(named.strip()) or known.get(message.calling_ae_title.strip()) or profiles.NOBODY


def performer(message: Received) -> matching.Performer:
    """By what the message says; what a former title is called now, too."""
    known = profiles.of(message.site)
    said = tuple(filter(None, (text(message.dataset, "PerformedStationAETitle"), message.calling_ae_title.strip())))
    performers = tuple(dict.fromkeys((*said, *(profiles.present_title(message.site, title) for title in said))))
    aliases = tuple(alias for title in performers if title in known for alias in known[title].aliases)
    return matching.Performer(performers, text(message.dataset, "Modality").upper(), aliases)
