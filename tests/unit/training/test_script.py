import weakref
from datetime import timedelta
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from ris import clock
from tests.support import modality_docs
from training import script
from training.actions.faults import FaultData
from training.acts import GRAMMAR, Act
from training.script import Expectation, ScriptError
from training.script_faults import SwitchOff, SwitchOn
from training.sent import Counted, Sent
from training.target import Target


def problems(text: str) -> list[tuple[int, int, str]]:
    with pytest.raises(ScriptError) as error:
        script.parse(text, "morning.txt")
    return [(one.line, one.column, one.reason) for one in error.value.problems]


def test_a_script_is_settings_acts_pauses_and_what_is_expected():
    played = script.parse(
        """# A morning at CT01
station CT01
profile plain
seed 7

list day=all          # everything
expect entries=2
start next as=A
wait 90 s
acquire series=2
discontinue A reason=110505 done=25%
expect 0110
unscheduled "DOE^Jane Ann" id=4711 born=1980-02-29 sex=f what="CT head"
""",
        "morning.txt",
    )

    assert (played.station, played.profile, played.seed) == ("CT01", "plain", 7)
    assert [line.act for line in played.lines] == [
        Act("list", (), {"day": "all"}),
        Act("start", ("next",), {"as": "A"}),
        None,
        Act("acquire", (), {"series": "2"}),
        Act("discontinue", ("A",), {"reason": "110505", "done": "25%"}),
        Act("unscheduled", ("DOE^Jane Ann",), {"id": "4711", "born": "19800229", "sex": "F", "what": "CT head"}),
    ]
    assert [line.number for line in played.lines] == [6, 8, 9, 10, 11, 13]
    assert played.lines[2].pause == timedelta(seconds=90)
    assert [line.expected for line in played.lines] == [
        Expectation(entries=2),
        *[Expectation()] * 3,
        Expectation("0110"),
        Expectation(),
    ]


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("echo\nstrat SPS-1", 2, 1, "strat is no verb. Did you mean start? A line begins with one of station, "),
        ("  4711", 1, 3, "4711 is no verb"),
        ("", 1, 1, "no line holds a verb"),
        ("# nothing\nseed 1", 1, 1, "no line holds a verb"),
        ("start", 1, 1, "something is missing; write it as `start STEP…"),
        ("complete A B", 1, 12, "too much; write it as `complete [EXAM]"),
        ("start SPS-1 as=", 1, 16, "'' cannot name an exam"),
        ("start S1 as=A\nstart S2 as=A", 2, 10, "A is the name of an earlier exam"),
        ("start S1 as=A as=B", 1, 15, "as= stands here twice"),
        ("start S1 reason=110513", 1, 10, "reason= is no option here; allowed: as=, uid=, stations=, pick="),
        ("start SPS-1234567890123456", 1, 7, "is 20 characters long"),
        ("start next", 1, 7, "put `list` before it"),
        ("discontinue A", 1, 1, "reason=… is missing"),
        ("discontinue A reason=4711", 1, 22, "'4711' is no code of CID 9300"),
        ("discontinue reason=110513 done=101%", 1, 32, "is no share of the plan"),
        ('unscheduled "DOE^Jane', 1, 13, "a quotation mark has no partner"),
        ('start S"1', 1, 7, "a quotation mark has no partner, or stands inside of a word"),
        ("unscheduled DOE born=1980-02-30", 1, 22, "'1980-02-30'"),
        ("unscheduled DOE sex=X", 1, 21, "'X'"),
        ("unscheduled DOE error=oops", 1, 23, "is none of transposed-digits, "),
        ("list day=today", 1, 10, "write it as 2026-11-23"),
        ("acquire series=0", 1, 16, "is no number from 1 to 99"),
        ("wait", 1, 1, "e.g. `wait 5 min`"),
        ("wait five min", 1, 6, "e.g. `wait 5 min`"),
        ("expect ok", 1, 1, "behind a line that does something"),
        ("wait 5 min\nexpect ok", 2, 1, "behind a line that does something"),
        ("echo\nexpect ok\nexpect ok", 3, 1, "behind a line that does something, once"),
        ("echo\nexpect", 2, 1, "expect what?"),
        ("echo\nexpect success", 2, 8, "success cannot be expected here"),
        ("echo\nexpect entries=2", 2, 8, "entries=2 cannot be expected here"),
        ("echo\nseed 1\n", 2, 1, "seed stands before the first verb"),
        ("seed x\necho", 1, 6, "'x' is no seed"),
        ("station\necho", 1, 1, "write it as `station AET`"),
        ("station A\\B\necho", 1, 9, "holds a backslash"),
        ("profile nonsense\necho", 1, 9, "'nonsense' is no profile; there are plain"),
    ],
)
def test_a_wrong_line_is_told_with_its_place_the_reason_and_what_is_allowed(text: str, line: int, column: int, words: str):
    found = problems(text)

    assert [(at, where) for at, where, _ in found] == [(line, column)]
    assert words in found[0][2]


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("fault", 1, 1, "which one? Write it as `fault KIND"),
        ("fault dely", 1, 7, "the fault is 'dely', which is no fault; there are delay, reject"),
        ("fault delay seconds=601", 1, 21, "seconds= is 601; it must be 1 to 600 s"),
        ("fault delay sec=3", 1, 17, "sec= is no parameter of delay; it has seconds"),
        ("fault delay seconds=3 seconds=4", 1, 23, "seconds= stands here twice"),
        ("fault delay service=hl7", 1, 21, "service= is 'hl7'; it must be one of worklist, mpps"),
        ("fault truncate service=worklist", 1, 24, "truncate is not chosen by service"),
        ("fault broker-down station=CT01", 1, 27, "a process that all stations share"),
        ("fault clock-skew station=all", 1, 26, "clock-skew is about one station, so name it"),
        ("fault failure operation=N-SET status=duplicate-sop-instance", 1, 38, "with which no N-SET is answered"),
        ("fault delay for 5 h", 1, 17, "the time is 300; it must be 0.05 to 240 minutes"),
        ("fault delay for 1s", 1, 17, "it must be 0.05 to 240 minutes"),
        ("fault delay for long", 1, 13, "e.g. `for 5 min`"),
        ("fault delay 5 min", 1, 13, "5 is not understood here"),
        ("fault off", 1, 7, "write it as `fault off KIND|all`"),
        ("fault off delay", 1, 11, "delay is not on: no line above switches one on"),
        ("fault off all", 1, 11, "no line above switches one on"),
        ("fault delay\nfault off abort", 2, 11, "abort is not on: the lines above switch on delay"),
        ("fault delay\nfault off delay now", 2, 17, "write it as `fault off KIND|all`"),
        ("fault delay\nexpect ok", 2, 1, "behind a line that does something"),
    ],
)
def test_a_fault_that_cannot_be_is_told_with_its_place_before_anything_is_sent(text: str, line: int, column: int, words: str):
    found = problems(text)

    assert [(at, where) for at, where, _ in found] == [(line, column)]
    assert words in found[0][2]


