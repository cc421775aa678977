"""A REST client with the installation's token, and a hospital with something in it."""

import json
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.test import Client

from tests.support.hospital import a_procedure, a_site, a_station

TOKEN = "the-token-of-this-installation-alone"
SEEN_USED = 1
"""The look at when the token was used last."""
RECORDED = 3
"""Statements that enter in the audit trail whom a call shows: a savepoint is one of them, and there is none outside of tests."""


class Rest:
    """`get` and `post` below /api/v1 with a bearer token; answers are (status, decoded body)."""

    def __init__(self, token: str | None = TOKEN) -> None:
        self._client = Client(headers={"Authorization": f"Bearer {token}"} if token else {})

    def get(self, path: str, **query: object) -> tuple[int, Any]:
        answer = self._client.get(f"/api/v1{path}", query)
        return answer.status_code, json.loads(answer.content)

    def post(self, path: str, body: object = None) -> tuple[int, Any]:
        return self.post_raw(path, json.dumps({} if body is None else body))

    def put(self, path: str, body: object) -> tuple[int, Any]:
        return self._sent(self._client.put, path, body)

    def patch(self, path: str, body: object) -> tuple[int, Any]:
        return self._sent(self._client.patch, path, body)

    def delete(self, path: str, body: object = None) -> tuple[int, Any]:
        return self._sent(self._client.delete, path, body)

    @staticmethod
    def _sent(send: Any, path: str, body: object) -> tuple[int, Any]:
        answer = send(f"/api/v1{path}", json.dumps(body), content_type="application/json")
        return answer.status_code, json.loads(answer.content)

    def post_raw(self, path: str, body: str | bytes) -> tuple[int, Any]:
        answer = self._client.post(f"/api/v1{path}", body, content_type="application/json")
        return answer.status_code, json.loads(answer.content)


@pytest.fixture
def rest(db: None, monkeypatch: pytest.MonkeyPatch) -> Rest:
    """Its token was used a moment ago, so that no call writes or enters that."""
    monkeypatch.setattr(settings, "API_TOKEN", TOKEN)
    client = Rest()
    client.get("/procedures")
    return client


@pytest.fixture
def hospital(db: None) -> None:
    """Stations CT01 (CT), MR01 (MR, CT) and the procedures CTCHEST, MRHEAD and the two-step NMBONE."""
    a_site()
    a_station("CT01", "CT")
    a_station("MR01", "MR", "CT")
    a_station("NM01", "NM")
    a_procedure("CTCHEST")
    a_procedure("MRHEAD", modality="MR", steps=("MR head",))
    a_procedure("NMBONE", modality="NM", minutes=20, steps=("Injection", "Bone scan"))


def row_counts() -> dict[str, int]:
    """Rows of every domain table: equal before and after a refusal, which only the audit trail tells of."""
    rooms = ("ris", "worklist", "mpps", "billing", "training")
    models = [model for room in rooms for model in apps.get_app_config(room).get_models() if not model.__name__.startswith("Audit")]
    return {model.__name__: model._default_manager.count() for model in models}


def an_order_body(**changes: Any) -> dict[str, Any]:
    """A good order into the tray; keyword arguments replace its fields."""
    body: dict[str, Any] = {
        "patient": {"patient_id": "4711", "name": "TANAKA^Hanako=田中^花子=たなか^はなこ", "birth_date": "1984-05-31", "sex": "F"},
        "procedure_code": "CTCHEST",
        "priority": "ROUTINE",
    }
    return body | changes
