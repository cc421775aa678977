"""The page of faults, its forms, and the banner on every page while something is on."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client

from dimse.services import MODALITY_WORKLIST, AssociationInfo
from ris.actions.renaming import Renaming, rename_station
from ris.actor import Actor
from ris.errors import InvalidInput
from tests.support.hospital import ACTOR, a_site, a_station, an_order, steps_of
from tests.support.journal import a_query, an_association
from tests.support.worklist import identifier
from training.actions import faults
from training.actions.consoles import ConsoleData, save_console
from training.actions.faults import FaultData
from training.faults import active
from training.faults.effects import Injection
from training.faults.kinds import KINDS
from training.models import Fault

pytestmark = pytest.mark.django_db(databases=["default", "journal"])

SignIn = Callable[..., Client]


@pytest.fixture(autouse=True)
def _stations(db: None) -> None:
    a_station("CT01")
    a_station("MR01", "MR")


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def on(kind: str = "delay", station: str = "") -> Fault:
    return faults.switch_on(a_site(), FaultData(kind, station, reason="lesson 3"), Actor.system("maya"))


def test_a_fault_is_switched_on_and_off_on_the_page(signed_in: SignIn) -> None:
    client = signed_in("instructor")
    assert "Nothing goes wrong on purpose" in text(client, "/faults/")
    given = {"station": "CT01", "operation": "N-SET", "status": "no-such-sop-instance", "comment": "", "minutes": "5", "why": "lesson 3"}
    answer = client.post("/faults/inject/failure/?station=CT01", given)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/faults/?station=CT01")
    shown = text(client, "/faults/")
    for words in ("Failure status", "N-SET answered 0112 No such SOP instance", "a-instructor", "lesson 3"):
        assert words in shown
    fault = Fault.objects.get()
    assert client.post(f"/faults/{fault.pk}/end/").status_code == 302
    shown = text(client, "/faults/")
    assert "Nothing goes wrong on purpose" in shown
    assert "Switched off by a-instructor" in shown
    client.post(f"/faults/{fault.pk}/end/")
    assert "is over already (switched off by a-instructor)" in text(client, "/faults/")


def test_each_kind_has_a_form_with_its_own_fields(signed_in: SignIn) -> None:
    client = signed_in("integrator")
    for kind in KINDS.values():
        shown = text(client, f"/faults/inject/{kind.name}/")
        assert all(f'name="{one.name}"' in shown for one in kind.parameters)
        assert ('name="station"' in shown) is kind.of_station
        assert ('name="service"' in shown) is bool(kind.services)
    assert client.get("/faults/inject/nonsense/").status_code == 404


def test_what_is_wrong_with_a_form_is_told_at_its_fields_and_nothing_is_on(signed_in: SignIn) -> None:
    client = signed_in("admin")
    answer = client.post("/faults/inject/delay/", {"station": "", "service": "", "seconds": "soon", "minutes": "", "why": ""})
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert "Late by is &#x27;soon&#x27;; it must be a whole number from 1 to 600" in shown
    assert "Ends after, in minutes is empty; every fault has a time at which it ends" in shown
    assert client.post("/faults/inject/delay/", {"station": "NOWHERE", "seconds": "3", "minutes": "5"}).status_code == 422
    assert client.post("/faults/inject/clock-skew/", {"station": "", "seconds": "3", "minutes": "5"}).status_code == 422
    assert not Fault.objects.exists()
    on()
    answer = client.post("/faults/inject/delay/", {"station": "", "service": "", "seconds": "5", "minutes": "5", "why": ""})
    assert "That is on already: injected by maya" in answer.content.decode()


def test_who_may_not_set_faults_sees_them_or_the_banner_alone(signed_in: SignIn) -> None:
    fault = on("truncate", "CT01")
    technologist = signed_in("technologist")
    shown = text(technologist, "/faults/")
    assert "List ended behind answer 5" in shown
    assert "Inject" not in shown.replace("Injected on purpose.", "").replace("Injected faults", "")
    assert technologist.get("/faults/inject/delay/").status_code == 403
    assert technologist.post(f"/faults/{fault.pk}/end/").status_code == 403
    biller = signed_in("biller")
    assert biller.get("/faults/").status_code == 403
    assert "CT01: list ended behind answer 5, until" in text(biller, "/help/")


def test_every_page_says_what_is_on_and_stops_saying_so(signed_in: SignIn) -> None:
    client = signed_in("scheduler")
    assert "Injected on purpose." not in text(client, "/help/")
    fault = on("truncate", "CT01")
    for kind in ("delay", "reject", "charge-processor-down"):
        on(kind)
    shown = text(client, "/help/")
    assert "Injected on purpose.</strong> The charge processor is down, until" in shown
    assert "And 1 more." in shown
    assert 'hx-swap-oob="true"' in text(client, "/pulse/")
    faults.switch_all_off(a_site(), Actor.system("maya"))
    assert "Injected on purpose." not in text(client, "/help/")
    assert fault.until


def test_the_page_of_a_station_leads_to_what_holds_for_it(signed_in: SignIn) -> None:
    client = signed_in("admin")
    on("truncate", "CT01")
    on("delay")
    assert 'href="/faults/?station=CT01"' in text(client, "/stations/CT01/")
    shown = text(client, "/faults/?station=MR01")
    assert "Answered 10 s late" in shown
    assert "List ended behind answer 5" not in shown
    assert "/faults/inject/truncate/?station=MR01" in shown
    assert "charge-processor-down" not in shown


def test_the_log_and_the_explainer_say_what_was_injected(signed_in: SignIn) -> None:
    step = steps_of(an_order())[0]
    told = "injected by maya until 14:30: list ended behind answer 0"
    asked = a_query(identifier({"ScheduledStationAETitle": "CT01"}, PatientID=""), remark=told)
    client = signed_in("instructor")
    shown = text(client, f"/associations/{asked.association_id}/")
    assert "A fault was injected here.</strong></p><p>Injected by maya until 14:30: list ended behind answer 0." in shown
    rejected = an_association("MR01", rejection=f"temporary congestion (2/3/1): {told}")
    assert "Injected by maya until 14:30" in text(client, f"/associations/{rejected}/")
    assert "A fault was injected here" not in text(client, f"/associations/{an_association()}/")

    explained = text(client, f"/steps/{step.pk}/explanation/?station=CT01&message={asked.pk}")
    assert f"What was said was changed on purpose, {told}" in explained
    fault = on("reject", "CT01")
    explained = text(client, f"/steps/{step.pk}/explanation/?station=CT01&message={asked.pk}")
    assert "Its associations are rejected: injected by maya until" in explained
    faults.switch_off(a_site(), fault.pk, Actor.system("maya"))
    assert "Its associations are rejected" not in text(client, f"/steps/{step.pk}/explanation/?station=CT01&message={asked.pk}")


def test_a_fault_follows_its_station_to_another_title_and_holds_for_each_that_is_accepted(signed_in: SignIn) -> None:
    on(station="CT01"), on("clock-skew", station="CT01")
    about = {one: AssociationInfo(uuid4(), one, "STEPWISE", "127.0.0.1", 0) for one in ("CT01", "CT-EAST", "MR01")}

    def late() -> list[str]:
        active.forget()
        found = {one: Injection().message(info, MODALITY_WORKLIST, "C-FIND") for one, info in about.items()}
        return [one for one, effect in found.items() if effect is not None]

    assert late() == ["CT01"]
    rename_station(a_site(), Renaming("CT01"), "CT-EAST", ACTOR)
    assert late() == ["CT01", "CT-EAST"]
    assert active.skew_of("CT01") == active.skew_of("CT-EAST") != timedelta(0)
    client = signed_in("instructor")
    shown = client.get("/faults/?station=CT01", follow=True)
    assert shown.redirect_chain == [("/faults/?station=CT-EAST", 302)]
    assert "Nothing goes wrong on purpose" not in shown.content.decode()
    rename_station(a_site(), Renaming("CT-EAST", given_up=("CT01",)), "CT-EAST", ACTOR)
    assert late() == ["CT-EAST"]
    with pytest.raises(InvalidInput, match="CT01 is called CT-EAST now, so name that"):
        on("cut", station="CT01")


def test_addresses_that_name_a_former_title_lead_to_the_present_one(signed_in: SignIn) -> None:
    rename_station(a_site(), Renaming("CT01", keeps=False), "CT-EAST", ACTOR)
    client = signed_in("instructor")
    for address in ("/worklist/?station=CT01", "/faults/inject/delay/?station=CT01", "/consoles/CT01/"):
        assert client.get(address, follow=True).redirect_chain[0][0].endswith("station=CT-EAST")
    save_console(a_site(), ConsoleData("CT01", "CT"), ACTOR)
    shown = client.get("/consoles/CT-EAST/", follow=True)
    assert shown.redirect_chain == [("/consoles/CT01/", 302)]
    assert "which calls itself CT01" in shown.content.decode()
