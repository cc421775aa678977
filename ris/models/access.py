"""To which hospital a user belongs, and bearer tokens of the REST interface."""

from django.conf import settings
from django.db import models

from ris.models.site import Site


class Membership(models.Model):
    """The site that a user works for. Who has none works for the default one (`ris.queries.site_of`)."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    site = models.ForeignKey(Site, on_delete=models.PROTECT)

    def __str__(self) -> str:
        return f"{self.user} at {self.site}"


class ApiToken(models.Model):
    """A user's token, kept only as its SHA-256 digest."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    name = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name
