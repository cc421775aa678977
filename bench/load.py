"""Associations: one, five hundred that say nothing, two hundred at once, and ten thousand one after another."""

import os
import time
from contextlib import ExitStack

from bench import entries, queries
from bench.client import Association, all_at_once, associate_request, connect
from bench.finding import DAY, echo
from bench.measure import Row, medians, quantile
from bench.servers import Server
from dimse.services import IMPLICIT_VR_LITTLE_ENDIAN, MODALITY_WORKLIST, VERIFICATION

_IDLE, _WATCHED = 500, 5.0  # associations; seconds that they are watched
_AT_ONCE = 200
_MANY, _ANSWERS = int(os.environ.get("BENCH_ASSOCIATIONS", "10000")), 10
_FEW = _MANY // 10
_ECHOES = 10


def echoes(ours: Server, stock: Server, repeats: int) -> list[Row]:
    """A C-ECHO with its association."""
    seen = medians({"ours": lambda: echo(ours), "stock": lambda: echo(stock)}, repeats * _ECHOES)
    ratio = seen["ours"] / seen["stock"]
    words = f"{seen['ours'] * 1000:.1f} ms: {ratio:.2f}× its {seen['stock'] * 1000:.1f} ms"
    return [Row("C-ECHO with its association", "≤ 0.6× stock pynetdicom", words, ratio <= 0.6)]


def idle(server: Server, repeats: int) -> list[Row]:
    """What 500 associations cost that say nothing, and what a new one costs beside them."""
    unloaded = medians({"echo": lambda: echo(server)}, repeats * _ECHOES)["echo"]
    with ExitStack() as stack:
        for number in range(_IDLE):
            connected = stack.enter_context(connect(server.port))
            connected.sendall(associate_request(server.ae_title, f"IDLE{number}", VERIFICATION, IMPLICIT_VR_LITTLE_ENDIAN))
            if connected.recv(1) != b"\x02":
                raise SystemExit(f"association {number} of {_IDLE} was not accepted")
        time.sleep(1)
        before = server.cpu_seconds()
        time.sleep(_WATCHED)
        share = (server.cpu_seconds() - before) / _WATCHED
        loaded = medians({"echo": lambda: echo(server)}, repeats * _ECHOES)["echo"]
    words = f"{loaded * 1000:.1f} ms after {unloaded * 1000:.1f} ms: {loaded / unloaded:.2f}×"
    return [
        Row(f"{_IDLE} idle associations", "≤ 3 % of a core", f"{share:.1%}", share <= 0.03),
        Row(f"C-ECHO beside {_IDLE} idle associations", "≤ 2× unloaded", words, loaded <= 2 * unloaded),
    ]


def at_once(ours: dict[str, Server], repeats: int) -> list[Row]:
    """Everybody at 08:00: each station's day on an association of its own."""
    rows = []
    for kind, server in ours.items():
        worst, failed = [], 0
        for _ in range(repeats):
            requests = [queries.station_day(entries.ae_title(number), DAY) for number in range(_AT_ONCE)]
            times, lost, answers = all_at_once(server.port, server.ae_title, MODALITY_WORKLIST, requests)
            if not lost and answers != _AT_ONCE * entries.SLOTS:
                raise SystemExit(f"{answers} answers, expected {_AT_ONCE * entries.SLOTS}")
            worst.append(quantile(times, 0.95) if times else float("inf"))
            failed += lost
        p95 = sorted(worst)[len(worst) // 2]
        words = f"p95 {p95 * 1000:.0f} ms, {failed} lost, on {kind}"
        rows.append(Row(f"{_AT_ONCE} at once, {entries.SLOTS} answers each", "none rejected, p95 ≤ 1 s", words, not failed and p95 <= 1))
    return rows


def memory(server: Server) -> list[Row]:
    """The resident size after many associations and answers, against that after few."""
    request = queries.request(PatientName="BENCH000004*")

    def ask(times: int) -> int:
        for _ in range(times):
            with Association(server.port, server.ae_title, MODALITY_WORKLIST) as association:
                if association.ask(request) != _ANSWERS:
                    raise SystemExit("not the answers that were expected")
        return server.resident_bytes()

    after_few, after_many = ask(_FEW), ask(_MANY - _FEW)
    growth = after_many / after_few - 1
    words = f"{after_few / 2**20:.0f} MB, then {after_many / 2**20:.0f} MB: {growth:+.1%}"
    return [
        Row(f"{_MANY:,} associations, {_MANY * _ANSWERS:,} answers", f"resident size within 10 % of after {_FEW:,}", words, growth <= 0.1)
    ]
