"""Scripts for a virtual modality: one verb a line, checked as a whole before anything is sent.

A line is a verb, words, and options written `key=value`; a word in double quotes may hold spaces; `#` begins a comment. Beside the
verbs of `training.acts.GRAMMAR` there are `station`, `profile` and `seed` at the beginning, `wait 5 min` in the modality's own time,
`fault` to switch a fault on or off, and `expect` behind a line that sends: what its answer is to be. Without `expect` anything but
success ends the script.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path

from ris import validation
from training import acts, profiles, script_faults
from training.acts import GRAMMAR, NEXT, Act, Grammar
from training.script_faults import Switch, SwitchOn
from training.script_words import Word, WrongWord, words_of

_WAITS = re.compile(r"([0-9]{1,4}) ?(s|min|h)")
_SECONDS = {"s": 1, "min": 60, "h": 3600}
_STATUS = re.compile(r"[0-9A-Fa-f]{4}")
_LONGEST = 10_000  # lines
OK, REFUSED, NO_ANSWER, ERROR = "ok", "refused", "no-answer", "error"

SETTINGS: Mapping[str, str] = {
    "station": "station AET",
    "profile": "profile NAME",
    "seed": "seed N",
}
"""What may stand before the first verb, each once."""

OTHERS: Mapping[str, tuple[str, str]] = {
    "wait": ("wait N s|min|h", "let the modality's time pass; reports that its profile makes by itself are sent"),
    "expect": (
        "expect ok|refused|no-answer|error|STATUS [entries=N]",
        "what the line above is to end with: any failure status, no answer, no message at all, or this status, e.g. 0111",
    ),
    "fault": (script_faults.USAGE, script_faults.WHAT),
}
"""Lines that are not acts, with their usage and what they do."""


@dataclass(frozen=True)
class Problem:
    """Lines and columns count from 1."""

    line: int
    column: int
    reason: str


class ScriptError(Exception):
    """The script cannot be played; `problems` are all that is wrong with it, the text one line for each."""

    def __init__(self, name: str, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(f"{name}:{one.line}:{one.column}: {one.reason}" for one in problems))


@dataclass(frozen=True)
class Expectation:
    """`ending` is one of OK, REFUSED, NO_ANSWER, ERROR or a status of four hex digits; `entries` the length of a list, None for any."""

    ending: str = OK
    entries: int | None = None


@dataclass
class Line:
    """One thing to do: an act, a fault to be switched, or a pause. `text` is what stands in the file."""

    number: int
    text: str
    act: Act | None = None
    switch: Switch | None = None
    pause: timedelta = timedelta()
    expected: Expectation = Expectation()


@dataclass
class Script:
    """A checked script. `station` and `profile` are empty when the script leaves them to whoever plays it."""

    name: str
    lines: list[Line] = field(default_factory=list)
    station: str = ""
    profile: str = ""
    seed: int | None = None


def read(path: Path) -> Script:
    """The script in a file. Raises ScriptError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ScriptError(path.name, [Problem(line, 1, "is not text in UTF-8; save the file as UTF-8")]) from error
    except OSError as error:
        raise ScriptError(str(path), [Problem(1, 1, f"cannot be read: {error.strerror or error}")]) from error
    return parse(text, path.name)


def parse(text: str, name: str) -> Script:
    """The script; `name` is what stands before the line in messages. Raises ScriptError with everything that is wrong."""
    reader = _Reader(name)
    for number, line in enumerate(text.splitlines()[: _LONGEST + 1], 1):
        reader.take(number, line)
    if not reader.script.lines and not reader.problems:
        reader.wrong(1, 1, f"nothing is to be done: no line holds a verb. {_allowed()}")
    if len(text.splitlines()) > _LONGEST:
        reader.wrong(_LONGEST + 1, 1, f"a script has at most {_LONGEST} lines; make two of it")
    if reader.problems:
        raise ScriptError(name, reader.problems)
    return reader.script


def _allowed() -> str:
    return f"A line begins with one of {', '.join([*SETTINGS, *GRAMMAR, *OTHERS])}."


