"""Faults over REST: what there is, switching on and off, and what is refused."""

import pytest

from tests.unit.api.conftest import Rest
from training.faults.kinds import KINDS
from training.models import Fault

pytestmark = pytest.mark.usefixtures("hospital")


def test_what_can_be_injected_is_told_with_its_limits(rest: Rest) -> None:
    status, body = rest.get("/fault-kinds")
    assert (status, body["count"]) == (200, len(KINDS))
    kinds = {kind["kind"]: kind for kind in body["items"]}
    assert kinds["delay"]["services"] == ["worklist", "mpps", "verification"]
    (seconds,) = kinds["delay"]["parameters"]
    assert (seconds["name"], seconds["default"], seconds["least"], seconds["most"], seconds["choices"]) == ("seconds", 10, 1, 600, None)
    assert kinds["mpps-outage"]["parameters"][0]["choices"]["silent"] == "requests of MPPS get no answer, and nothing is done"


def test_a_fault_is_switched_on_listed_and_ended(rest: Rest) -> None:
    asked = {"kind": "truncate", "station_ae_title": "CT01", "minutes": 5, "parameters": {"after": 3}, "reason": "lesson 3"}
    status, made = rest.post("/faults", asked)
    assert status == 201
    assert {name: made[name] for name in ("kind", "station_ae_title", "service", "parameters", "what", "active", "set_by", "reason")} == {
        "kind": "truncate",
        "station_ae_title": "CT01",
        "service": None,
        "parameters": {"after": 3},
        "what": "list ended behind answer 3",
        "active": True,
        "set_by": "api",
        "reason": "lesson 3",
    }
    assert rest.get(f"/faults/{made['id']}") == (200, made)
    assert rest.get("/faults", active="true", station_ae_title="CT01")[1] == {"items": [made], "count": 1}
    assert rest.get("/faults", station_ae_title="MR01")[1]["count"] == 0
    status, ended = rest.post(f"/faults/{made['id']}/end", {"reason": "seen"})
    assert (status, ended["active"], ended["ended_by"]) == (200, False, "api")
    assert ended["ended"] is not None
    assert rest.get("/faults", active="false")[1]["count"] == 1
    assert rest.get("/faults", active="true")[1]["count"] == 0


def test_each_refusal_says_what_and_why(rest: Rest) -> None:
    assert "which is no fault" in rest.post("/faults", {"kind": "dlay"})[1]["errors"]["kind"]
    wrong = {"kind": "delay", "station_ae_title": "NOWHERE", "service": "pacs", "minutes": None, "parameters": {"seconds": 9999}}
    status, body = rest.post("/faults", wrong)
    assert status == 422
    assert set(body["errors"]) == {"station_ae_title", "service", "minutes", "parameters.seconds"}
    assert rest.post("/faults", {"kind": "delay", "for_ever": True})[1]["errors"] == {"for_ever": "is not a field of this call"}
    assert not Fault.objects.exists()
    assert rest.get("/faults/77")[0] == rest.post("/faults/77/end")[0] == 404

    made = rest.post("/faults", {"kind": "delay"})[1]
    status, body = rest.post("/faults", {"kind": "delay"})
    assert (status, body["detail"].startswith("That is on already")) == (409, True)
    assert rest.post(f"/faults/{made['id']}/end")[0] == 200
    status, body = rest.post(f"/faults/{made['id']}/end")
    assert (status, body["detail"]) == (409, f"Fault {made['id']} is over already (switched off by api); nothing was changed.")
