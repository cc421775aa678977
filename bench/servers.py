"""The servers that are measured, each in a process of its own for as long as a block lasts."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset

from bench.stock import AE_TITLE as STOCK
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN, MODALITY_WORKLIST
from tests.support.ports import free_port

_START = 60.0  # seconds that a server has to listen
_STOP = 15.0
_ORTHANC_PLUGIN = "share/orthanc/plugins/libModalityWorklists.so"  # below the prefix that Orthanc is installed in
OURS, _LISTENS = "STEPWISE", "listening on port"


@dataclass(frozen=True)
class Server:
    """A running server: its AE title, port and process."""

    ae_title: str
    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """Time of a core that the process has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self) -> int:
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def _running(ae_title: str, port: int, command: Sequence[str], log: Path, env: dict[str, str], inherited: int = -1) -> Iterator[Server]:
    with log.open("wb") as output:
        fds = [inherited] if inherited >= 0 else []
        process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | env, start_new_session=True, pass_fds=fds)
        try:
            _wait_until_it_listens(process, port, log, says=_LISTENS if fds else "")
            yield Server(ae_title, port, process.pid)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(_STOP)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _wait_until_it_listens(process: "subprocess.Popen[bytes]", port: int, log: Path, says: str) -> None:
    """By a connection, or by what the log says when the socket was there before."""
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        if says:
            if says in log.read_text(errors="replace"):
                return
        else:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
        time.sleep(0.05)
    raise SystemExit(f"{log.stem} does not listen on port {port}:\n{log.read_text(errors='replace')[-2000:]}")


def environment(data_dir: Path, database_url: str = "") -> dict[str, str]:
    """What tells our processes which data they work on."""
    return {"RIS_DATA_DIR": str(data_dir), "DATABASE_URL": database_url, "RIS_UNKNOWN_CALLERS": "accept"}


@contextmanager
def stepwise(data_dir: Path, database_url: str = "", processes: int = 1, *, journal: bool = True) -> Iterator[Server]:
    """`manage.py dicom`, with its journal; more than one process share a listening socket. What is returned is the first of them."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening, ExitStack() as stack:
        os.set_inheritable(listening.fileno(), True)
        port = listening.getsockname()[1]
        env = environment(data_dir, database_url) | {"RIS_DICOM_FD": str(listening.fileno()), "RIS_JOURNAL": str(journal)}
        command = [sys.executable, "manage.py", "dicom"]
        running = [
            stack.enter_context(_running(OURS, port, command, data_dir / f"stepwise{number}.log", env, listening.fileno()))
            for number in range(processes)
        ]
        yield running[0]


@contextmanager
def stock(data_dir: Path, database_url: str = "") -> Iterator[Server]:
    """pynetdicom as it comes, with the same data."""
    port = free_port()
    command = [sys.executable, "-m", "bench.stock", str(port)]
    with _running(STOCK, port, command, data_dir / "stock.log", environment(data_dir, database_url)) as server:
        yield server


def wlmscpfs_path() -> str | None:
    return shutil.which("wlmscpfs")


@contextmanager
def wlmscpfs(files: Path) -> Iterator[Server]:
    """DCMTK's worklist server with the files of `files`/WLMSCPFS; without the delay that it may be built to send with."""
    port = free_port()
    command = [wlmscpfs_path() or "wlmscpfs", "--disable-host-lookup", "--data-files-path", str(files), str(port)]
    with _running("WLMSCPFS", port, command, files / "wlmscpfs.log", {"TCP_NODELAY": "1"}) as server:
        yield server


def orthanc_plugin() -> Path | None:
    """Orthanc's worklist plugin where both are installed."""
    program = shutil.which("Orthanc")
    plugin = Path(program).parents[1] / _ORTHANC_PLUGIN if program else None
    return plugin if plugin and plugin.exists() else None


@contextmanager
def orthanc(files: Path) -> Iterator[Server]:
    """Orthanc with its worklist plugin and the files of `files`/WLMSCPFS."""
    port = free_port()
    configuration = {
        "Name": "bench",
        "StorageDirectory": str(files / "orthanc"),
        "IndexDirectory": str(files / "orthanc"),
        "Plugins": [str(orthanc_plugin())],
        "HttpServerEnabled": False,
        "DicomAet": "ORTHANC",
        "DicomPort": port,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowFindWorklist": True,
        "DicomCheckCalledAet": False,
        "Worklists": {"Enable": True, "Database": str(files / "WLMSCPFS"), "LimitAnswers": 0, "FilterIssuerAet": False},
    }
    (files / "orthanc.json").write_text(json.dumps(configuration))
    with _running("ORTHANC", port, ["Orthanc", str(files / "orthanc.json")], files / "orthanc.log", {"TCP_NODELAY": "1"}) as server:
        yield server


def write_files(folder: Path, items: Iterator[tuple[int, bytes]]) -> Path:
    """Worklist items as files, the way DCMTK and Orthanc want them; returns the folder above that of the AE title."""
    served = folder / "WLMSCPFS"
    served.mkdir(parents=True)
    (served / "lockfile").touch()
    head = _head_of_file()
    for number, content in items:
        (served / f"{number:07d}.wl").write_bytes(head + content)
    return folder


def _head_of_file() -> bytes:
    """Preamble and file meta information (PS3.10 7.1) of a data set in Explicit VR Little Endian."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MODALITY_WORKLIST
    meta.MediaStorageSOPInstanceUID = "2.25.1"
    meta.TransferSyntaxUID = EXPLICIT_VR_LITTLE_ENDIAN
    file = BytesIO()
    FileDataset(file, Dataset(), file_meta=meta, preamble=b"\0" * 128).save_as(file, enforce_file_format=True)
    return file.getvalue()
