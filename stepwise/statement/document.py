"""docs/conformance.md as blocks that a page shows: the part of Markdown that it is written in, and nothing more."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from worklist.conformance import FILE

_CODE: Final = re.compile(r"`([^`]+)`")
_LINK: Final = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_STRONG: Final = re.compile(r"\*\*?([^*]+)\*\*?")
_RULE: Final = re.compile(r"\|(-+\|)+")


@dataclass(frozen=True)
class Table:
    """Without `columns` that say something the first column heads its rows."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def has_head(self) -> bool:
        return any(self.columns)


@dataclass
class Part:
    """A heading with the paragraphs and tables below it, and the parts below that. `depth` counts the signs of the heading."""

    title: str
    depth: int
    blocks: list[str | Table] = field(default_factory=list)
    parts: list["Part"] = field(default_factory=list)

    def named(self, title: str) -> "Part":
        """A part anywhere below, or this one; KeyError when there is none."""
        found = next((one for one in self.walk() if one.title == title), None)
        if found is None:
            raise KeyError(f"docs/conformance.md has no part {title!r}")
        return found

    def walk(self) -> Iterator["Part"]:
        yield self
        for part in self.parts:
            yield from part.walk()


def whole() -> Part:
    """The document as it is on the disk."""
    return _read(FILE, FILE.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _read(file: Path, written: int) -> Part:
    return parse(file.read_text(encoding="utf-8"))


def parse(text: str) -> Part:
    root = Part("", 0)
    above = [root]
    for lines in _blocks(text):
        first = lines[0]
        if first.startswith("#"):
            depth = len(first) - len(first.lstrip("#"))
            part = Part(first.lstrip("# ").strip(), depth)
            while above[-1].depth >= depth:
                above.pop()
            above[-1].parts.append(part)
            above.append(part)
        elif first.startswith("|"):
            above[-1].blocks.append(_table(lines))
        elif not first.startswith("<!--"):
            above[-1].blocks.append(" ".join(lines))
    return root


def _blocks(text: str) -> Iterator[list[str]]:
    """Runs of lines between empty ones; a heading is a run of its own."""
    run: list[str] = []
    for line in [*text.splitlines(), ""]:
        is_alone = line.startswith(("#", "<!--"))
        if run and (not line.strip() or is_alone):
            yield run
            run = []
        if is_alone:
            yield [line]
        elif line.strip():
            run.append(line.strip())


def _table(lines: list[str]) -> Table:
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines if not _RULE.fullmatch(line)]
    return Table(rows[0], tuple(rows[1:]))


def inline(text: str, values: dict[str, str]) -> SafeString:
    """Text with code, stress and links; behind the name of a setting stands what it is set to here."""
    escaped = _STRONG.sub(r"<em>\1</em>", _LINK.sub(r"\1", escape(text)))
    return mark_safe(_CODE.sub(lambda found: _code(found[1], values), escaped))


def _code(name: str, values: dict[str, str]) -> str:
    here = values.get(name.partition("=")[0])
    return f"<code>{name}</code>" + (f' <span class="here">(here {escape(here)})</span>' if here is not None else "")