class _Reader:
    """Goes through the lines, gathering what is to be done and what is wrong."""

    def __init__(self, name: str) -> None:
        self.script = Script(name)
        self.problems: list[Problem] = []
        self._labels: set[str] = set()
        self._faults: set[str] = set()
        self._listed = self._begun = self._just_expected = False

    def wrong(self, line: int, column: int, reason: str) -> None:
        self.problems.append(Problem(line, column, reason))

    def take(self, number: int, text: str) -> None:
        """One line of the file."""
        words = self._words(number, text)
        if not words:
            return
        verb, rest = words[0], words[1:]
        known = not verb.key and verb.text
        if known in SETTINGS:
            self._setting(number, verb, rest)
        elif known == "wait":
            self._wait(number, text, verb, rest)
        elif known == "fault":
            self._fault(number, text, verb, rest)
        elif known == "expect":
            self._expect(number, verb, rest)
        elif known in GRAMMAR:
            self._act(number, text, verb, rest)
        else:
            guess = get_close_matches(verb.text, [*SETTINGS, *GRAMMAR, *OTHERS], 1)
            hint = f" Did you mean {guess[0]}?" if guess else ""
            self.wrong(number, verb.column, f"{verb} is no verb.{hint} {_allowed()}")
        self._begun = self._begun or known not in SETTINGS

    def _words(self, number: int, text: str) -> list[Word]:
        try:
            return words_of(text)
        except WrongWord as wrong:
            self.wrong(number, wrong.column, str(wrong))
            return []

    def _setting(self, number: int, verb: Word, rest: list[Word]) -> None:
        usage = SETTINGS[verb.text]
        if self._begun:
            return self.wrong(number, verb.column, f"{verb.text} stands before the first verb")
        if len(rest) != 1 or rest[0].key:
            return self.wrong(number, verb.column, f"write it as `{usage}`")
        try:
            self._set(verb.text, rest[0].text)
        except ValueError as error:
            self.wrong(number, rest[0].column, f"{rest[0].text!r} {error}")
        return None

    def _set(self, setting: str, value: str) -> None:
        """Raises ValueError with the end of a sentence."""
        if setting == "seed":
            if not value.isascii() or not value.isdigit():
                raise ValueError("is no seed: a seed is a whole number")
            self.script.seed = int(value)
        elif setting == "profile":
            if value not in profiles.all_profiles():
                raise ValueError(f"is no profile; there are {', '.join(profiles.all_profiles())}")
            self.script.profile = value
        else:
            self.script.station = validation.text(value, "AE")

    def _wait(self, number: int, text: str, verb: Word, rest: list[Word]) -> None:
        match = _WAITS.fullmatch(" ".join(str(word) for word in rest))
        if not match:
            usage, _ = OTHERS["wait"]
            return self.wrong(number, rest[0].column if rest else verb.column, f"write it as `{usage}`, e.g. `wait 5 min`")
        self.script.lines.append(Line(number, text.strip(), pause=timedelta(seconds=int(match[1]) * _SECONDS[match[2]])))
        self._just_expected = True
        return None

    def _fault(self, number: int, text: str, verb: Word, rest: list[Word]) -> None:
        try:
            switch = script_faults.read(verb, rest, self._faults)
        except WrongWord as wrong:
            return self.wrong(number, wrong.column, str(wrong))
        self._faults |= {switch.data.kind} if isinstance(switch, SwitchOn) else set()
        self.script.lines.append(Line(number, text.strip(), switch=switch))
        self._just_expected = True
        return None

    def _expect(self, number: int, verb: Word, rest: list[Word]) -> None:
        usage, _ = OTHERS["expect"]
        if not self.script.lines or self._just_expected:
            return self.wrong(number, verb.column, "expect stands behind a line that does something, once")
        ending, entries, act = OK, None, self.script.lines[-1].act
        for word in rest:
            if word.key == "entries" and word.text.isdigit() and act is not None and act.verb == "list":
                entries = int(word.text)
            elif not word.key and (word.text in (OK, REFUSED, NO_ANSWER, ERROR) or _STATUS.fullmatch(word.text)):
                ending = word.text if word.text in (OK, REFUSED, NO_ANSWER, ERROR) else word.text.upper()
            else:
                return self.wrong(number, word.column, f"{word!s} cannot be expected here; write it as `{usage}`, entries behind list")
        if not rest:
            return self.wrong(number, verb.column, f"expect what? Write it as `{usage}`")
        self.script.lines[-1].expected = Expectation(ending, entries)
        self._just_expected = True
        return None

    def _act(self, number: int, text: str, verb: Word, rest: list[Word]) -> None:
        grammar = GRAMMAR[verb.text]
        before = len(self.problems)
        names = self._names(number, verb, [word for word in rest if not word.key], grammar)
        options = self._options(number, [word for word in rest if word.key], grammar)
        for key in acts.REQUIRED.get(verb.text, ()):
            if not any(word.key == key for word in rest):
                self.wrong(number, verb.column, f"{key}=… is missing; write it as `{grammar.usage}`")
        if len(self.problems) == before:
            self._listed = self._listed or verb.text == "list"
            self.script.lines.append(Line(number, text.strip(), Act(verb.text, tuple(names), options)))
            self._just_expected = False

    def _names(self, number: int, verb: Word, words: list[Word], grammar: Grammar) -> list[str]:
        if not grammar.fewest <= len(words) <= grammar.most:
            at = words[grammar.most].column if len(words) > grammar.most else verb.column
            much = "too much" if len(words) > grammar.most else "something is missing"
            self.wrong(number, at, f"{much}; write it as `{grammar.usage}`")
        names = []
        for word in words[: grammar.most]:
            if word.text == NEXT and verb.text == "start" and not self._listed:
                self.wrong(number, word.column, "next is the next entry of a list; put `list` before it")
            try:
                names.append(grammar.check(word.text))
            except ValueError as error:
                self.wrong(number, word.column, f"{word.text!r} {error}")
        return names

    def _options(self, number: int, words: list[Word], grammar: Grammar) -> dict[str, str]:
        options: dict[str, str] = {}
        for word in words:
            if word.key not in grammar.options:
                allowed = ", ".join(f"{key}=" for key in grammar.options) or "none"
                self.wrong(number, word.column, f"{word.key}= is no option here; allowed: {allowed}; `{grammar.usage}`")
            elif word.key in options:
                self.wrong(number, word.column, f"{word.key}= stands here twice")
            elif word.key == "as" and word.text in self._labels:
                self.wrong(number, word.column, f"{word.text} is the name of an earlier exam; take another one")
            else:
                self._option(number, word, grammar, options)
        return options

    def _option(self, number: int, word: Word, grammar: Grammar, options: dict[str, str]) -> None:
        try:
            options[word.key] = grammar.options[word.key](word.text)
        except ValueError as error:
            self.wrong(number, word.value_column, f"{word.text!r} {error}")
        else:
            self._labels |= {word.text} if word.key == "as" else set()
