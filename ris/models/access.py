"""Accounts, to which hospital a user belongs, bearer tokens of the REST interface, and what was tried in vain."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from ris.models.site import Site


class Account(models.Model):
    """What Django's user does not hold. A user without one has these defaults; `ris.accounts.account_of` gives either.

    A session that began under another number of `sessions` is over. `demo_password`: the password is the one that the demo gave.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="account")
    version = models.PositiveIntegerField(default=1)
    sessions = models.PositiveIntegerField(default=0)
    must_change_password = models.BooleanField(default=False)
    password_changed_at = models.DateTimeField(null=True, blank=True)
    demo_password = models.BooleanField(default=False, db_default=False)

    def __str__(self) -> str:
        return f"account of {self.user}"


class Membership(models.Model):
    """The site that a user works for. Who has none works for the default one (`ris.queries.site_of`)."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    site = models.ForeignKey(Site, on_delete=models.PROTECT)

    def __str__(self) -> str:
        return f"{self.user} at {self.site}"


class ApiToken(models.Model):
    """A user's token, kept only as its SHA-256 digest; `prefix` is how it begins, to be recognized by (unknown of old ones).

    `scope` are the permissions that it is limited to, None being all that its user has. `last_used_at` is kept coarsely.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    name = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    prefix = models.CharField(max_length=12, blank=True)
    scope = models.JSONField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], condition=Q(revoked_at=None), name="one_active_token_of_a_name"),
        ]

    def __str__(self) -> str:
        return self.name


class EnvironmentToken(models.Model):
    """The last use, kept coarsely, of the installation's own token, which the environment sets (`RIS_API_TOKEN`).

    `mark` tells one value from the next. It is made with the secret key, since a token that people made up can be guessed from a digest.
    """

    mark = models.CharField(max_length=64, unique=True)
    last_used_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.mark[:8]


class Attempts(models.Model):
    """How often something was tried in vain of late (`ris.throttling`); `key` is the kind and whom it is counted for."""

    key = models.CharField(max_length=128, unique=True)
    failures = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.key}: {self.failures}"
