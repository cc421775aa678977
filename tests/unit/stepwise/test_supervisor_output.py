"""Lines as the terminal gets them."""

import io

from stepwise.supervisor.child import Backoff
from stepwise.supervisor.output import LineSplitter, Output


def test_names_are_padded_to_the_longest_and_a_file_gets_no_colours() -> None:
    stream = io.StringIO()
    output = Output(["web", "charge_processor"], stream)
    output.line("web", "text")
    output.say("text")
    assert stream.getvalue() == "web              | text\nstepwise         | text\n"


def test_a_terminal_gets_colours_unless_no_color_is_set(monkeypatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    coloured, plain = Terminal(), Terminal()
    monkeypatch.delenv("NO_COLOR", raising=False)
    Output(["web"], coloured).line("web", "text")
    monkeypatch.setenv("NO_COLOR", "1")
    Output(["web"], plain).line("web", "text")
    assert coloured.getvalue() == "\x1b[36mweb      |\x1b[0m text\n"
    assert plain.getvalue() == "web      | text\n"


def test_a_stream_that_nobody_reads_is_broken_and_later_lines_are_dropped() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    output = Output(["web"], Gone())
    output.say("one")
    output.say("two")
    assert output.broken


def test_chunks_become_lines_wherever_they_were_cut() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"on") == []
    assert splitter.feed(b"e\r\ntwo\nthr") == ["one", "two"]
    assert splitter.end() == ["thr"]
    assert splitter.end() == []


def test_a_line_without_end_is_cut_and_bytes_that_are_no_utf8_are_shown() -> None:
    splitter = LineSplitter(limit=4)
    assert splitter.feed(b"abcdefghi") == ["abcd", "efgh"]
    assert splitter.feed(b"\xff\n") == ["i\ufffd"]


def test_a_process_that_ran_well_for_a_while_comes_back_quickly_again() -> None:
    backoff = Backoff(first=1, longest=10, steady=30)
    delays = [backoff.after(None, 0)]
    for _ in range(5):
        delays.append(backoff.after(delays[-1], 1))
    assert delays == [1, 2, 4, 8, 10, 10]
    assert backoff.after(10, ran_for=31) == 1
