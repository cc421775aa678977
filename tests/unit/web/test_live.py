"""Live parts: cheap when nothing changed, true when something did."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from ris import clock
from ris.actions import steps
from ris.timeline import Timeline
from tests.support.hospital import ACTOR, a_site, a_station, an_order, steps_of

pytestmark = pytest.mark.django_db(databases=["default", "journal"])
SignIn = Callable[..., Client]


def mark_in(text: str) -> str:
    found = re.search(r'"X-Seen": "([\w.]+)"', text)
    assert found
    return found[1]


def test_a_part_that_shows_the_present_state_costs_no_list(signed_in: SignIn, django_assert_max_num_queries: Callable[..., object]) -> None:
    an_order()
    client = signed_in()
    mark = mark_in(client.get("/worklist/").content.decode())
    with django_assert_max_num_queries(6):  # session, user, roles, the histories
        answer = client.get("/worklist/", headers={"HX-Request": "true", "X-Seen": mark})
    assert answer.status_code == 204
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", answer.headers["X-Now"])


def test_a_part_whose_text_is_the_same_is_given_the_new_mark_and_not_swapped(signed_in: SignIn) -> None:
    a_station("CT02")
    shown = steps_of(an_order())[0]
    client = signed_in()
    address = f"/steps/{shown.pk}/"
    mark = mark_in(client.get(address).content.decode())
    steps.arrive(steps_of(an_order(station="CT02"))[0].pk, ACTOR)
    answer = client.get(address, headers={"HX-Request": "true", "X-Seen": mark})
    assert answer.status_code == 204
    assert answer.headers["X-Seen"] != mark
    assert answer.headers["X-Seen"].split(".")[1] == mark.split(".")[1]


def test_a_change_is_answered_with_the_part_alone(signed_in: SignIn) -> None:
    step = steps_of(an_order())[0]
    client = signed_in()
    address = f"/steps/{step.pk}/"
    mark = mark_in(client.get(address).content.decode())
    steps.arrive(step.pk, ACTOR)
    answer = client.get(address, headers={"HX-Request": "true", "X-Seen": mark})
    text = answer.content.decode()
    assert answer.status_code == 200
    assert text.startswith('<div id="live"')
    assert "Arrived" in text
    assert "HX-Replace-Url" not in answer.headers
    assert answer.headers["Vary"].startswith("HX-Request") or "HX-Request" in answer.headers["Vary"]


def test_going_back_gets_the_whole_page(signed_in: SignIn) -> None:
    an_order()
    answer = signed_in().get("/worklist/", headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert "<html" in answer.content.decode()


def test_pages_say_that_the_clock_is_simulated_and_run_at_its_speed(signed_in: SignIn) -> None:
    site, browser, now = a_site(), signed_in(), clock.wall()
    played = Timeline(now, now, now + timedelta(days=3), 60.0, now + timedelta(days=4), now + timedelta(hours=1), "play_day, seed 5")
    clock.timelines.follow(lambda: {None: played, site.pk: played})
    page = browser.get("/worklist/")
    assert "Simulated clock, 60×</strong> — play_day, seed 5." in page.content.decode()
    assert 'data-speed="60.0"' in page.content.decode()
    assert page.headers["X-Speed"] == "60"
    assert page.headers["X-Now"][:10] == clock.local(now + timedelta(days=3), site).date().isoformat()
    clock.timelines.follow(dict)
    page = browser.get("/worklist/")
    assert "Simulated clock" not in page.content.decode()
    assert page.headers["X-Speed"] == "1"
