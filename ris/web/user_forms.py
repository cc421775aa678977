"""The forms of accounts, passwords and tokens."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from ris import clock, queries
from ris.actions.users import UserData, data_of
from ris.models import Site
from ris.permissions import PERMISSIONS, ROLE_NAMES, permissions_of
from ris.validation import within_reach
from ris.web.forms import DayField, PageForm, SeenNumber
from ris.web.meanwhile import SeenValues

MADE, TYPED = "made", "typed"
_HOW = ((MADE, "Make one for me; it is shown once"), (TYPED, "The one typed here"))
ALL, SOME = "all", "some"
_LIMITS = ((ALL, "All that the account may, now and later"), (SOME, "Only what is ticked here, as long as the account may it"))


class PasswordPart(PageForm):
    """A password for somebody else: made, or typed by whoever fills in the form."""

    how = forms.ChoiceField(label="First password", choices=_HOW, widget=forms.RadioSelect, initial=MADE)
    password = forms.CharField(
        label="Password",
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    must_change = forms.BooleanField(
        label="To be changed at the next sign-in",
        required=False,
        initial=True,
        help_text="Nothing else can be opened before; whoever handed the password over no longer knows it afterwards",
    )

    def clean(self) -> dict[str, Any]:
        """Nothing typed where a password was to be typed is told at the field."""
        given: dict[str, Any] = super().clean() or {}
        if given.get("how") == TYPED and not given.get("password"):
            self.add_error("password", "Type the password, or have one made")
        return given

    @property
    def typed_password(self) -> str:
        """Empty when one is to be made."""
        return str(self.cleaned_data["password"]) if self.cleaned_data["how"] == TYPED else ""


class UserForm(PageForm):
    """Names and roles of an account. `version` is that of the account as it was seen."""

    username = forms.CharField(
        label="User name",
        help_text="What is typed to sign in; it stands in every history",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
        error_messages={"required": "Enter the user name"},
    )
    given_name = forms.CharField(label="Given name", required=False)
    family_name = forms.CharField(label="Family name", required=False)
    email = forms.CharField(label="E-mail", required=False, help_text="For people; nothing is sent to it")
    roles = forms.MultipleChoiceField(
        label="Roles",
        required=False,
        choices=list(ROLE_NAMES.items()),
        widget=forms.CheckboxSelectMultiple,
        help_text="Several may be ticked. Without one the account can sign in and see nothing",
    )
    site = forms.ChoiceField(
        label="Hospital",
        help_text="The account sees nothing of any other one. Moved to another, it is signed out, its API tokens are revoked, and it has "
        "to choose another password",
    )
    version = SeenNumber()
    opened = SeenValues()

    def __init__(self, *args: Any, administrator: User, **kwargs: Any) -> None:
        """Where there are several hospitals, who has to do with all of them chooses one; else it is the administrator's own."""
        super().__init__(*args, **kwargs)
        self._sites = {site.code: site for site in Site.objects.order_by("-is_default", "code")}
        choose = self.fields["site"]
        assert isinstance(choose, forms.ChoiceField)
        choose.choices = [(code, site.name) for code, site in self._sites.items()]
        if len(self._sites) < 2 or not administrator.is_superuser:
            del self.fields["site"]

    @property
    def site_typed(self) -> Site | None:
        """None where nothing was to be chosen."""
        return self._sites[self.cleaned_data["site"]] if "site" in self.fields else None

    def typed(self) -> UserData:
        given = self.cleaned_data
        return UserData(given["username"], given["given_name"], given["family_name"], given["email"], tuple(given["roles"]))


class NewUserForm(PasswordPart, UserForm):
    """A new account with its first password."""

    site = forms.ChoiceField(label="Hospital", help_text="The account sees nothing of any other one")
    field_order = ("username", "given_name", "family_name", "email", "roles", "site", "how", "password", "must_change", "version")


