"""The codes that a performed step gives for what was done."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mpps import datasets
from ris.models import ProcedureStepTemplate

CODE_SOURCES = ("BillingProcedureStepSequence", "ProcedureCodeSequence")
"""Where a performed step says what to charge: (0040,0320), else (0008,1032)."""

_PROTOCOLS = "PerformedProtocolCodeSequence"
"""(0040,0260): what the scanner ran, which the catalogue says the procedure of."""
SOURCES = (*CODE_SOURCES, _PROTOCOLS)
"""The best first."""


@dataclass(frozen=True, slots=True)
class Code:
    """A code item (PS3.3 Table 8.8-1)."""

    value: str
    scheme: str
    meaning: str = field(compare=False)


def code(item: Mapping[str, datasets.Json]) -> Code:
    """The code of an item; an empty value when it has none."""
    value = next(filter(None, (datasets.text(item, keyword, 64) for keyword in ("CodeValue", "LongCodeValue", "URNCodeValue"))), "")
    return Code(value, datasets.text(item, "CodingSchemeDesignator", 64), datasets.text(item, "CodeMeaning"))


@dataclass(frozen=True, slots=True)
class Reported:
    """What one performed step says to charge, and the place of its source in SOURCES."""

    codes: tuple[Code, ...]
    rank: int


def reported(dataset: datasets.Json, site_id: int, own: Code) -> Reported:
    """What the performed step says to charge: its billing codes, else its procedure codes, else the procedures of its protocols.

    `own` is the code of the order, which decides where a protocol belongs to several procedures.
    """
    for rank, keyword in enumerate(CODE_SOURCES):
        if codes := _codes(dataset, keyword):
            return Reported(tuple(dict.fromkeys(codes)), rank)
    performed = list(dict.fromkeys(_protocols(dataset)))
    return Reported(tuple(_of_protocols(performed, site_id, own)) if performed else (), len(CODE_SOURCES))


def _codes(dataset: datasets.Json, keyword: str) -> list[Code]:
    return [found for item in datasets.items(dataset, keyword) if (found := code(item)).value]


def _protocols(dataset: datasets.Json) -> Iterator[Code]:
    """Those of the step, then those of its series."""
    yield from _codes(dataset, _PROTOCOLS)
    for item in datasets.items(dataset, "PerformedSeriesSequence"):
        yield from _codes(item, _PROTOCOLS)


def _of_protocols(reported: list[Code], site_id: int, own: Code) -> list[Code]:
    """The procedures of the catalogue that these protocols are steps of; a protocol of none, or of several others, says nothing."""
    known = protocols(site_id, protocol_code__in=[one.value for one in reported])
    found = [known.get(protocol, []) for protocol in reported]
    decided = ([own] if own in of else of if len(of) == 1 else [] for of in found)
    return list(dict.fromkeys(one for codes in decided for one in codes))


def protocols(site_id: int, **narrow: object) -> dict[Code, list[Code]]:
    """The protocols of a hospital's catalogue, each with the procedures that it is a step of."""
    templates = (
        ProcedureStepTemplate.objects.filter(procedure__site=site_id, **narrow).exclude(protocol_code="").select_related("procedure")
    )
    found: dict[Code, dict[Code, None]] = {}
    for template in templates.order_by("protocol_code", "pk"):
        protocol, of = Code(template.protocol_code, template.protocol_scheme, template.protocol_meaning), template.procedure
        found.setdefault(protocol, {})[Code(of.code, of.scheme, of.meaning)] = None
    return {protocol: list(of) for protocol, of in found.items()}
