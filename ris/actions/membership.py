"""To which hospital a user belongs."""

from django.contrib.auth.models import User

from ris import clock, queries
from ris.actions.tokens import revoke_all
from ris.actor import Actor
from ris.db import action
from ris.kept import forget
from ris.models import Membership, RecordChange, Site


@action
def set_site(user: User, site: Site, actor: Actor) -> Membership:
    """Let a user work for a site from the next request on, who then sees nothing of any other one.

    Tokens of the former site end: whoever made one there, or was given one, has to do with that site alone.
    """
    own = Membership.objects.select_for_update().filter(user=user).select_related("site").first()
    before = own.site if own is not None else queries.default_site()
    if own is None:
        own = Membership.objects.create(user=user, site=site)
    elif before != site:
        own.site = site
        own.save(update_fields=["site"])
    forget(user, "_site")
    if before != site:
        revoke_all(user, actor)
        detail = {"site": [before.code, site.code]}
        RecordChange.by(actor, at=clock.wall(), verb="set site", subject="user", subject_id=user.pk, detail=detail)
    return own