class ResetForm(PasswordPart):
    """Another password for somebody."""

    tokens_too = forms.BooleanField(
        label="Revoke the API tokens of the account, too",
        required=False,
        initial=True,
        help_text="Scripts that use them are refused from their next call on; whoever has one needs no password",
    )
    version = SeenNumber()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["how"].label = "New password"


def initial(user: User, version: int) -> dict[str, Any]:
    """An account as the form shows it."""
    data = data_of(user)
    values = {name: getattr(data, name) for name in UserData.__dataclass_fields__}
    return values | {"roles": list(data.roles), "site": queries.site_of(user).code, "version": version}


class OwnPasswordForm(PageForm):
    """A password of one's own, typed twice."""

    present = forms.CharField(
        label="Present password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "Enter the present password"},
    )
    password = forms.CharField(
        label="New password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        error_messages={"required": "Enter the new password"},
    )
    again = forms.CharField(
        label="New password again",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        error_messages={"required": "Enter the new password again"},
    )

    def clean(self) -> dict[str, Any]:
        """Both must be the same."""
        given: dict[str, Any] = super().clean() or {}
        if {"password", "again"} <= given.keys() and given["password"] != given["again"]:
            self.add_error("again", "The two new passwords differ; type the same one twice")
        return given


def _called(user: User) -> str:
    return f"{user.username} ({user.get_full_name()})" if user.get_full_name() else user.username


class TokenForm(PageForm):
    """A token for an account: what it is for, what it may, until when."""

    user = forms.ChoiceField(label="Account", error_messages={"required": "Choose the account that the token acts for"})
    name = forms.CharField(label="What it is for", help_text="For example “night import”; one active token of a name for each account")
    limits = forms.ChoiceField(label="It may", choices=_LIMITS, widget=forms.RadioSelect, initial=ALL)
    scope = forms.MultipleChoiceField(
        label="Permissions",
        required=False,
        choices=[(name, f"{permission.words[:1].upper()}{permission.words[1:]} ({name})") for name, permission in PERMISSIONS.items()],
        widget=forms.CheckboxSelectMultiple,
    )
    expires = DayField(label="Last day", required=False)

    def __init__(self, *args: Any, people: QuerySet[User], **kwargs: Any) -> None:
        """`people` are those for whom one may be made."""
        super().__init__(*args, **kwargs)
        choose = self.fields["user"]
        assert isinstance(choose, forms.ChoiceField)
        self._users = {user.username: user for user in people.filter(is_active=True).order_by("username")}
        choose.choices = [("", "Choose an account"), *((name, _called(user)) for name, user in self._users.items())]
        self.fields["expires"].help_text = "For example 31-Dec-2027; without one the token holds until it is revoked"

    def clean_user(self) -> User:
        return self._users[self.cleaned_data["user"]]

    def clean(self) -> dict[str, Any]:
        """What the account may not, its token can never do: that is told rather than kept."""
        given: dict[str, Any] = super().clean() or {}
        if given.get("limits") == SOME and given.get("user") and "scope" in given:
            beyond = [PERMISSIONS[name].words for name in given["scope"] if name not in permissions_of(given["user"])]
            if beyond:
                self.add_error("scope", f"{given['user']} may not do this itself: {'; '.join(beyond)}")
        return given

    def clean_expires(self) -> date | None:
        """A day that can be."""
        day: date | None = self.cleaned_data["expires"]
        try:
            return within_reach(day) if day else None
        except ValueError as error:
            raise ValidationError(f"Last day {error}") from error

    @property
    def scope_typed(self) -> list[str] | None:
        return list(self.cleaned_data["scope"]) if self.cleaned_data["limits"] == SOME else None

    @property
    def expires_at(self) -> datetime | None:
        """The end of the last day on the hospital's clock."""
        day = self.cleaned_data["expires"]
        return clock.at(day, time()) + timedelta(days=1) if day else None
