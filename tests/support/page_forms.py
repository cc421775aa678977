"""The forms of a page, as a browser would send them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class PageForm:
    """What is sent when nobody types anything; `hidden` are the names that nobody sees."""

    action: str
    method: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)

    def give(self, name: str, value: str) -> None:
        self.fields.setdefault(name, []).append(value)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self._form: PageForm | None = None
        self._select: str | None = None
        self._first: str | None = None
        self._area: str | None = None
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = PageForm(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self._form)
        elif self._form is None:
            return
        elif tag == "input":
            self._input(self._form, given)
        elif tag == "select":
            self._select, self._first = given.get("name"), None
        elif tag == "option" and self._select:
            self._first = given.get("value", "") if self._first is None else self._first
            if "selected" in given:
                self._form.give(self._select, given.get("value", ""))
        elif tag == "textarea":
            self._area, self._text = given.get("name"), ""

    def _input(self, form: PageForm, given: dict[str, str]) -> None:
        kind, name = given.get("type", "text"), given.get("name", "")
        if not name or kind in ("submit", "button") or (kind in ("checkbox", "radio") and "checked" not in given):
            return
        form.give(name, given.get("value", "on" if kind == "checkbox" else ""))
        if kind == "hidden":
            form.hidden.add(name)

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif self._form is not None and tag == "select" and self._select:
            if self._select not in self._form.fields and self._first is not None:
                self._form.give(self._select, self._first)
            self._select = None
        elif self._form is not None and tag == "textarea" and self._area:
            self._form.give(self._area, self._text.removeprefix("\n"))
            self._area = None


def forms_of(page: bytes) -> list[PageForm]:
    """All of them, in their order."""
    reader = _Reader()
    reader.feed(page.decode())
    return reader.forms
