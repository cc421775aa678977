"""DCMTK's command-line tools, by where the system installed them: pynetdicom puts tools of the same names into the environment."""

import gzip
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.support.required import missing

_REMEDY = (
    "Distributions ship them in the package `dcmtk`; where documentation is left out of an image, "
    "`apt-get install --reinstall -o Dpkg::Options::='--path-include=/usr/share/doc/dcmtk/*' dcmtk` brings them"
)
_unpacked: list["tempfile.TemporaryDirectory[str]"] = []  # removed when the interpreter ends


def dcmtk(tool: str) -> str:
    """The absolute path of DCMTK's `tool`. Skips the test when it is not installed, fails it when RIS_TEST_REQUIRE names dcmtk."""
    environment = {Path(sys.prefix, "bin").resolve(), Path(sys.executable).parent.resolve()}
    places = [place for place in os.environ.get("PATH", os.defpath).split(os.pathsep) if Path(place).resolve() not in environment]
    found = shutil.which(tool, path=os.pathsep.join(places))
    if found is None:
        missing("dcmtk", f"{tool} is not on PATH")
    return found


def ran(tool: str, *arguments: str) -> bool:
    """Runs a tool of DCMTK to its end; whether that was a success."""
    return subprocess.run([dcmtk(tool), *arguments], capture_output=True, timeout=60, check=False).returncode == 0


def findscu(port: int, output: Path, *more: str, calling: str = "FINDSCU", called: str = "STEPWISE") -> list[str]:
    """The command that asks a worklist and writes each answer into a file of `output`; `more` are options and keys."""
    return [dcmtk("findscu"), "-W", "-X", "-od", str(output), "-aet", calling, "-aec", called, *more, "127.0.0.1", str(port)]


def dcmtk_examples(folder: str) -> Path:
    """A folder of the examples in DCMTK's package, such as `wlistqry`. Missing, it skips or fails the test as a tool does."""
    shares = [Path(dcmtk("findscu")).resolve().parents[1] / "share", Path("/usr/share")]
    found = next((path for share in shares for path in _places(share, folder) if path.is_dir()), None)
    if found is None:
        missing("dcmtk", f"its examples are not in {shares[0]}/doc/dcmtk/examples/{folder}. {_REMEDY}")
    return _plain(found)


def _places(share: Path, folder: str) -> Iterator[Path]:
    """Where distributions and DCMTK's own installation put the examples."""
    for pattern in ("doc/dcmtk*/examples", "dcmtk*", "doc/dcmtk*", "doc/packages/dcmtk*"):
        yield from (place / folder for place in sorted(share.glob(pattern)))


@cache
def _plain(folder: Path) -> Path:
    """The folder itself, or a copy in which the files that the distribution compressed are text again."""
    if not any(folder.glob("*.gz")):
        return folder
    _unpacked.append(tempfile.TemporaryDirectory(prefix="dcmtk-examples-"))
    copy = Path(_unpacked[-1].name)
    for path in folder.iterdir():
        if path.suffix == ".gz":
            (copy / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
        elif path.is_file():
            shutil.copy(path, copy)
    return copy
