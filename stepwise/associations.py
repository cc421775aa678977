"""Which associations are accepted: the policy of the DICOM server, asked at each request."""

from django.conf import settings

from dimse import policy
from dimse.policy import Accept, Reject
from ris import callers, networks, peers


def decide(calling: str, called: str, address: str) -> Accept | Reject:
    """The called AE title must be a site's, the calling one a station's there: unless RIS_UNKNOWN_CALLED or RIS_UNKNOWN_CALLERS is accept.

    A station that lists addresses may call from these only, whoever else is let in.
    """
    site = peers.site_called(called)
    if site is None and settings.UNKNOWN_CALLED != "accept":
        return policy.called_ae_title_unknown(called)
    site = site or peers.site_of(called, calling)
    allowed = callers.of(site).get(calling)
    if allowed is None and settings.UNKNOWN_CALLERS != "accept":
        return policy.calling_ae_title_unknown(calling)
    if allowed and not networks.hold(allowed, address):
        listed = ", ".join(networks.shown(network) for network in allowed)
        advice = f"add it to the addresses of the station if it is the device's (now {listed})"
        return policy.calling_from_elsewhere(calling, address, advice)
    return Accept()
