"""One exchange as a ZIP of DICOM files (PS3.10) with a README: as it travelled, or without identities."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pydicom.uid import UID

from dimse import part10, statuses
from dimse.models import Message
from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP, MODALITY_WORKLIST, VERIFICATION, Verb
from dimse.uids import is_valid, new_uid
from ris.web import times
from stepwise import quoted
from stepwise.inspector import declared
from stepwise.inspector.deidentify import PROFILE, Choice, Deidentifier
from stepwise.inspector.said import Data, Said

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # of files in the ZIP: when it was made says nothing
_WIDTH: Final = 26
_ASKED: Final = {Verb.C_ECHO.value: VERIFICATION, Verb.C_FIND.value: MODALITY_WORKLIST}
"""The SOP class of an operation where its command set names none that is a UID; all others are of MPPS."""


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
            files.append((f"{data.name}.dcm", _header(_class_of(said.first), said.first.sop_instance_uid, data) + data.raw))
        if data.dataset is None or (said.is_refused and data.name == "request"):
            files.append((f"{data.name}.bin", data.raw))
    note = [f"{data.name}.bin cannot be read as a data set: {data.problem}" for data in said.data if data.problem]
    note += _unnamed(said)
    facts = _facts(said, said.first.sop_class_uid, said.first.sop_instance_uid, times.moment_seconds(said.first.time))
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
    for named in (said.first.sop_class_uid, said.first.sop_instance_uid):
        cleaner.learn_value("UID", named)
    if said.association and not choice.keep_ae_titles:
        for title in (said.association.calling, said.association.called):
            cleaner.learn_value("AE", title)
    sop_class, uid = (cleaner.pseudonym("UID", named) for named in (said.first.sop_class_uid, said.first.sop_instance_uid))
    files = []
    file_class = cleaner.pseudonym("UID", _class_of(said.first))
    for data, dataset in readable:
        files.append((f"{data.name}.dcm", _header(file_class, uid, data) + declared.cleaned(cleaner, dataset, data)))
    left_out = [f"{data.name} cannot be read as a data set and was left out" for data in said.data if data.dataset is None]
    left_out += _unnamed(said)
    facts = [*_titles(said, cleaner), *_facts(said, sop_class, uid, _when(said, cleaner), cleaner)]
    return Bundle(f"exchange-{said.first.pk}-deidentified.zip", (("README.txt", _readme(facts, left_out, _done(choice))), *files))


def _header(sop_class: str, uid: str, data: Data) -> bytes:
    """A query has no instance, and an answer neither: a file needs one."""
    return part10.header(sop_class, uid if data.name in ("request", "response") and is_valid(uid) else new_uid(), data.transfer_syntax)


def _class_of(message: Message) -> str:
    """That of the command set, or the one that its operation is of: a file must have one."""
    named = message.sop_class_uid
    return named if is_valid(named) else _ASKED.get(message.service, MODALITY_PERFORMED_PROCEDURE_STEP)


def _unnamed(said: Said) -> list[str]:
    """What is said of files whose SOP class is none of the command set."""
    if is_valid(said.first.sop_class_uid):
        return []
    return [f"The command set names no SOP class that is a UID; the files have that of {said.first.service}, {_class_of(said.first)}"]


def _facts(said: Said, sop_class: str, uid: str, when: str, cleaner: Deidentifier | None = None) -> list[tuple[str, str]]:
    first, answer = said.first, said.response
    found = [
        ("Message", f"{first.service}, message ID {first.message_id}"),
        ("Time", when),
        ("SOP class", f"{UID(sop_class).name} ({sop_class})" if sop_class else "none"),
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
    return cleaner.scrubbed(quoted.masked(said.response.comment, "…"))


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
    text = "kept (PS3.15 E.3.5), without the identifiers above: READ THEM before you send them" if choice.keep_text else "emptied"
    titles = "kept" if choice.keep_ae_titles else "renamed"
    return (
        f"Identities were removed after {PROFILE}.\n"
        "Names, IDs and UIDs are pseudonyms, the same for the same value throughout; wildcards at their ends were kept.\n"
        "The profile removes some of them instead: that is why each file says what was done in (0012,0062) and (0012,0063), which it did\n"
        "not have when it travelled, and does not claim the profile by its code (113100 DCM).\n"
        "Codes were kept of procedures, protocols, anatomy, units, what is billed and why a step ended; all others were removed.\n"
        "Values that are none of their VR, and code strings that are no defined terms, were emptied.\n"
        f"Private, unknown and binary attributes were removed or emptied, and so was what describes the patient.\n{dates}.\n"
        f"Descriptions and comments were {text}. All other text that is no code was emptied: addresses,\n"
        "telephone numbers, issuers of IDs, and what names the institution, the device or its place.\n"
        f"AE titles were {titles}. The character set is declared as it was, unless kept text needs another.\n"
        "The data sets were written anew: what was malformed in an identifier is not so here."
    )


def _readme(facts: Sequence[tuple[str, str]], notes: Sequence[str], last: str) -> bytes:
    lines = ["One DICOM exchange out of a Stepwise message journal. SIMULATION, not for clinical use.", ""]
    lines += [f"{label:<{_WIDTH}}{value}" for label, value in facts]
    lines += ["", *(f"{note}." for note in notes), *([""] if notes else []), last, ""]
    return "\n".join(lines).encode()
