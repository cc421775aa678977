"""docs/architecture.md says what is there: modules that it names exist, and each middleware of ours is among them."""

import re
from importlib.util import find_spec
from typing import Final

from django.conf import settings

DOCUMENT: Final = settings.BASE_DIR / "docs" / "architecture.md"
ROOMS: Final = ("dimse", "ris", "worklist", "mpps", "billing", "training", "stepwise")
_NAMED: Final = re.compile(rf"`((?:{'|'.join(ROOMS)})(?:[./][a-z_0-9]+)+)(?:\.[A-Z_]\w*)*`")


def is_there(name: str) -> bool:
    """A module, a package, a file of the repository, or what a module has."""
    if (settings.BASE_DIR / name).exists():
        return True
    dotted = name.removesuffix(".py").replace("/", ".")
    module, _, attribute = dotted.rpartition(".")
    try:
        if find_spec(dotted) is not None:
            return True
    except ModuleNotFoundError:
        pass
    return find_spec(module) is not None and hasattr(__import__(module, fromlist=[attribute]), attribute)


def test_what_it_names_is_there() -> None:
    named = set(_NAMED.findall(DOCUMENT.read_text(encoding="utf-8")))
    assert len(named) > 60
    assert sorted(name for name in named if not is_there(name)) == []


def test_each_middleware_of_ours_is_told() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    own = [path for path in settings.MIDDLEWARE if path.split(".")[0] in ROOMS]
    assert own
    assert [path for path in own if f"`{path}`" not in text] == []
