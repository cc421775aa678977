"""DCMTK's worklist server `wlmscpfs` on a free port, DCMTK's `findscu`, and what differs between two answers to one query."""

import re
import socket
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from pydicom import Dataset, dcmread
from pydicom.datadict import keyword_for_tag

from tests.support.dcmtk import dcmtk
from tests.support.dicom import encoded
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.wait import wait_until

_AT_ONCE = {"TCP_NODELAY": "1"}  # DCMTK may be built to wait 40 ms for more before it sends
ABSENT, EMPTY, ANSWER = "absent", "empty", "the answer"
Flat = dict[str, str]
_RESPONSE = re.compile(r"(?:Find Response: (\d+) \((.*)\)|Received Final Find Response \((.*)\))")
_IDENTITY = (
    "ScheduledProcedureStepSequence.ScheduledProcedureStepID",
    "StudyInstanceUID",
    "AccessionNumber",
    "RequestedProcedureID",
    "PatientID",
    "PatientName",
    "ScheduledProcedureStepSequence.ScheduledProcedureStepLocation",
    "ScheduledProcedureStepSequence.ScheduledProcedureStepStartDate",
    "ScheduledProcedureStepSequence.Modality",
)


@dataclass(frozen=True)
class Peer:
    """A worklist SCP on this machine."""

    ae_title: str
    port: int


@contextmanager
def wlmscpfs(database: Path, ae_title: str, log: Path) -> Iterator[Peer]:
    """Serve the items in `database`/`ae_title`, with the character sets that they declare, until the block ends."""
    port = free_port()
    options = ["--keep-char-set", "--disable-host-lookup", "--data-files-path", str(database)]
    with Process([dcmtk("wlmscpfs"), *options, str(port)], log, env=_AT_ONCE) as process:

        def listens() -> bool:
            assert process.alive, process.output()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        wait_until(listens, 20, "wlmscpfs listens")
        yield Peer(ae_title, port)


def dump2dcm(text: Path, target: Path) -> Path:
    """DCMTK's own conversion of a text dump."""
    subprocess.run([dcmtk("dump2dcm"), str(text), str(target)], check=True, capture_output=True)
    return target


class Answer(NamedTuple):
    """A response: its status in DCMTK's words, and its identifier."""

    status: str
    identifier: Dataset


def findscu(peer: Peer, output: Path, queries: Sequence[Path], *options: str) -> list[list[Answer]]:
    """The pending answers to each query file, all asked in one association; a failure is an answer without attributes."""
    output.mkdir()
    command = [dcmtk("findscu"), "-v", "+sr", "-W", "-X", "-od", str(output), *options, "-aec", peer.ae_title]
    command += ["127.0.0.1", str(peer.port), *map(str, queries)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=60, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    found: list[list[Answer]] = [[]]
    for number, pending, final in _RESPONSE.findall(done.stdout + done.stderr):
        if pending:
            found[-1].append(Answer(pending, dcmread(output / f"rsp{int(number):04}.dcm")))
            continue
        if final != "Success":
            found[-1].append(Answer(final, Dataset()))
        found.append([])
    assert len(found) == len(queries) + 1, done.stderr + done.stdout
    return found[:-1]


def written(query: Dataset, target: Path) -> Path:
    """The query as a bare data set for findscu, values as they are; DCMTK recognises one from two attributes on."""
    target.write_bytes(encoded(query))
    return target


class Difference(NamedTuple):
    """An attribute that is not the same in two answers to one query.

    `ours` and `theirs` are its value, ABSENT or EMPTY. `path` is ANSWER for answers that only one side gave: their step IDs.
    """

    path: str
    ours: str
    theirs: str


class Row(NamedTuple):
    """A difference that is expected in the answers to these queries, in how many, and the paragraph that decides."""

    queries: tuple[str, ...]
    difference: Difference
    answers: int
    why: str


def expected(queries: Iterable[str], table: Iterable[Row]) -> dict[str, Counter[Difference]]:
    """What the table says of these queries."""
    told: dict[str, Counter[Difference]] = {name: Counter() for name in queries}
    for row in table:
        for name in row.queries:
            if name in told:
                told[name][row.difference] = row.answers
    return told


class Comparison(NamedTuple):
    """How many answers both sides gave, and in how many of these each difference is found."""

    common: int
    differences: Counter[Difference]


def compare(ours: Sequence[Answer], theirs: Sequence[Answer]) -> Comparison:
    """Which answer belongs to which is told by their identifiers, not by their order."""
    pairs: dict[tuple[str, ...], tuple[list[Flat], list[Flat]]] = {}
    for side, answers in enumerate((ours, theirs)):
        for flat in (_flat(one.identifier) | {"status": one.status} for one in answers):
            pairs.setdefault(tuple(flat.get(path, "") for path in _IDENTITY), ([], []))[side].append(flat)
    common, found, only_ours, only_theirs = 0, Counter[Difference](), [], []
    for identity, sides in pairs.items():
        for one, other in zip_longest(*sides):
            if one is None or other is None:
                (only_theirs if one is None else only_ours).append(identity[0] or (one or other or {})["status"])
                continue
            common += len(one) > 1  # a failure has nothing but its status
            values = [(path, one.get(path, ABSENT), other.get(path, ABSENT)) for path in {*one, *other}]
            found.update(Difference(*value) for value in values if value[1] != value[2])
    if only_ours or only_theirs:
        found[Difference(ANSWER, " ".join(sorted(only_ours)) or ABSENT, " ".join(sorted(only_theirs)) or ABSENT)] = 1
    return Comparison(common, found)


def compared(names: Iterable[str], ours: Peer, theirs: Peer, queries: Sequence[Path], folder: Path, *options: str) -> dict[str, Comparison]:
    """Both peers' answers to the same query files, by the names of the queries."""
    mine, others = (findscu(peer, folder / side, queries, *options) for side, peer in (("ours", ours), ("theirs", theirs)))
    return {name: compare(*both) for name, *both in zip(names, mine, others, strict=True)}


def _flat(dataset: Dataset, prefix: str = "") -> Flat:
    """Values by path; a sequence shows as its number of items besides what is in them."""
    flat: Flat = {}
    for element in dataset:
        path = prefix + (keyword_for_tag(element.tag) or str(element.tag))
        if element.VR != "SQ":
            flat[path] = EMPTY if element.is_empty else str(element.value)
            continue
        items = list(element.value or ())
        flat[path] = f"{len(items)} items" if items else EMPTY
        for number, item in enumerate(items):
            flat |= _flat(item, f"{path}{f'[{number}]' if number else ''}.")
    return flat
