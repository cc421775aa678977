"""What an administrator decides about charging work that ended."""

from collections.abc import Mapping

from billing import ruling
from billing.models import DiscontinuationRule
from billing.rules import Outcome
from ris import clock
from ris.actor import Actor
from ris.crossing import CHANGE_AGAIN, crossed, since
from ris.db import action
from ris.models import RecordChange, Site


@action
def change_rules(site: Site, wanted: Mapping[str, tuple[Outcome, Outcome]], seen: int, actor: Actor) -> int:
    """Set the rules of these codes (with images, without); return how many became others. They hold for what is captured from then on.

    A rule that is as built in is not kept, so that it follows the built-in table. ChangedMeanwhile when `seen` is not
    `ruling.version`.
    """
    Site.objects.select_for_update().get(pk=site.pk)
    if seen != ruling.version(site):
        changes = since(ruling.SUBJECT, site.pk, ruling.version(site) - seen)
        raise crossed("the rules", site, changes, f"Nothing was saved. {CHANGE_AGAIN}")
    now, plain, detail, changed = ruling.rules(site), ruling.built_in(), {}, 0
    for code, (with_images, without_images) in wanted.items():
        was = now[code]
        if (was.with_images, was.without_images) == (with_images, without_images):
            continue
        changed += 1
        if (plain[code].with_images, plain[code].without_images) == (with_images, without_images):
            DiscontinuationRule.objects.filter(site=site, code=code).delete()
        else:
            values = {"with_images": with_images.value, "without_images": without_images.value}
            DiscontinuationRule.objects.update_or_create(site=site, code=code, defaults=values)
        for name, before, after in zip(was.names, (was.with_images, was.without_images), (with_images, without_images), strict=True):
            if before is not after:
                detail[name] = [before.value, after.value]
    if detail:
        RecordChange.by(actor, at=clock.now(site), verb="edit", subject=ruling.SUBJECT, subject_id=site.pk, detail=detail)
    return changed
