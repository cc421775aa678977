"""What an administrator decides about charging discontinued work."""

from collections.abc import Mapping

from billing import ruling
from billing.models import DiscontinuationRule
from billing.rules import Outcome
from ris import clock
from ris.actor import Actor
from ris.db import action
from ris.errors import ChangedMeanwhile
from ris.models import RecordChange, Site


@action
def change_rules(site: Site, wanted: Mapping[str, tuple[Outcome, Outcome]], seen: int, actor: Actor) -> int:
    """Set the rules of these codes (with images, without); return how many became others. They hold for what is captured from then on.

    A rule that is as built in is not kept, so that it follows the built-in table. ChangedMeanwhile when `seen` is not
    `ruling.version`.
    """
    Site.objects.select_for_update().get(pk=site.pk)
    if seen != ruling.version(site):
        raise ChangedMeanwhile("Somebody changed the rules meanwhile; nothing was saved. Look at them as they are now.")
    now, plain, detail = ruling.rules(site), ruling.built_in(), {}
    for code, (with_images, without_images) in wanted.items():
        was = now[code]
        if (was.with_images, was.without_images) == (with_images, without_images):
            continue
        if (plain[code].with_images, plain[code].without_images) == (with_images, without_images):
            DiscontinuationRule.objects.filter(site=site, code=code).delete()
        else:
            values = {"with_images": with_images.value, "without_images": without_images.value}
            DiscontinuationRule.objects.update_or_create(site=site, code=code, defaults=values)
        for made, before, after in (("with", was.with_images, with_images), ("without", was.without_images, without_images)):
            if before is not after:
                detail[f"{code or 'other reasons'} {made} images"] = [before.value, after.value]
    if detail:
        RecordChange.by(actor, at=clock.now(site), verb="edit", subject=ruling.SUBJECT, subject_id=site.pk, detail=detail)
    return len({name.rsplit(" ", 2)[0] for name in detail})
