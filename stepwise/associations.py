"""Which associations are accepted: the policy of the DICOM server, asked of the database at each request."""

from django.conf import settings

from dimse import policy
from dimse.policy import Accept, Reject
from ris.models import Site, Station


def decide(calling: str, called: str, address: str) -> Accept | Reject:
    """The called AE title must be a site's; the calling one a station's, unless RIS_UNKNOWN_CALLERS lets everybody in."""
    if not Site.objects.filter(ae_title=called).exists():
        return policy.called_ae_title_unknown(called)
    if settings.UNKNOWN_CALLERS != "accept" and not Station.objects.filter(ae_title=calling).exists():
        return policy.calling_ae_title_unknown(calling)
    return Accept()
