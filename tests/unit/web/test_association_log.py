"""The association log: what each filter finds, that no address says an accession number, and that pages follow each other."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from html import unescape
from uuid import UUID, uuid4

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from dimse import journal
from dimse.encode import encode
from dimse.entries import AssociationEnded, AssociationStarted, Ending, MessageEntry, now
from dimse.models import Association, Mention, Message
from dimse.services import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    MODALITY_PERFORMED_PROCEDURE_STEP,
    VERIFICATION,
    AssociationInfo,
)
from dimse.strangers import NoDicom
from dimse.summaries import Came, accession_numbers
from dimse.tls import Secured
from ris import clock
from ris.actions.renaming import Renaming, rename_station
from ris.models import AuditedPatient
from stepwise.web import associations, log_filters
from tests.support.hospital import ACTOR, a_site, a_station, an_order
from tests.support.journal import a_query, an_association
from tests.support.worklist import identifier

pytestmark = pytest.mark.django_db(databases=["default", "journal"])
SignIn = Callable[..., Client]

SYNTAXES = (IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN)


def scheduled(*numbers: str) -> Dataset:
    """The beginning of an N-CREATE for these orders."""
    items = []
    for number in numbers:
        item = Dataset()
        item.AccessionNumber, item.StudyInstanceUID = number, generate_uid()
        items.append(item)
    created = Dataset()
    created.ScheduledStepAttributesSequence = items
    return created


def a_message(
    verb: str,
    status: int,
    *,
    data: bytes = b"",
    uid: str = "",
    calling: str = "CT01",
    at: datetime | None = None,
    within: UUID | None = None,
) -> UUID:
    """Asked and answered in an association of its own, or within one that is there."""
    when = at or now()
    association = within or an_association(calling, at=when)
    common = {
        "association_id": association,
        "time": when,
        "verb": verb,
        "message_id": 1,
        "sop_class_uid": MODALITY_PERFORMED_PROCEDURE_STEP,
        "sop_instance_uid": uid,
        "transfer_syntax": EXPLICIT_VR_LITTLE_ENDIAN,
    }
    journal.write([MessageEntry(**common, incoming=True, data=data), MessageEntry(**common, incoming=False, status=status)])
    return association


def shown(client: Client, address: str = "", **typed: str) -> set[UUID]:
    """The associations that the page lists for what is typed, or at an address."""
    where = address or client.post(reverse("associations"), {"accession": "", **typed}).headers["Location"]
    text = client.get(where).content.decode()
    return {pk for pk in Association.objects.values_list("pk", flat=True) if f'id="row-{pk}"' in text}


@pytest.fixture(autouse=True)
def site(db: None) -> None:
    a_site()


@pytest.fixture
def said(db: None) -> dict[str, UUID]:
    """One association of each kind, by what came of it."""
    a_station("CT01")
    info = AssociationInfo(uuid4(), "CT03", "STEPWISE", "10.9.9.9", 50000)
    late = AssociationInfo(uuid4(), "CT04", "STEPWISE", "10.0.0.8", 50000)
    journal.write([AssociationStarted(info, now(), "TESTS")])
    journal.write([AssociationStarted(late, now(), "TESTS")])
    journal.write([AssociationEnded(late.id, now(), Ending.ABORTED_HERE, "nothing was asked for 900 s", timed_out=True)])
    return {
        "echo": a_message("C-ECHO", 0),
        "found": a_query(b"", answers=3).association_id,
        "nothing": a_query(b"", answers=0).association_id,
        "canceled": a_query(b"", answers=2, status=0xFE00).association_id,
        "created": a_message("N-CREATE", 0),
        "warned": a_message("N-CREATE", 0x0107),
        "failed": a_message("N-SET", 0x0110),
        "rejected": an_association("OLDCR", rejection="calling AE title not recognized (1/1/3): unknown"),
        "open": info.id,
        "timed-out": late.id,
    }


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ({}, "echo found nothing canceled created warned failed rejected open timed-out"),
        ({"q": "oldc"}, "rejected"),
        ({"q": "10.9."}, "open"),
        ({"service": "Verification"}, "echo"),
        ({"service": "Worklist"}, "found nothing canceled"),
        ({"service": "MPPS"}, "created warned failed"),
        ({"service": "N-SET"}, "failed"),
        ({"result": "success"}, "echo found nothing created"),
        ({"result": "nothing"}, "nothing"),
        ({"result": "warning"}, "warned"),
        ({"result": "canceled"}, "canceled"),
        ({"result": "failed"}, "failed"),
        ({"result": "failures"}, "failed rejected timed-out"),
        ({"result": "rejected"}, "rejected"),
        ({"result": "aborted"}, "timed-out"),
        ({"result": "timed-out"}, "timed-out"),
        ({"result": "open"}, "open"),
        ({"code": "0x0107"}, "warned"),
        ({"code": "FE00H"}, "canceled"),
        ({"code": "0110", "service": "N-SET"}, "failed"),
        ({"code": "0110", "service": "Worklist"}, ""),
    ],
)
def test_each_filter_finds_what_it_says(signed_in: SignIn, said: dict[str, UUID], typed: dict[str, str], names: str) -> None:
    found = shown(signed_in("integrator"), **typed)
    assert {name for name, pk in said.items() if pk in found} == set(names.split())


def test_whoever_has_no_number_is_recorded_by_the_exam(signed_in: SignIn) -> None:
    order = an_order()
    message = a_query(identifier(PatientName="UNKNOWN^JANE", PatientID="", AccessionNumber=order.accession_number))
    signed_in("integrator").get(f"/associations/{message.association_id}/")
    assert AuditedPatient.objects.get().patient_key == order.patient_id


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_accession_numbers_are_found_in_the_bytes(syntax: str) -> None:
    assert list(accession_numbers(encode(scheduled("A1", "A22", "A1"), syntax), syntax)) == ["A1", "A22"]
    assert list(accession_numbers(encode(scheduled(""), syntax), syntax)) == []
    assert list(accession_numbers(encode(scheduled("A1"), syntax)[:-70], syntax)) in ([], ["A1"])


def test_an_accession_number_leads_to_all_its_messages_and_is_in_no_address(signed_in: SignIn) -> None:
    """The N-SET does not repeat the number of its N-CREATE."""
    uid, data = generate_uid(), encode(scheduled("A261127-001", "A261127-002"), EXPLICIT_VR_LITTLE_ENDIAN)
    created, ended = a_message("N-CREATE", 0, data=data, uid=uid), a_message("N-SET", 0, uid=uid)
    query = Dataset()
    query.AccessionNumber = "A261127-002"
    asked = a_query(query).association_id
    other = a_message("N-CREATE", 0, data=encode(scheduled("A261127-003"), EXPLICIT_VR_LITTLE_ENDIAN))
    client = signed_in("integrator")
    assert shown(client, accession="A261127-001") == {created, ended}
    assert shown(client, accession="A261127-002") == {created, ended, asked}
    assert shown(client, accession="A261127-002", service="C-FIND") == {asked}
    assert shown(client, accession="A261127") == set()
    where = client.post(reverse("associations"), {"accession": "A261127-003", "service": "MPPS"}).headers["Location"]
    assert "A261127" not in where and "service=MPPS" in where
    assert shown(client, where) == {other}
    assert 'value="A261127-003"' in client.get(where).content.decode()


def test_times_are_the_hospital_s(signed_in: SignIn) -> None:
    site = a_site()
    early, late = (an_association(at=now() - timedelta(hours=hours)) for hours in (5, 1))
    border = clock.local(now() - timedelta(hours=3), site).strftime("%d-%b-%Y %H:%M")
    client = signed_in("integrator")
    assert shown(client, **{"from": border}) == {late}
    assert shown(client, to=border) == {early}


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"code": "failure"}, "is no DIMSE status; write it in hexadecimal"),
        ({"from": "yesterday"}, "is not a day and a time"),
        ({"to": "31-Feb-2026 10:00"}, "31-Feb-2026"),
        ({"service": "bogus"}, "'bogus' is no service of the list"),
        ({"result": "fine"}, "'fine' is no result of the list"),
        ({"from": "10:30", "to": "10:30"}, "let it end after it begins"),
        ({"before": "yesterday"}, "is no place in the log; go back to the latest"),
    ],
)
def test_a_filter_that_cannot_be_read_shows_nothing_and_says_why(signed_in: SignIn, typed: dict[str, str], told: str) -> None:
    an_association()
    client = signed_in("integrator")
    answer = client.post(reverse("associations"), {"accession": "", **typed}, follow=True)
    text = unescape(answer.content.decode())
    assert answer.status_code == client.get(reverse("associations"), typed).status_code == 422
    assert "Nothing is shown." in text and told in text
    assert 'id="row-' not in text


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("?accession=A261127-003", '<a href="#f-accession">An accession number is not taken from an address'),
        ("?calling=CT01", "'calling' is no filter of the log; known are before, code"),
        ("?q=CT01&servise=MPPS", "'servise' is no filter of the log"),
    ],
)
def test_a_filter_that_the_log_does_not_know_is_refused_and_not_passed_over(signed_in: SignIn, address: str, told: str) -> None:
    an_association()
    answer = signed_in("integrator").get(f"{reverse('associations')}{address}")
    text = unescape(answer.content.decode())
    assert answer.status_code == 422 and "Nothing is shown." in text and told in text
    assert 'id="row-' not in text


def test_pages_follow_each_other_without_a_gap(signed_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several that began in the same instant, too."""
    monkeypatch.setattr(associations, "PAGE", 3)
    moment = now()
    made = {an_association(at=moment - timedelta(seconds=number // 4)) for number in range(8)}
    client, address, pages = signed_in("integrator"), reverse("associations"), []
    while address:
        text = client.get(address).content.decode()
        pages.append({pk for pk in made if f'id="row-{pk}"' in text})
        address = unescape(text.partition('id="older" href="')[2].partition('"')[0])
    assert [len(page) for page in pages] == [3, 3, 2]
    assert set().union(*pages) == made


def test_what_is_pruned_is_not_found_by_its_accession_number_any_more() -> None:
    old = now() - timedelta(days=40)
    a_message("N-CREATE", 0, data=encode(scheduled("A1"), EXPLICIT_VR_LITTLE_ENDIAN), at=old)
    journal.prune(now() - timedelta(days=30))
    assert not Mention.objects.exists()


@pytest.mark.both_databases
def test_a_page_is_found_in_the_index_of_the_log_alone(signed_in: SignIn, said: dict[str, UUID]) -> None:
    """Reading rows with their contexts and data sets would take seconds where there are a million."""
    connection = connections["journal"]
    with connection.cursor() as cursor:
        for table in (Association, Message):
            cursor.execute(f"ANALYZE {table._meta.db_table}")
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
    filters = log_filters.Filters({"q": "CT", "service": "MPPS", "result": "failures"})
    plan = filters.narrow(Association.objects.all(), a_site()).order_by("-started", "-pk").values_list("pk", "started")[:100].explain()
    assert "association_log" in plan
    assert "COVERING INDEX" in plan or "Index Only Scan" in plan


def test_an_association_of_a_whole_day_is_shown_in_parts(signed_in: SignIn) -> None:
    """Each exchange in one of them, numbered through; what failed is told above each."""
    association, began = an_association("CT01"), now()
    for number in range(1, 121):
        common = {
            "association_id": association,
            "time": began + timedelta(seconds=number // 3),  # several at one time
            "verb": "C-ECHO",
            "message_id": 1 + number % 7,
            "sop_class_uid": VERIFICATION,
            "transfer_syntax": IMPLICIT_VR_LITTLE_ENDIAN,
        }
        status = 0x0110 if number == 70 else 0
        journal.write([MessageEntry(**common, incoming=True), MessageEntry(**common, incoming=False, status=status, comment="")])
    client, address = signed_in("integrator"), reverse("association", args=[association])
    texts = {page: client.get(f"{address}?page={page}").content.decode() for page in ("1", "2", "3", "99", "", "x")}
    numbered = {page: list(map(int, re.findall(r'aria-label="C-ECHO, exchange (\d+)"', text))) for page, text in texts.items()}
    assert numbered["1"] + numbered["2"] + numbered["3"] == list(range(1, 121))
    assert (numbered["99"], numbered[""], numbered["x"]) == (numbered["3"], numbered["1"], numbered["1"])
    seen = [int(pk) for page in "123" for pk in re.findall(r'id="inspect-(\d+)"', texts[page])]
    assert sorted(seen) == sorted(Message.objects.filter(association=association, direction="in").values_list("pk", flat=True))
    assert all("Response" in texts[page] and "0110" in texts[page] for page in "123")
    with CaptureQueriesContext(connections["journal"]) as asked:
        listed = client.get(reverse("associations")).content.decode()
    row = listed.partition(f'id="row-{association}"')[2].partition("</tr>")[0]
    assert "and 116 more" in row and listed.count(f'id="row-{association}" data-row data-status="ERROR"') == 1
    assert sum('"nth"' in one["sql"] for one in asked) == 1, "its messages are not all read for the log"
    assert (
        "Exchanges 51 to 100 of 120" in texts["2"]
        and "Exchanges" not in client.get(reverse("association", args=[a_query(b"").association_id])).content.decode()
    )


def test_each_status_is_on_the_row_of_its_message(signed_in: SignIn) -> None:
    association = a_message("N-CREATE", 0)
    for status in (0x0213, 0):
        a_message("N-SET", status, within=association)
    listed = signed_in("integrator").get("/associations/").content.decode()
    rows = re.findall(r'<div class="said">(.*?)</div>', listed, re.DOTALL)
    assert [re.findall(r'>(N-[A-Z]+)|class="code">(\w+)<', row) for row in rows] == [
        [("N-CREATE", ""), ("", "0000")],
        [("N-SET", ""), ("", "0213")],
        [("N-SET", ""), ("", "0000")],
    ]


def test_what_came_over_tls_is_told_and_found(signed_in: SignIn) -> None:
    a_site()
    plain = an_association("CT01")
    over = an_association("CT02", secured=Secured("TLSv1.3", "TLS_AES_256_GCM_SHA384", "O=Vendor, CN=CT02"))
    bare = an_association("CT03", secured=Secured("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256"))
    failed = an_association("", called="", note="the TLS handshake failed: tlsv1 alert unknown ca", taken_for=NoDicom.OUR_AUTHORITY_UNKNOWN)
    Association.objects.filter(pk=an_association("CT04")).update(came=int(Came.SUCCESS))  # as it was before that was kept
    client = signed_in("integrator")
    assert shown(client, transport="tls") == {over, bare} and shown(client, "/associations/?transport=plain") == {plain}
    assert shown(client, transport="failed") == {failed}
    assert client.get("/associations/?transport=ssl").status_code == 422
    pages = {pk: unescape(client.get(f"/associations/{pk}/").content.decode()) for pk in (plain, over, bare, failed)}
    next_step = "The modality does not trust our certificate: give it the authority that signed"
    assert next_step in pages[failed] and next_step not in pages[plain]
    assert "over TLSv1.3, TLS_AES_256_GCM_SHA384, certificate O=Vendor, CN=CT02" in pages[over]
    assert "over TLSv1.2, ECDHE-RSA-AES128-GCM-SHA256, no certificate of the peer" in pages[bare]
    assert "over TLS" not in pages[plain]
    assert [one.transport.partition(",")[0] for one in Association.objects.order_by("started")] == [
        "None", "TLSv1.3", "TLSv1.2", "None came about", "Not known",
    ]  # fmt: skip


def test_who_looks_for_a_station_finds_what_it_said_under_its_former_title(signed_in: SignIn) -> None:
    a_station("CT01")
    before = an_association("CT01")
    rename_station(a_site(), Renaming("CT01"), "MR-EAST", ACTOR)
    now_called, other = an_association("MR-EAST"), an_association("US01")
    client = signed_in("integrator")
    assert shown(client, q="MR-EAST") == {before, now_called} and other not in shown(client, q="CT01")
    assert client.get("/connect/CT01/card/").headers["Location"] == "/connect/MR-EAST/card/"
    assert client.get("/connect/card-for-the-service-engineer/").status_code == 200
