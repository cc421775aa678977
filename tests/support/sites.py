"""A second hospital beside the default one."""

from ris.models import Site


def another_site(code: str = "south", ae_title: str = "SOUTHRIS", time_zone: str = "Asia/Tokyo") -> Site:
    return Site.objects.get_or_create(
        code=code,
        defaults={"name": "Southbridge General", "ae_title": ae_title, "time_zone": time_zone, "issuer_of_patient_id": "SBG"},
    )[0]
