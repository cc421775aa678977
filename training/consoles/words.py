"""What a console says when an exchange came to nothing: what happened, what it did to the exam, which key to press next."""

from dimse.outcomes import ScuError
from training.consoles import keys
from training.consoles.keys import Key
from training.target import Target, Ways, advice, is_sent

_BEGIN = (keys.START, keys.WRONG, keys.GROUP, keys.HAND, keys.APPEND)
_CHANGE = (keys.REPORT, keys.COMPLETE, keys.DISCONTINUE)
_WAYS = Ways(
    reach="Start it; if another one is meant, change host and port of this console",
    call="change the called AE title of this console",
)


def no_answer(error: ScuError, key: Key, target: Target, calling: str) -> str:
    """Of an exchange without a usable answer."""
    what_now = _again(error, key) if key.name in _BEGIN or key.name in _CHANGE else ""
    return " ".join(part for part in (str(error), advice(error, target, calling, _WAYS), what_now) if part)


def _again(error: ScuError, key: Key) -> str:
    """What became of a message to MPPS, and how to go on."""
    begins = key.name in _BEGIN
    again = keys.BY_NAME[keys.START] if begins else key
    if is_sent(error):
        return f"Whether it arrived is not known: press “{again.plain_label}” again, which sends the same with the same UID."
    given_up = ", or pull the plug to give it up" if begins else ""
    return f"Nothing was sent this time: press “{again.plain_label}” again when that is mended{given_up}."
