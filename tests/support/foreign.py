"""A modality by other people's hand: dcmjs-dimse in a Node process (tests/foreign), which sends what our own modality would send."""

import json
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Iterator, MutableSequence, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from dimse.outcomes import ScuAnswer
from dimse.services import Verb
from dimse.uids import new_uid
from tests.support.required import missing

FOLDER = Path(__file__).parents[1] / "foreign"


@dataclass(frozen=True)
class Foreign:
    """The process; each `send` is one association."""

    process: "subprocess.Popen[str]"

    def send(self, port: int, calling: str, called: str, requests: Sequence[dict[str, Any]]) -> list[ScuAnswer]:
        """Requests of one association, answered in turn."""
        return [_answer(one) for one in self.heard(port, calling, called, requests)]

    def heard(self, port: int, calling: str, called: str, requests: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The answers as the library reads them."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        asked = {"port": port, "calling": calling, "called": called, "requests": requests}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        heard = json.loads(self.process.stdout.readline() or '{"error": "the process ended"}')
        assert "error" not in heard, heard["error"]
        answers: list[dict[str, Any]] = heard["answers"]
        return answers


@contextmanager
def foreign() -> Iterator[Foreign]:
    """Starts it. Skips the test when it is not installed, fails it when RIS_TEST_REQUIRE names node."""
    node = shutil.which("node")
    if node is None or not (FOLDER / "node_modules" / "dcmjs-dimse").is_dir():
        missing("node", "node is not on PATH" if node is None else "dcmjs-dimse is not installed; `scripts/foreign.sh` does it")
    with subprocess.Popen(
        [node, "send.js"], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        try:
            yield Foreign(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(10)


@dataclass(frozen=True)
class ForeignModality:
    """As `tests.integration.mpps.conftest.Modality`, by the foreign process."""

    process: Foreign
    port: int
    ae_title: str
    called: str

    def find(self, **keys: Any) -> list[dict[str, Any]]:
        """The worklist items that match, by keywords as the library has them: sequences as lists."""
        *found, final = self.process.heard(self.port, self.ae_title, self.called, [{"verb": Verb.C_FIND, "elements": keys}])
        assert final["status"] == 0, final
        return [one["elements"] for one in found]

    def create(self, attribute_list: Dataset, uid: str | None = "") -> tuple[str, ScuAnswer]:
        """The SOP Instance UID (a new one for an empty `uid`, the SCP's for None) and the answer."""
        uid = new_uid() if uid == "" else uid
        named = {"uid": uid} if uid else {}
        (answer,) = self._send({"verb": Verb.N_CREATE, "elements": elements(attribute_list), **named})
        return uid or answer.sop_instance_uid, answer

    def set(self, uid: str, modification_list: Dataset) -> ScuAnswer:
        (answer,) = self._send({"verb": Verb.N_SET, "uid": uid, "elements": elements(modification_list)})
        return answer

    def send_bytes(self, verb: Verb, uid: str, data: bytes) -> ScuAnswer:
        """A data set, in Explicit VR, that the library would not write itself."""
        (answer,) = self._send({"verb": verb, "uid": uid, "bytes": b64encode(data).decode()})
        return answer

    def begin(self, attribute_list: Dataset) -> str:
        """N-CREATE that must be accepted; its UID."""
        uid, answer = self.create(attribute_list)
        assert answer.status == 0, answer
        return uid

    def _send(self, *requests: dict[str, Any]) -> list[ScuAnswer]:
        return self.process.send(self.port, self.ae_title, self.called, requests)


def elements(dataset: Dataset) -> dict[str, Any]:
    """The data set by keywords, with the items of sequences in lists."""
    return {element.keyword: _plain(element.value) for element in dataset}


def _plain(value: Any) -> Any:
    if isinstance(value, Dataset):
        return elements(value)
    if isinstance(value, MutableSequence):
        return [_plain(one) for one in value]
    return "" if value is None else str(value)


def _answer(heard: dict[str, Any]) -> ScuAnswer:
    dataset = None
    if heard["elements"]:
        dataset = Dataset()
        for keyword, value in heard["elements"].items():
            if tag_for_keyword(keyword) is not None:
                setattr(dataset, keyword, value)
    tags = tuple(int(str(tag).replace(",", ""), 16) if isinstance(tag, str) else int(tag) for tag in heard["tags"])
    return ScuAnswer(heard["status"], heard["comment"], heard["error_id"], tags, heard["uid"], dataset)
