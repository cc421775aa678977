"""Whom data sets are about, for the audit trail: one rule for what is in the journal, on consoles and in the inspector."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final

from dimse.models import Message
from dimse.services import Verb
from ris import audit
from ris.audit import Subject
from ris.models import Site

_NAME, _ID, _ACCESSION = "00100010", "00100020", "00080050"
_WILDCARDS: Final = frozenset("*?")


def named_in(patient_id: str, accession_numbers: Iterable[str], *, has_name: bool, is_query: bool) -> Iterator[tuple[str, str]]:
    """(patient ID, accession number) of whom a data set is about.

    Empty keys and wildcards of a query (`is_query`: the identifier of a C-FIND request) are of nobody (PS3.4 C.2.2.2.4). Everywhere else
    `*` and `?` are characters, and who has a name is somebody, even without a number.
    """
    own, *numbers = ("" if is_query and set(one) & _WILDCARDS else one.strip() for one in (patient_id, *accession_numbers))
    found = [number for number in dict.fromkeys(numbers) if number]
    if found or own or (has_name and not is_query):
        yield from ((own, number) for number in found or [""])


def of_datasets(site: Site, datasets: Iterable[Mapping[str, Any] | None], keys: Iterable[Mapping[str, Any] | None] = ()) -> list[Subject]:
    """Of data sets in DICOM JSON (PS3.18 F); `keys` are those that are identifiers of C-FIND requests."""
    said = chain(((one, False) for one in datasets), ((one, True) for one in keys))
    return audit.of_numbers(site, chain.from_iterable(_numbers(one, is_query) for one, is_query in said if one))


def of_messages(site: Site, messages: Iterable[Message], *, with_answers: bool) -> list[Subject]:
    """Of the data sets of messages of the journal, and of the first answers to queries where those are shown, too."""
    read = list(messages)
    keys = [one.dataset for one in read if is_query(one)]
    answers = chain.from_iterable(one.answers for one in read) if with_answers else ()
    return of_datasets(site, chain((one.dataset for one in read if not is_query(one)), answers), keys)


def is_query(message: Message) -> bool:
    """Whether its data set is the identifier of a C-FIND request."""
    return message.service == Verb.C_FIND and message.direction == Message.Direction.IN


def _numbers(dataset: Mapping[str, Any], is_query: bool) -> Iterator[tuple[str, str]]:
    has_name, patient_id = bool(_first(dataset, _NAME)), _first(dataset, _ID)
    return named_in(patient_id, _within(dataset, _ACCESSION), has_name=has_name, is_query=is_query)


def _first(dataset: Mapping[str, Any], tag: str) -> str:
    values = dataset.get(tag, {}).get("Value") or [""]
    return str(values[0] or "").strip()


def _within(dataset: Mapping[str, Any], tag: str) -> Iterator[str]:
    """The values of an attribute, wherever it stands."""
    yield from (str(value) for value in dataset.get(tag, {}).get("Value") or () if value)
    for element in dataset.values():
        if element.get("vr") == "SQ":
            for item in element.get("Value") or ():
                yield from _within(item or {}, tag)
