"""Documents of the project as pages: what is read in the repository is what the product shows. The one reader of their Markdown."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

_READER: Final = MarkdownIt("commonmark", {"html": False}).enable("table")
_COMMENT: Final = "<!--"


_SHORT: Final = 14


@dataclass(frozen=True)
class Table:
    """Cells as they are written. Without `columns` that say something the first column heads its rows."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def has_head(self) -> bool:
        return any(self.columns)

    @property
    def is_terse(self) -> bool:
        """Whether several short heads stand above short cells, so that each cell has room beside its head."""
        return len(self.columns) > 3 and all(len(head) <= _SHORT for head in self.columns)

    @property
    def labelled(self) -> list[list[tuple[str, str]]]:
        """The rows, each cell behind the head of its column: what is read where the head is not shown."""
        return [list(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True)
class Other:
    """A list, an example, whatever is neither a paragraph nor a table."""

    tokens: tuple[Token, ...]


Block = str | Table | Other
"""A paragraph as it is written, on one line; or one of the others."""


@dataclass
class Part:
    """A heading with the blocks below it, and the parts below that. `depth` counts the signs of the heading."""

    title: str
    depth: int
    blocks: list[Block] = field(default_factory=list)
    parts: list["Part"] = field(default_factory=list)

    def named(self, title: str) -> "Part":
        """A part anywhere below, or this one; KeyError when there is none."""
        found = next((one for one in self.walk() if one.title == title), None)
        if found is None:
            raise KeyError(f"the document has no part {title!r}")
        return found

    def walk(self) -> Iterator["Part"]:
        yield self
        for part in self.parts:
            yield from part.walk()


def read(path: Path) -> Part:
    """The document as it is on the disk."""
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _read(path: Path, written: int) -> Part:
    return parse(path.read_text(encoding="utf-8"))


def parse(text: str) -> Part:
    root = Part("", 0)
    above = [root]
    for run in _runs(_READER.parse(text)):
        first = run[0]
        if first.type == "heading_open":
            part = Part(run[1].content, int(first.tag[1:]))
            while above[-1].depth >= part.depth:
                above.pop()
            above[-1].parts.append(part)
            above.append(part)
        elif block := _block(run):
            above[-1].blocks.append(block)
    return root


def _runs(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Tokens from the opening to the closing of each block of the document."""
    run: list[Token] = []
    depth = 0
    for token in tokens:
        run.append(token)
        depth += token.nesting
        if depth == 0:
            yield run
            run = []


def _block(run: list[Token]) -> Block:
    """Empty for a comment, which says something to who writes the document."""
    if run[0].type == "table_open":
        return _table(run)
    if run[0].type == "paragraph_open":
        text = run[1].content
        return "" if text.startswith(_COMMENT) else " ".join(text.split("\n"))
    return Other(tuple(run))


def _table(run: list[Token]) -> Table:
    rows: list[list[str]] = []
    for token in run:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(token.content)
    columns, *lines = map(tuple, rows)
    return Table(columns, tuple(lines))


# --- As HTML ------------------------------------------------------------------------------------------------------


def inline(text: str, values: Mapping[str, str]) -> SafeString:
    """Text with code, stress and links; behind the name of a setting stands what it is set to here. No element of HTML is taken for one."""
    html: str = _READER.renderInline(text, {"values": values})
    return mark_safe(html)


def shown(block: Block, values: Mapping[str, str]) -> SafeString | Table:
    """A block with its marks; cells of tables each for itself."""
    if isinstance(block, str):
        return mark_safe(f"<p>{inline(block, values)}</p>")
    if isinstance(block, Other):
        html: str = _READER.renderer.render(list(block.tokens), _READER.options, {"values": values})
        return mark_safe(html)
    return Table(_cells(block.columns, values), tuple(_cells(row, values) for row in block.rows))


def _cells(row: tuple[str, ...], values: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(inline(cell, values) for cell in row)


Rule = Callable[[RendererHTML, Sequence[Token], int, Any, Mapping[str, Any]], str]


def _code(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Mapping[str, Any]) -> str:
    name = tokens[index].content
    here = env.get("values", {}).get(name.partition("=")[0])
    return f"<code>{escape(name)}</code>" + (f' <span class="here">(here {escape(here)})</span>' if here is not None else "")


def _no_link(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Mapping[str, Any]) -> str:
    """Links of documents lead to files of the repository, which are no pages."""
    return ""


_RULES: Final[Mapping[str, Rule]] = {"code_inline": _code, "link_open": _no_link, "link_close": _no_link}
for _name, _rule in _RULES.items():
    _READER.add_render_rule(_name, _rule)
