"""Connect a modality, as a browser asks for it."""

import re
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connections
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from billing.models import Charge
from dimse.echo import Echo
from dimse.models import Association
from dimse.strangers import NoDicom
from ris import audit, clock
from ris.actions import connecting, echoes, sandbox
from ris.actions.renaming import Renaming, rename_station
from ris.errors import Conflict
from ris.models import (
    AuditRecord,
    CalledAlias,
    ConnectionCheck,
    EchoTest,
    Order,
    Patient,
    RequestedProcedure,
    ScheduledProcedureStep,
    Site,
    Station,
)
from tests.support.dicom import worklist_query
from tests.support.hospital import ACTOR, a_site, a_station, an_order, steps_of
from tests.support.journal import a_query, an_association
from tests.support.performing import begin, end

pytestmark = pytest.mark.django_db(databases=["default", "journal"])
SignIn = Callable[..., Client]
NOT_SERVED = "called AE title not recognized (1/1/7): called AE title 'RIS' is not served here"
UNKNOWN = "calling AE title not recognized (1/1/3): calling AE title 'CTSCAN2' is not known here"


@pytest.fixture
def client(signed_in: SignIn) -> Client:
    a_station("CT01")
    return signed_in("integrator")


def page_of(client: Client, ae_title: str = "CT01") -> str:
    answer = client.get(reverse("connect-station", args=[ae_title]))
    assert answer.status_code == 200
    return answer.content.decode()


