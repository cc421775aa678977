"""AE titles of stations that the rules allow and that people mix up: said on the station's page, refused nowhere."""

from ris.models import CalledAlias, Site, Station


def warnings(site: Site, ae_title: str) -> list[str]:
    """What may be mixed up with the title of this station, in sentences."""
    called = {site.ae_title, *CalledAlias.objects.filter(site=site, forgotten_at=None).values_list("ae_title", flat=True)}
    alike = Station.objects.filter(site=site, ae_title__iexact=ae_title).exclude(ae_title=ae_title).values_list("ae_title", flat=True)
    found = [
        f"{ae_title} and {other} differ in upper and lower case alone, which counts in AE titles: a console that spells it otherwise is "
        "the other station, and gets its list."
        for other in alike
    ]
    if ae_title in called:
        found.insert(0, f"{ae_title} is an AE title of this system too, which modalities call: give the modality another one of its own.")
    return found
