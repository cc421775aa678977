"""The sections of a conformance statement (PS3.2 Annex A): each is a part of docs/conformance.md, or made of what the code goes by."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from django.utils.safestring import SafeString

from dimse import services
from ris.models import Site
from stepwise import documents
from stepwise.documents import Block, Part, Table
from stepwise.statement import installation
from worklist.conformance import FILE

_SERVICES: Final = Table(
    ("SOP class", "UID", "SCU", "SCP"),
    (
        ("Verification", services.VERIFICATION, "Yes", "Yes"),
        ("Modality Worklist Information Model – FIND", services.MODALITY_WORKLIST, "Virtual modalities", "Yes"),
        ("Modality Performed Procedure Step", services.MODALITY_PERFORMED_PROCEDURE_STEP, "Yes", "Yes"),
        ("Modality Performed Procedure Step Retrieve", services.MPPS_RETRIEVE, "No", "Yes"),
        ("Modality Performed Procedure Step Notification", services.MPPS_NOTIFICATION, "No", "Yes"),
    ),
)
_SYNTAXES: Final = Table(
    ("transfer syntax", "UID"),
    (
        ("Explicit VR Little Endian", services.EXPLICIT_VR_LITTLE_ENDIAN),
        ("Implicit VR Little Endian", services.IMPLICIT_VR_LITTLE_ENDIAN),
        ("Explicit VR Big Endian", services.EXPLICIT_VR_BIG_ENDIAN),
    ),
)


_ANNEXES: Final = ("Keys", "Code macros", "Not matched", "Not supported")


@dataclass
class Section:
    """`number` as in PS3.2; `blocks` are text with marks, or tables; `sections` are below it."""

    number: str
    title: str
    blocks: list[SafeString | Table] = field(default_factory=list)
    sections: list["Section"] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        return f"s-{self.number.replace('.', '-')}"

    @property
    def depth(self) -> int:
        return self.number.count(".") + 1

    @property
    def level(self) -> int:
        """Of its heading, below the title of the page: a reader by ear goes by it."""
        return min(self.depth + 1, 6)

    def walk(self) -> Iterator["Section"]:
        yield self
        for section in self.sections:
            yield from section.walk()


def statement(site: Site) -> list[Section]:
    """All sections, as a site is set."""
    whole, maker = documents.read(FILE), _Maker(installation.values())
    network = maker.made("4", "Networking")
    network.sections = [
        maker.made(
            "4.1",
            "Implementation model",
            "One application entity answers all services on one port. Modalities find their exams with the worklist, and report what they "
            "perform with MPPS; what they report starts and ends the exams, and is charged. They are passed on, too.",
        ),
        maker.made("4.2", "AE specifications", below=_specifications(maker, whole)),
        maker.made("4.3", "Network interfaces", "TCP/IP, version 4 and 6, as the operating system has it.", installation.local(site)),
        maker.made("4.4", "Configuration", below=_configuration(maker, whole, site)),
    ]
    return [
        maker.made("1", "Conformance statement overview", "Media interchange and storage are not supported.", _SERVICES),
        maker.made(
            "2",
            "Transfer syntaxes",
            "Of those that a context proposes the first of this list is accepted, in whatever order they come.",
            _SYNTAXES,
        ),
        maker.made(
            "3",
            "Introduction",
            "For those who connect modalities and other systems to this one: it says what is answered to what, so that two statements can "
            "be laid beside each other. Two systems that conform may still not do what a hospital wants; that is found out by trying. This "
            "system is a simulation and not for clinical use.",
        ),
        network,
        maker.made("5", "Media interchange", "None."),
        maker.made(
            "6",
            "Support of character sets",
            below=[maker.of("6.1", whole.named("Character sets")), maker.of("6.2", whole.named("Time zones"))],
        ),
        maker.made("7", "Security", _of_table(whole, "Associations", "TLS"), _of_table(whole, "Associations", "user identity")),
        maker.made("8", "Annexes", below=_numbered(maker, "8", map(whole.named("Modality Worklist").named, _ANNEXES))),
    ]


def _specifications(maker: "_Maker", whole: Part) -> list[Section]:
    worklist = whole.named("Modality Worklist")
    kept = Part(worklist.title, worklist.depth, worklist.blocks, [one for one in worklist.parts if one.title not in _ANNEXES])
    titles = ("Associations", "What bad input gets", "MPPS", "MPPS Retrieve", "MPPS sent on")
    parts = [whole.named(titles[0]), whole.named(titles[1]), kept, *(whole.named(title) for title in titles[2:])]
    return _numbered(maker, "4.2", parts)


def _configuration(maker: "_Maker", whole: Part, site: Site) -> list[Section]:
    return [
        maker.made("4.4.1", "AE titles and addresses", "Stations of this hospital, and what each is set to.", installation.remote(site)),
        maker.made("4.4.2", "Parameters", "As this process is set.", installation.parameters()),
        maker.of("4.4.3", whole.named("What a station is set to")),
    ]


def _numbered(maker: "_Maker", number: str, parts: Iterable[Part]) -> list[Section]:
    return [maker.of(f"{number}.{nth}", part) for nth, part in enumerate(parts, start=1)]


def _of_table(whole: Part, title: str, row: str) -> str:
    """The words of a row of a part's table."""
    tables = [block for block in whole.named(title).blocks if isinstance(block, Table)]
    return next(f"{name}: {words}." for table in tables for name, words in table.rows if name == row)


class _Maker:
    """Makes sections with the values of this installation."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    def made(self, number: str, title: str, *blocks: Block, below: list[Section] | None = None) -> Section:
        return Section(number, title, list(map(self._block, blocks)), below or [])

    def of(self, number: str, part: Part) -> Section:
        below = [self.of(f"{number}.{nth}", one) for nth, one in enumerate(part.parts, start=1)]
        return Section(number, part.title, list(map(self._block, part.blocks)), below)

    def _block(self, block: Block) -> SafeString | Table:
        return documents.shown(block, self._values)
