"""The message journal over REST."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from dimse.models import Association, Message
from dimse.summaries import Came
from ris import clock
from tests.support.hospital import a_site
from tests.unit.api.conftest import Rest

pytestmark = [pytest.mark.usefixtures("hospital"), pytest.mark.django_db(databases=["default", "journal"])]

START = datetime(2026, 11, 23, 14, 30, 0, 250_000, tzinfo=UTC)


def an_association(minutes: int = 0, *, calling: str = "CT01", end: str = "released") -> UUID:
    started = START + timedelta(minutes=minutes)
    row = Association.objects.create(
        id=uuid4(),
        started=started,
        ended=started + timedelta(seconds=1) if end else None,
        end=end,
        calling=calling,
        called="STEPWISE",
        address="10.0.0.7",
        port=50000,
        contexts=[{"abstract_syntax": "1.2.840.10008.1.1", "transfer_syntax": "1.2.840.10008.1.2", "result": "accepted"}],
    )
    return row.pk


def a_message(association: UUID, service: str = "C-FIND", *, minutes: int = 0, status: int | None = None) -> int:
    row = Message.objects.create(
        association_id=association,
        time=START + timedelta(minutes=minutes),
        direction="in" if status is None else "out",
        service=service,
        message_id=1,
        status=status,
        sop_class_uid="1.2.840.10008.5.1.4.31",
        transfer_syntax="1.2.840.10008.1.2",
        size=10,
        data=b"\x10\x00\x20\x00\x04\x00\x00\x004711",
    )
    return row.pk


def ids(answer: tuple[int, Any]) -> list[Any]:
    status, body = answer
    assert status == 200, body
    assert body["count"] == len(body["items"])
    return [item["id"] for item in body["items"]]


def test_associations_by_time_caller_service_and_end(rest: Rest) -> None:
    first = an_association()
    second = an_association(10, calling="MR01", end="rejected")
    third = an_association(20, end="")
    a_message(first)
    a_message(first, status=0)
    a_message(third, "N-CREATE")
    item = rest.get("/associations")[1]["items"][2]
    assert (item["calling"], item["called"], item["status"], item["services"]) == ("CT01", "STEPWISE", "released", ["C-FIND"])
    assert item["started"] == clock.local(START, a_site()).isoformat(timespec="milliseconds")
    assert ids(rest.get("/associations")) == [str(third), str(second), str(first)]
    assert ids(rest.get("/associations", calling="MR01")) == [str(second)]
    assert ids(rest.get("/associations", service="n-create")) == [str(third)]
    assert ids(rest.get("/associations", status="open")) == [str(third)]
    assert ids(rest.get("/associations", status="Rejected")) == [str(second)]
    assert ids(rest.get("/associations", status="", service="", calling="")) == [str(third), str(second), str(first)]
    ten = (START + timedelta(minutes=10)).isoformat()
    assert ids(rest.get("/associations", **{"from": ten})) == [str(third), str(second)]
    assert ids(rest.get("/associations", to=ten)) == [str(first)]


def test_associations_over_tls_without_it_and_where_it_failed(rest: Rest) -> None:
    flags = {"tls": Came.SECURED, "plain": Came.PLAIN, "failed": Came.NOT_SECURED}
    made = {name: an_association(minutes) for minutes, name in enumerate(flags)}
    for name, flag in flags.items():
        Association.objects.filter(pk=made[name]).update(came=flag)
    an_association(30)  # of before that was kept
    for name, pk in made.items():
        assert ids(rest.get("/associations", transport=name)) == [str(pk)]
    status, told = rest.get("/associations", transport="ssl")
    assert (status, "transport" in str(told)) == (422, True)


def test_messages_by_time_caller_service_and_status(rest: Rest) -> None:
    first, second = an_association(), an_association(10, calling="MR01")
    query, answer = a_message(first), a_message(first, status=0xA900, minutes=1)
    create = a_message(second, "N-CREATE", minutes=10)
    item = rest.get("/messages", service="C-FIND", status="A900")[1]["items"][0]
    assert (item["id"], item["status"], item["calling"], item["direction"]) == (answer, "A900", "CT01", "out")
    assert item["status_name"]
    assert item["dataset"]["00100020"]["Value"] == ["4711"]
    assert ids(rest.get("/messages")) == ids(rest.get("/messages", status="", service="")) == [create, answer, query]
    assert ids(rest.get("/messages", calling="MR01")) == [create]
    assert ids(rest.get("/messages", status="0xa900")) == [answer]
    assert ids(rest.get("/messages", to=(START + timedelta(minutes=1)).isoformat())) == [query]


def test_a_note_says_why_an_accepted_association_could_ask_nothing(rest: Rest) -> None:
    Association.objects.filter(pk=an_association()).update(note="no presentation context accepted")
    (item,) = rest.get("/associations")[1]["items"]
    assert (item["note"], item["rejection"]) == ("no presentation context accepted", "")


def test_a_message_whose_association_was_lost_is_still_shown(rest: Rest) -> None:
    message = a_message(uuid4())
    (item,) = rest.get("/messages")[1]["items"]
    assert (item["id"], item["calling"]) == (message, "")


@pytest.mark.parametrize(
    ("path", "parameter", "value"),
    [
        ("/associations", "service", "C-STORM"),
        ("/associations", "status", "lost"),
        ("/associations", "from", "yesterday"),
        ("/messages", "status", "failed"),
        ("/messages", "to", "5"),
        ("/messages", "since", "2026-11-23T09:00:00Z"),
    ],
)
def test_bad_filters_are_refused(rest: Rest, path: str, parameter: str, value: str) -> None:
    status, body = rest.get(path, **{parameter: value})
    assert (status, list(body["errors"])) == (422, [parameter])


def test_the_lists_cost_the_same_queries_however_long_they_are(rest: Rest, django_assert_num_queries: Any) -> None:
    for number in range(5):
        a_message(an_association(number))
        if number in (0, 4):
            for path in ("/associations", "/messages"):
                with django_assert_num_queries(3, using="journal"):
                    assert rest.get(path)[1]["count"] == number + 1


def test_an_association_says_by_what_it_was_secured(rest: Rest) -> None:
    pk = an_association()
    Association.objects.filter(pk=pk).update(tls_version="TLSv1.3", tls_cipher="TLS_AES_256_GCM_SHA384", tls_subject="CN=CT01")
    (item,) = rest.get("/associations")[1]["items"]
    said = [item[name] for name in ("tls_version", "tls_cipher", "tls_subject", "taken_for")]
    assert said == ["TLSv1.3", "TLS_AES_256_GCM_SHA384", "CN=CT01", ""]