def test_a_fault_holds_for_the_station_of_the_script_unless_said_otherwise():
    lines = script.parse(
        """echo
fault delay seconds=3 for 5m
fault reject reason=temporary-congestion service=mpps station=CT02 for 90 s
fault missing every=3 station=all
fault broker-down
fault off delay
fault off all
""",
        "morning.txt",
    ).lines[1:]

    assert [one.switch.at("CT01") for one in lines if isinstance(one.switch, SwitchOn)] == [
        FaultData("delay", "CT01", "", 5, {"seconds": "3"}),
        FaultData("reject", "CT02", "mpps", 1.5, {"reason": "temporary-congestion"}),
        FaultData("missing", "", "", 10, {"every": "3"}),
        FaultData("broker-down"),
    ]
    assert [one.switch for one in lines[4:]] == [SwitchOff("delay"), SwitchOff()]


def test_everything_that_is_wrong_is_told_at_once():
    with pytest.raises(ScriptError) as error:
        script.parse("start\nwait\nfoo", "morning.txt")

    assert [text.split(" ")[0] for text in str(error.value).splitlines()] == ["morning.txt:1:1:", "morning.txt:2:1:", "morning.txt:3:1:"]


def test_a_script_has_an_end():
    assert "at most 10000 lines" in problems("echo\n" * 10_001)[0][2]


def test_a_file_that_is_no_script_is_told(tmp_path: Path):
    latin = tmp_path / "latin.txt"
    latin.write_bytes("echo\n# Größe".encode("latin-1"))

    with pytest.raises(ScriptError, match=r"latin\.txt:2:1: is not text in UTF-8"):
        script.read(latin)
    with pytest.raises(ScriptError, match=r"nowhere:1:1: cannot be read: No such file"):
        script.read(tmp_path / "nowhere")
    with pytest.raises(ScriptError, match="cannot be read"):
        script.read(tmp_path)


def test_the_documentation_lists_every_line_that_a_script_may_have():
    documented = [tuple(row) for row in modality_docs.rows("Scripts")][len(script.SETTINGS) :]

    assert documented == [*((grammar.usage, grammar.what) for grammar in GRAMMAR.values()), *script.OTHERS.values()]


def test_every_usage_begins_with_its_verb():
    assert all(grammar.usage.split(" ")[0] == verb for verb, grammar in GRAMMAR.items())


def test_messages_are_counted_and_not_kept():
    heard = Counted()
    sent = Sent("C-ECHO", "CT01", Target("ris", 104, "RIS"), "", Dataset(), None, [], "", clock.wall(), 0.1)
    left = weakref.ref(sent)
    heard(sent)
    del sent

    assert (heard.messages, left()) == (1, None)
