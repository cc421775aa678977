"""One exchange as a ZIP of DICOM files (PS3.10) with a README: as it travelled, or without identities."""

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pydicom.uid import UID

from dimse import part10, statuses
from dimse.encode import encode
from dimse.models import Message
from dimse.uids import new_uid
from ris.web import times
from stepwise.inspector.deidentify import PROFILE, Choice, Deidentifier
from stepwise.inspector.said import Data, Said

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # of files in the ZIP: when it was made says nothing
_WIDTH: Final = 26
_QUOTED: Final = re.compile(r"'[^']*'?|\"[^\"]*\"?|“[^”]*”?")


@dataclass(frozen=True)
class Bundle:
    """`name` of the ZIP and its files."""

    name: str
    files: tuple[tuple[str, bytes], ...]

    def zipped(self) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self.files:
                archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
        return buffer.getvalue()


def as_it_travelled(said: Said) -> Bundle:
    """Every data set to the byte. One that is no data set, or was refused, is there as bare bytes (`.bin`) too, without a file header."""
    files = []
    for data in said.data:
        if data.dataset is not None:
            files.append((f"{data.name}.dcm", _header(said.first, said.first.sop_instance_uid, data) + data.raw))
        if data.dataset is None or (said.is_refused and data.name == "request"):
            files.append((f"{data.name}.bin", data.raw))
    note = [f"{data.name}.bin cannot be read as a data set: {data.problem}" for data in said.data if data.problem]
    facts = _facts(said, said.first.sop_instance_uid, times.moment_seconds(said.first.time))
    addressed = (
        [("From", f"{said.association.calling}, {said.association.address}"), ("To", said.association.called)] if said.association else []
    )
    text = _readme([*addressed, *facts, *_remarks(said)], note, "It holds what was exchanged, data of patients included.")
    return Bundle(f"exchange-{said.first.pk}.zip", (("README.txt", text), *files))


def without_identities(said: Said, choice: Choice) -> Bundle:
    """The data sets written anew without identities. One that cannot be read is left out: what is in it nobody can say."""
    cleaner = Deidentifier(choice)
    readable = [(data, data.dataset) for data in said.data if data.dataset is not None]
    for _, dataset in readable:
        cleaner.learn(dataset)
    cleaner.learn_value("UID", said.first.sop_instance_uid)
    if said.association and not choice.keep_ae_titles:
        for title in (said.association.calling, said.association.called):
            cleaner.learn_value("AE", title)
    uid = cleaner.pseudonym("UID", said.first.sop_instance_uid)
    files = []
    for data, dataset in readable:
        files.append((f"{data.name}.dcm", _header(said.first, uid, data) + encode(cleaner.clean(dataset), data.transfer_syntax)))
    left_out = [f"{data.name} cannot be read as a data set and was left out" for data in said.data if data.dataset is None]
    facts = [*_titles(said, cleaner), *_facts(said, uid, _when(said, cleaner), cleaner)]
    return Bundle(f"exchange-{said.first.pk}-deidentified.zip", (("README.txt", _readme(facts, left_out, _done(choice))), *files))


def _header(message: Message, uid: str, data: Data) -> bytes:
    """A query has no instance, and an answer neither: a file needs one."""
    instance = uid if uid and data.name in ("request", "response") and len(uid) <= 64 and uid.isascii() else new_uid()
    return part10.header(message.sop_class_uid, instance, data.transfer_syntax)


def _facts(said: Said, uid: str, when: str, cleaner: Deidentifier | None = None) -> list[tuple[str, str]]:
    first, answer = said.first, said.response
    found = [
        ("Message", f"{first.service}, message ID {first.message_id}"),
        ("Time", when),
        ("SOP class", f"{UID(first.sop_class_uid).name} ({first.sop_class_uid})"),
        ("SOP instance", uid or "none"),
        ("Transfer syntax", f"{UID(first.transfer_syntax).name} ({first.transfer_syntax})"),
    ]
    if answer is None or answer.status is None:
        return [*found, ("Status", "no final response is known")]
    found.append(("Status", f"{answer.status:04X}H {statuses.name_of(answer.status)}"))
    if answer.comment:
        found.append(("Error Comment", _comment(said, cleaner) if cleaner else answer.comment))
    if answer.answer_count is not None:
        found.append(("Answers", f"{answer.answer_count}, of which the journal keeps the first ten"))
    return found if answer.duration_ms is None else [*found, ("Took", f"{answer.duration_ms:.1f} ms")]


def _comment(said: Said, cleaner: Deidentifier) -> str:
    """Without the values that it quotes. What a data set that cannot be read holds nobody knows, so that nothing said about it stays."""
    if any(data.dataset is None for data in said.data) or said.response is None:
        return "removed: it may quote a data set that cannot be read"
    return cleaner.scrubbed(_QUOTED.sub("…", said.response.comment))


def _remarks(said: Said) -> Iterator[tuple[str, str]]:
    for message in (said.request, said.response):
        if message is not None and message.remark:
            yield "Remark", message.remark


def _titles(said: Said, cleaner: Deidentifier) -> list[tuple[str, str]]:
    found = said.association
    if found is None:
        return []
    names = (("From", found.calling), ("To", found.called))
    return [(label, title if cleaner.choice.keep_ae_titles else cleaner.pseudonym("AE", title)) for label, title in names]


def _when(said: Said, cleaner: Deidentifier) -> str:
    moment = times.local(said.first.time)
    return f"{times.day(cleaner.moved_day(moment.date()))} {moment:%H:%M:%S}"


def _done(choice: Choice) -> str:
    dates = "Dates are as they were" if choice.keep_dates else "All dates were moved by one span, which is not told; times of day were not"
    text = "kept, without the identifiers above: READ IT before you send it" if choice.keep_text else "emptied"
    titles = "kept" if choice.keep_ae_titles else "renamed"
    return (
        f"Identities were removed after {PROFILE}.\n"
        "Names, IDs and UIDs are pseudonyms, the same for the same value throughout; wildcards at their ends were kept.\n"
        f"Private, unknown and binary attributes were removed or emptied, and so was what describes the patient.\n{dates}.\n"
        f"Free text was {text}. AE titles were {titles}.\n"
        "The data sets were written anew: what was malformed in an identifier is not so here."
    )


def _readme(facts: Sequence[tuple[str, str]], notes: Sequence[str], last: str) -> bytes:
    lines = ["One DICOM exchange out of a Stepwise message journal. SIMULATION, not for clinical use.", ""]
    lines += [f"{label:<{_WIDTH}}{value}" for label, value in facts]
    lines += ["", *(f"{note}." for note in notes), *([""] if notes else []), last, ""]
    return "\n".join(lines).encode()
