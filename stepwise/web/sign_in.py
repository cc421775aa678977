"""Signing in and out."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpResponse

from ris.web.forms import PageForm


class SignInForm(PageForm, AuthenticationForm):
    """User name and password."""

    username = forms.CharField(
        label="User name",
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
        error_messages={"required": "Enter the user name"},
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "Enter the password"},
    )
    error_messages = {
        "invalid_login": "User name and password do not fit together. Capitals and small letters count",
        "inactive": "This account is switched off. Ask an administrator",
    }


class SignIn(LoginView):
    """The page for people who are not signed in; everybody else is sent on."""

    template_name = "stepwise/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(demo=settings.DEMO, session_hours=settings.SESSION_COOKIE_AGE // 3600, **kwargs)

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_invalid(form)
        response.status_code = 422
        return response
