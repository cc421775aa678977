"""The banner, shown once the simulator answers."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from stepwise.supervisor.output import Output

_BOLD, _DIM, _GREEN, _YELLOW = 1, 2, 32, 33  # ANSI
_LABEL = 16  # width of the left column

HEALTH_TIMEOUT = 60.0  # seconds
_ONE_REQUEST = 5.0


@dataclass(frozen=True)
class Health:
    """What `/healthz` says: all well, or what is not in words."""

    ok: bool
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """What the banner tells.

    `accounts` maps a demo account to its password, None when that was shown at an earlier start; `passwords_chosen` says that they come
    from RIS_DEMO_PASSWORD, but for those that have another one. `guessable` says which secrets of the environment are too easy.
    `python` is how the reader would call the interpreter, `modality_options` what the command needs to find this DICOM port.
    `tls_address` is empty without DICOM over TLS; `behind_https` says that `url` is for the proxy that ends HTTPS.
    `charges_to` is asked when the banner is shown: the demo charge processor has a port only once it runs.
    Outside of a demo: how many accounts a demo left with its password, which get in no more, and whether an administrator gets in.
    """

    url: str
    ae_title: str
    dicom_address: str
    charges_to: Callable[[], str]
    python: str
    modality_options: str = ""
    demo: bool = False
    accounts: Mapping[str, str | None] = field(default_factory=dict)
    passwords_chosen: bool = False
    guessable: Sequence[str] = ()
    tls_address: str = ""
    behind_https: bool = False
    shut: int = 0
    administered: bool = False


async def wait_until_healthy(host: str, port: int, host_header: str, timeout: float = HEALTH_TIMEOUT) -> Health:
    """Ask `/healthz` until everything answers, DICOM included; after `timeout` seconds return what was wrong last."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while True:
        health = await _ask(host, port, host_header)
        if health.ok or loop.time() > deadline:
            return health
        await asyncio.sleep(1)


async def wait_until_quiet(output: Output, seconds: float = 1.0, timeout: float = 15.0) -> None:
    """Let the lines of the start pass, so that the banner stays in sight."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while output.quiet_for < seconds and loop.time() < deadline:
        await asyncio.sleep(seconds - output.quiet_for)


async def _ask(host: str, port: int, host_header: str) -> Health:
    try:
        async with asyncio.timeout(_ONE_REQUEST):
            return _read(await _get(host, port, host_header))
    except (OSError, TimeoutError) as error:
        return Health(False, (f"web: {str(error) or 'no answer'}",))


async def _get(host: str, port: int, host_header: str) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET /healthz HTTP/1.0\r\nHost: {host_header}\r\n\r\n".encode())
        await writer.drain()
        return await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _read(response: bytes) -> Health:
    head, _, body = response.partition(b"\r\n\r\n")
    status = head.split(b"\r\n", 1)[0].decode("ascii", errors="replace")
    if " 200 " in f"{status} ":
        return Health(True)
    try:
        components: dict[str, dict[str, str]] = json.loads(body)["components"]
    except (ValueError, KeyError, TypeError):
        return Health(False, (f"web: {status}",))
    return Health(False, tuple(f"{name}: {found['detail']}" for name, found in components.items() if found["status"] != "ok"))


def banner(facts: Facts, health: Health, paint: Callable[[str, int], str]) -> str:
    """The lines of the banner; `paint` puts a text in an ANSI style or leaves it as it is."""
    rule = paint("─" * 78, _DIM)
    title = paint("Stepwise is ready", _GREEN) if health.ok else paint("Stepwise is up, but not everything answers yet", _YELLOW)
    lines = [rule, f"  {title}", *(f"    {paint(problem, _YELLOW)}" for problem in health.problems), ""]
    lines += _rows(paint, [("Open", paint(facts.url, _BOLD)), *_services(facts)])
    lines += [
        "",
        *_accounts(facts, paint),
        *(paint(f"  {one}", _YELLOW) for one in facts.guessable),
        "",
        "  Try next, in a second terminal",
        *(f"    {command}" for command in _commands(facts)),
    ]
    lines += ["", f"  {paint('Ctrl-C stops everything; the data is kept for the next start.', _DIM)}", rule]
    return "\n".join(lines) + "\n"


def _services(facts: Facts) -> Iterable[tuple[str, str]]:
    if facts.behind_https:
        yield "", "for the proxy in front, which ends HTTPS; browsers are sent on to https"
    yield "DICOM", f"{facts.ae_title} at {facts.dicom_address} (worklist, MPPS, verification)"
    if facts.tls_address:
        yield "DICOM/TLS", f"{facts.ae_title} at {facts.tls_address}"
    if facts.demo:
        yield "Charges", f"HL7 DFT^P03 to {facts.charges_to()}"


def _rows(paint: Callable[[str, int], str], rows: Iterable[tuple[str, str]]) -> list[str]:
    return [f"  {paint(f'{label:<{_LABEL}}', _DIM)}{text}" for label, text in rows]


def _accounts(facts: Facts, paint: Callable[[str, int], str]) -> list[str]:
    if not facts.demo:
        return _outside_of_a_demo(facts, paint)
    if facts.passwords_chosen:
        given = [name for name, password in facts.accounts.items() if password is not None]
        kept = [name for name, password in facts.accounts.items() if password is None]
        lines = [f"  Demo accounts: {', '.join(given)}; the password of all is RIS_DEMO_PASSWORD"] if given else []
        return lines + ([f"  Demo accounts: {', '.join(kept)}; with the passwords that were set since"] if kept else [])
    known = {name: password for name, password in facts.accounts.items() if password is not None}
    shown_before = [name for name in facts.accounts if name not in known]
    lines = []
    if known:
        lines += ["  Demo accounts (shown this once; write them down)"]
        lines += _rows(paint, ((f"  {name}", paint(password, _BOLD)) for name, password in known.items()))
    if shown_before:
        lines += [
            f"  Demo accounts: {', '.join(shown_before)}",
            f"  Their passwords were shown at the first start; a new one: {facts.python} manage.py changepassword {shown_before[0]}",
        ]
    return lines


def _outside_of_a_demo(facts: Facts, paint: Callable[[str, int], str]) -> list[str]:
    lines = []
    if facts.shut:
        told = "1 account has" if facts.shut == 1 else f"{facts.shut} accounts have"
        told += f" a password of the demo and cannot sign in; another one: {facts.python} manage.py changepassword NAME"
        lines.append(paint(f"  {told}", _YELLOW))
    if not facts.administered:
        lines.append(f"  First administrator: {facts.python} manage.py createsuperuser")
    return lines


def _commands(facts: Facts) -> list[str]:
    station = "CT01" if facts.demo else "AE_TITLE"
    return [
        f"{facts.python} manage.py modality --station {station}{facts.modality_options} list",
        f"{facts.python} manage.py modality --help",
        f"curl {facts.url}healthz",
    ]
