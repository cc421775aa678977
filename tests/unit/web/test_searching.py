"""Searches: what was typed is in no address, and reloading, going back and bookmarks work all the same."""

from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from ris import clock
from ris.actions import searches
from ris.models import KeptSearch
from stepwise import tasks
from stepwise.celery import app
from tests.support.hospital import a_site, an_order

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
PAGES = ("/worklist/", "/worklist/all/", "/patients/", "/find/", "/orders/new/", "/charges/ledger/")


@pytest.mark.parametrize("address", PAGES)
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["without a script", "as one types"])
def test_a_search_is_sent_on_to_an_address_that_does_not_say_it(signed_in: SignIn, address: str, headers: dict[str, str]) -> None:
    an_order(name="WINTERBOTTOM^Ada")
    client = signed_in("admin")
    sent_on = client.post(address, {"q": "winterbottom", "station": "", "csrfmiddlewaretoken": "x"}, headers=headers)
    assert sent_on.status_code == 303
    where = sent_on.headers["Location"]
    assert where.startswith(f"{address}?search=") and "winter" not in where and "station" not in where
    shown = client.get(where, headers=headers).content.decode()
    assert "winterbottom" in shown.casefold()
    assert client.get(where).content.decode().count('value="winterbottom"') >= 1


def test_the_same_search_has_the_same_address_and_another_person_s_a_different_one(signed_in: SignIn) -> None:
    a_site()
    mine, theirs = signed_in("scheduler"), signed_in("technologist")
    first, again, other = (one.post("/patients/", {"q": "ada"}).headers["Location"] for one in (mine, mine, theirs))
    assert first == again != other
    assert KeptSearch.objects.count() == 2


def test_somebody_else_s_search_and_one_that_is_over_are_said_to_be_so(signed_in: SignIn) -> None:
    an_order(name="WINTERBOTTOM^Ada")
    where = signed_in("scheduler").post("/patients/", {"q": "winterbottom"}).headers["Location"]
    other = signed_in("technologist")
    for address in (where, "/patients/?search=nobody", "/worklist/?search=%00"):
        text = other.get(address).content.decode()
        assert "This search is over, or somebody else" in text
        assert "winterbottom" not in text


def test_other_filters_stay_readable_and_taking_the_search_away_leaves_them(signed_in: SignIn) -> None:
    an_order()
    client = signed_in()
    found = client.post("/worklist/", {"q": "nobody", "station": "CT01", "day": "2031-01-01"}, follow=True)
    where = found.redirect_chain[-1][0]
    assert where.startswith("/worklist/?station=CT01&day=2031-01-01&search=")
    assert 'href="/worklist/?day=2031-01-01&amp;station=CT01"' in found.content.decode()


def test_a_search_that_finds_nobody_goes_on_to_the_form_for_a_new_patient(signed_in: SignIn) -> None:
    a_site()
    client = signed_in()
    text = client.post("/orders/new/", {"q": "Winterbottom"}, follow=True).content.decode()
    link = unescape(text.split('href="/patients/new/?')[-1].split('"')[0])
    assert "interbottom" not in link and "for=order" in link
    assert 'value="Winterbottom"' in client.get(f"/patients/new/?{link}").content.decode()


def test_a_text_that_is_too_long_is_refused_in_words(signed_in: SignIn) -> None:
    a_site()
    answer = signed_in().post("/patients/", {"q": "x" * 5000}, follow=True)
    assert answer.redirect_chain[-1][0] == "/patients/"
    assert "That are 5000 characters; at most 4000" in answer.content.decode()


def test_searches_are_forgotten_after_a_month() -> None:
    user = User.objects.create_user("someone")
    old = searches.keep(user.pk, "old")
    KeptSearch.objects.filter(key=old).update(at=clock.wall() - searches.KEPT_FOR - timedelta(hours=1))
    fresh = searches.keep(user.pk, "fresh")
    assert settings.CELERY_BEAT_SCHEDULE["forget old searches"]["task"] == tasks.forget_searches.name
    app.tasks[tasks.forget_searches.name]()
    assert list(KeptSearch.objects.values_list("key", flat=True)) == [fresh]


@pytest.mark.parametrize("address", ["/worklist/", "/patients/", "/find/", "/users/"])
def test_a_text_of_more_words_than_any_name_has_finds_nobody(signed_in: SignIn, address: str) -> None:
    a_site()
    client = signed_in("admin")
    sent = client.post(address, {"q": "a " * 1900})
    assert sent.status_code == 303
    assert client.get(sent.headers["Location"]).status_code in (200, 302)