def do(client: Client, verb: str, **given: object) -> str:
    """Press a button of the checklist; the page that follows."""
    answer = client.post(reverse("connect-act", args=["CT01", verb]), given, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def begun(client: Client) -> ConnectionCheck:
    do(client, "begin")
    return ConnectionCheck.objects.get(ae_title="CT01", ended_at=None)


def test_a_check_is_begun_left_resumed_ended_and_begun_again(client: Client) -> None:
    assert "was not checked yet" in page_of(client)
    check = begun(client)
    assert "Not done." in do(client, "begin"), "two people began at once"
    assert "counted since" in page_of(client)
    assert "Go on" in client.get(reverse("connect")).content.decode()
    assert "0 of 7 seen" in do(client, "end", check=check.pk)
    check.refresh_from_db()
    assert (check.ended_by, check.seen) == ("a-integrator", 0)
    assert "has ended it meanwhile" in do(client, "end", check=check.pk)
    assert begun(client).pk != check.pk


def test_only_what_comes_after_the_beginning_counts(client: Client) -> None:
    an_association("CT01", at=clock.wall() - timedelta(minutes=5))
    begun(client)
    assert 'value="0" max="7"' in page_of(client)
    an_association("CT01")
    assert 'value="2" max="7"' in page_of(client)


def test_a_check_that_is_over_shows_for_ever_what_was_seen_when_it_ended(client: Client) -> None:
    check = begun(client)
    performed = begin(steps_of(an_order()))
    an_association("CT01")
    assert "2 of 7 seen" in do(client, "end", check=check.pk)
    ConnectionCheck.objects.update(lines=[one | {"said": f"{one['said']} That was it."} for one in ConnectionCheck.objects.get().lines])
    end(performed)
    shown = page_of(client)
    assert 'value="2" max="7"' in shown
    assert shown.count("That was it.") == 7, "the lines are told as they were kept"


def test_of_a_check_of_before_checklists_were_kept_the_page_says_so_and_shows_no_line(client: Client) -> None:
    check = begun(client)
    an_association("CT01")
    do(client, "end", check=check.pk)
    check.refresh_from_db()
    assert 'id="not-kept"' not in page_of(client)
    ConnectionCheck.objects.update(lines=[])
    Association.objects.all().delete()
    shown = page_of(client)
    assert "Its lines were not kept." in shown and check.summary in shown
    assert "Nothing was heard" not in shown and 'class="checks"' not in shown and "<progress" not in shown
    assert "Begin again" in shown


def test_nothing_is_gathered_again_while_nothing_is_heard(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = clock.wall()
    monkeypatch.setattr(clock, "now", lambda site=None: moment)  # a part is fresh for some seconds
    begun(client)
    address = reverse("connect-station", args=["CT01"])
    seen = re.search(r'X-Seen": "([^"]+)"', client.get(address).content.decode())
    assert seen is not None
    asked = {"HX-Request": "true", "X-Seen": seen[1]}
    with monkeypatch.context() as patched:
        patched.delattr("stepwise.connecting.evidence.gather")
        assert client.get(address, headers=asked).status_code == 204
    an_association("CT01")
    assert client.get(address, headers=asked).status_code == 200


def test_who_calls_us_by_another_name_can_be_let_in(client: Client) -> None:
    check = begun(client)
    an_association("CT01", called="RIS", rejection=NOT_SERVED)
    assert "It calls us RIS, and we are STEPWISE" in page_of(client)
    assert "lets itself be called RIS too" in do(client, "accept", check=check.pk, value="RIS")
    assert CalledAlias.objects.get().ae_title == "RIS"
    assert "We are also called" in client.get(reverse("connect")).content.decode()
    forget = reverse("connect-forget")
    assert "Who calls RIS is rejected from now on" in client.post(forget, {"called": "RIS"}, follow=True).content.decode()
    for called in ("RIS", "NEVER-HEARD-OF"):
        again = client.post(forget, {"called": called}, follow=True).content.decode()
        assert "Nothing was changed." in again and f"is not called &#x27;{called}&#x27;" in again
    assert not CalledAlias.objects.filter(forgotten_at=None).exists()
    assert "We are also called" not in client.get(reverse("connect")).content.decode()


@pytest.mark.parametrize(("called", "why"), [("", "names nobody"), ("A" * 17, "AE holds at most 16"), ("OTHER", "title of a hospital")])
def test_no_name_is_taken_that_cannot_be_ours(client: Client, called: str, why: str) -> None:
    Site.objects.create(code="other", name="Other", ae_title="OTHER", time_zone="UTC")
    assert why in do(client, "accept", value=called)


def test_an_address_is_allowed_unless_the_station_was_changed_meanwhile(client: Client) -> None:
    Station.objects.update(addresses=["10.9.9.9"])
    begun(client)
    an_association("CT01", rejection="calling AE title not recognized (1/1/3): 'CT01' may not call from 10.0.0.7; add it")
    assert "Allow 10.0.0.7 too" in page_of(client)
    assert "changed this station" in do(client, "allow", value="10.0.0.7", version=99)
    assert "Not done" in do(client, "allow", value="10.0.0.7", version="")
    assert "may call from 10.0.0.7 too" in do(client, "allow", value="10.0.0.7", version=1)
    assert Station.objects.get().addresses == ["10.9.9.9", "10.0.0.7"]


def test_a_fault_does_not_hide_behind_a_later_one_from_the_same_address(client: Client) -> None:
    tls = "the TLS handshake failed: peer did not return a certificate"
    http = "not DICOM: the first bytes are 'GET / HTTP/1.0' (looks like HTTP)"
    codes = {tls: NoDicom.NO_CERTIFICATE, http: NoDicom.HTTP}
    for minutes, note in ((5, tls), (4, tls), (1, http)):
        an_association("", called="", note=note, taken_for=codes[note], at=clock.wall() - timedelta(minutes=minutes))
    listed = client.get(reverse("connect")).content.decode()
    assert "Give the modality a certificate signed by" in listed and "A browser or a web monitor asked" in listed
    assert listed.index("looks like HTTP") < listed.index("peer did not return a certificate")
    (several,) = re.findall(r'href="([^"]+)">2 times', listed)
    assert client.get(several).content.decode().count("peer did not return a certificate") == 2
    begun(client)
    for note, code in codes.items():
        an_association("", called="", note=note, taken_for=code)
    assert "Give the modality a certificate signed by" in page_of(client)


def test_what_strangers_did_before_it_was_a_code_is_read_from_the_words_once() -> None:
    notes = {"the TLS handshake failed: no shared cipher": "NO_SHARED_CIPHER", "no association request came in time": ""}
    rows = {an_association("", called="", note=note): code for note, code in notes.items()}
    rows[an_association("CT01", note="the TLS handshake failed: no shared cipher")] = ""
    migration = import_module("dimse.migrations.0008_what_strangers_took_the_port_for")
    migration.read_the_words(apps, SimpleNamespace(connection=connections["journal"]))
    assert dict(Association.objects.values_list("pk", "taken_for")) == rows


def test_handshakes_that_failed_before_that_was_a_flag_are_found_as_that() -> None:
    early = "the peer's certificate is not trusted: certificate is not yet valid"
    failed = an_association("", called="", note=early, taken_for=NoDicom.CERTIFICATE_NOT_TRUSTED)
    http, plain = an_association("", called="", note="not DICOM: HTTP", taken_for=NoDicom.HTTP), an_association("CT01")
    Association.objects.update(came=0)
    migration = import_module("dimse.migrations.0009_handshakes_that_failed")
    migration.read_again(apps, SimpleNamespace(connection=connections["journal"]))
    assert Association.objects.get(pk=failed).taken_for == NoDicom.CERTIFICATE_TOO_EARLY
    assert {pk: Association.objects.get(pk=pk).transport for pk in (failed, http, plain)} == {
        failed: "None came about", http: "Not known", plain: "Not known",
    }  # fmt: skip


def test_a_stranger_is_offered_before_there_is_a_station(client: Client) -> None:
    an_association("CTSCAN2", rejection=UNKNOWN)
    listed = client.get(reverse("connect")).content.decode()
    assert "CTSCAN2" in listed and 'Connect<span class="vh"> CTSCAN2' in listed
    form = client.get(f"{reverse('station-new')}?ae_title=CTSCAN2&host=10.0.0.7&then=connect")
    assert 'value="CTSCAN2"' in form.content.decode()
    fields = {field.html_name: field.value() for field in form.context["form"] if field.value() not in (None, False)}
    answer = client.post(reverse("station-new"), fields | {"modalities": "CT"})
    assert answer["Location"] == reverse("connect-station", args=["CTSCAN2"])
    page_of(client, "CTSCAN2")
    assert "take-1" not in client.get(reverse("connect")).content.decode()


class TestTestExam:
    def test_it_is_on_this_list_alone_and_goes_as_if_it_had_never_been(self, client: Client) -> None:
        check = begun(client)
        a_station("CT02")
        assert "is on the list of CT01, and on no other" in do(client, "test", check=check.pk)
        assert "has a test exam already" in do(client, "test", check=check.pk)
        step = ScheduledProcedureStep.objects.get()
        assert step.requested_procedure.is_test
        number = step.requested_procedure.order.accession_number
        assert _sees("CT01") == [step.pk]
        assert _sees("CT02") == [] == _sees("STRANGER")
        assert "gone, as if it had never been" in do(client, "remove-test", check=check.pk)
        assert not Order.objects.exists() and not Patient.objects.exists()
        removed = AuditRecord.objects.filter(action=audit.DELETE).order_by("pk")
        assert [(row.actor, row.event, *row.patients.values_list("patient_id", "accession_number")) for row in removed] == [
            ("a-integrator", audit.ORDER, ("TEST-CT01", number)),
            ("a-integrator", audit.PATIENT, ("TEST-CT01", "")),
        ]
        assert "has no test exam" in do(client, "remove-test", check=check.pk)

    def test_it_keeps_no_slot(self, client: Client) -> None:
        sandbox.make(begun(client).pk, ACTOR)
        start = ScheduledProcedureStep.objects.get().start
        assert start is not None
        an_order(start=start + timedelta(minutes=5))

    def test_what_is_performed_of_it_is_captured_voided_and_never_due(self, client: Client) -> None:
        check = begun(client)
        order = sandbox.make(check.pk, ACTOR)
        end(begin(steps_of(order)), images=3)
        charge = Charge.objects.get()
        assert (charge.status, charge.amount, charge.by_hand) == ("VOID", 0, True)
        assert "stays in the log" in do(client, "remove-test", check=check.pk)
        assert RequestedProcedure.objects.filter(is_test=True).exists()

    def test_one_that_has_begun_is_discontinued(self, client: Client) -> None:
        check = begun(client)
        begin(steps_of(sandbox.make(check.pk, ACTOR)))
        assert "had begun: it is discontinued" in do(client, "remove-test", check=check.pk)
        assert ScheduledProcedureStep.objects.get().status == "DISCONTINUED"


def _sees(ae_title: str) -> list[int]:
    """What a query for everything gets from this caller."""
    from worklist import askers, query
    from worklist.find import find

    site = Site.objects.get(pk=a_site().pk)
    asked = askers.as_asked(site, ae_title, query.parse(worklist_query()))
    return [found.step_id for found_page in find(site, asked) for found in found_page]


def test_a_query_that_gets_nothing_is_explained(client: Client) -> None:
    begun(client)
    an_order()
    query = worklist_query()
    query.ScheduledProcedureStepSequence[0].Modality = "MR"
    a_query(query, "CT01")
    shown = page_of(client)
    assert "got 0 of 1" in shown and "Explain key by key" in shown


class TestEcho:
    def test_it_is_sent_by_a_worker_and_its_result_shows_on_both_pages(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        Station.objects.update(host="ct01.example", port=104)
        sent: list[int] = []
        monkeypatch.setattr("ris.tasks.send_echo.apply_async", lambda args, **_: sent.append(args[0]))
        begun(client)
        client.post(reverse("station-echo", args=["CT01"]), {"from": "connect"})
        assert "C-ECHO to ct01.example:104 is under way" in page_of(client)
        row = AuditRecord.objects.get(event=audit.PROBE)
        assert (row.actor, row.place, row.detail) == ("a-integrator", "station-echo", {"of": ["C-ECHO to CT01 at ct01.example:104"]})
        monkeypatch.setattr(echoes, "echo", lambda host, port, **_: Echo("REFUSED", f"{host}:{port} is not reachable"))
        echoes.send(sent[0])
        echoes.send(sent[0])
        for address in ("connect-station", "station"):
            assert "nothing listens on that port" in client.get(reverse(address, args=["CT01"])).content.decode()

    def test_one_at_a_time_and_one_that_nobody_took_is_over(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        Station.objects.update(host="ct01.example", port=104)
        monkeypatch.setattr("ris.tasks.send_echo.apply_async", lambda args, **_: None)
        station = Station.objects.get()
        test = echoes.ask(station, ACTOR)
        with pytest.raises(Conflict):
            echoes.ask(station, ACTOR)
        EchoTest.objects.filter(pk=test.pk).update(asked_at=clock.wall() - echoes.PATIENCE - timedelta(seconds=1))
        assert "no worker took it within 30 s" in client.get(reverse("station", args=["CT01"])).content.decode()
        echoes.ask(station, ACTOR)
        assert EchoTest.objects.exclude(ended_at=None).get().result == "NO_WORKER"

    def test_without_a_broker_the_page_says_so(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        def away(*_: object, **__: object) -> None:
            raise OSError("refused")

        Station.objects.update(host="ct01.example", port=104)
        monkeypatch.setattr("ris.tasks.send_echo.apply_async", away)
        answer = client.post(reverse("station-echo", args=["CT01"]), follow=True)
        assert "message broker (Redis) does not answer" in answer.content.decode()

    def test_without_host_and_port_nobody_is_asked(self, client: Client) -> None:
        assert "write the host and port" in client.post(reverse("station-echo", args=["CT01"]), follow=True).content.decode()


def test_the_card_tells_how_we_are_reached(client: Client) -> None:
    card = client.get(reverse("connect-card", args=["CT01"])).content.decode()
    assert all(text in card for text in ("STEPWISE", "not for clinical use", "Scheduled Step Attributes", "reached from this machine only"))
    assert client.get(reverse("connect-card-general")).status_code == 200


def test_a_name_by_which_everybody_means_their_own_machine_is_no_address(client: Client, settings: Settings) -> None:
    settings.DICOM_BIND, settings.ALLOWED_HOSTS = "0.0.0.0", ["*"]
    address = reverse("connect-card", args=["CT01"])
    for name in ("localhost:8000", "127.0.0.1", "[::1]:8000"):
        assert "write in our address" in client.get(address, headers={"host": name}).content.decode()
    assert '<span class="id">ris.example.org</span>' in client.get(address, headers={"host": "ris.example.org"}).content.decode()
    begun(client)
    shown = client.get(reverse("connect-station", args=["CT01"]), headers={"host": "ris.example.org"}).content.decode()
    assert "to STEPWISE at ris.example.org port" in shown
    alone = client.get(reverse("connect-station", args=["CT01"]), headers={"host": "localhost"}).content.decode()
    assert "of this machine’s address in the modality’s network" in alone


def test_the_card_has_the_time_zone_of_the_station(client: Client) -> None:
    Station.objects.update(time_zone="Asia/Tokyo")
    shown = client.get(reverse("connect-card", args=["CT01"])).content.decode()
    assert "Asia/Tokyo (UTC+09:00)" in shown and "this station’s own, the hospital’s is" in shown


def test_another_hospital_s_station_is_not_there(client: Client) -> None:
    other = Site.objects.create(code="other", name="Other", ae_title="OTHER", time_zone="UTC")
    Station.objects.create(site=other, ae_title="MR09", name="MR09")
    connecting.begin(other, "MR09", ACTOR)
    assert client.get(reverse("connect-station", args=["MR09"])).status_code == 404
    assert client.post(reverse("connect-act", args=["MR09", "begin"])).status_code == 404
    assert "MR09" not in client.get(reverse("connect")).content.decode()


def test_looking_is_for_who_sees_the_journal_and_acting_for_integrators(signed_in: SignIn) -> None:
    a_station("CT01")
    technologist = signed_in("technologist")
    assert technologist.get(reverse("connect-station", args=["CT01"])).status_code == 200
    assert technologist.post(reverse("connect-act", args=["CT01", "begin"])).status_code == 403
    assert signed_in("biller").get(reverse("connect")).status_code == 403


def test_who_calls_under_a_former_title_that_is_accepted_no_more_is_no_stranger_to_be_registered(client: Client) -> None:
    begun(client)
    rename_station(a_site(), Renaming("CT01", keeps=False), "CT-EAST", ACTOR)
    a_station("CT02")
    connecting.begin(a_site(), "CT02", ACTOR)
    an_association("CT01", rejection=UNKNOWN)
    told = f"when {ACTOR.name} ended it"
    who, checklist = client.get(reverse("connect")).content.decode(), page_of(client, "CT-EAST")
    for shown in (who, checklist):
        assert "CT01 was the AE title of CT-EAST until" in shown and told in shown
        assert "Accept CT01 again</button>" in shown and "ae_title=CT01" not in shown
    assert "Change the modality to CT-EAST, or accept CT01 again." in checklist
    assert "CT01" not in page_of(client, "CT02").split('class="checks"')[1].split("</ol>")[0], "it is that of another station"
