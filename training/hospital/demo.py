"""Loading the demo hospital, and moving its schedule to the present."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from random import Random

from django.db import transaction
from django.db.models import QuerySet
from pydicom.dataset import Dataset

from billing.nudge import left_to_the_sweep
from mpps.models import PerformedProcedureStep
from mpps.transitions import IN_PROGRESS
from ris import clock, titles
from ris.actions import catalogue, patients, pools, stations
from ris.actions.sites import ensure_default_site
from ris.actions.stations import StationData
from ris.models import Order, Patient, ScheduledProcedureStep, Site
from ris.transitions import BEGUN, CANCELED, WAITING
from training.hospital.casting import Cast
from training.hospital.catalogue import PROCEDURES
from training.hospital.people import patients as people
from training.hospital.plan import Planner, Span, Window, floor, window
from training.hospital.staging import DEMO, Stage
from training.hospital.stations import POOLS, ROUND_THE_CLOCK, STATIONS

SEED = 20
_WALK_IN_STATION, _WALK_IN_EXAM, _WALK_IN_NAME = "DX01", "X-ray chest", "NOVAK^EMERGENCY WALK IN"
_TRAY = (("CTABDPEL", "CT"), ("CTCHEST", "CT"), ("MRBRAINC", "MR"), ("MRKNEER", "MR"), ("USABD", "US"), ("XRHIP", "DX"), ("NMTHYR", "NM"))
_NEAR = timedelta(minutes=20)
_SETTLED = timedelta(days=30)
"""How long before the first start the demo's stations, catalogue and patients were registered."""

Progress = Callable[[str, int, int], None]
"""`progress(what, done, of)` after each record."""


def is_loaded(site: Site) -> bool:
    return Order.objects.filter(site=site, ordered_by=DEMO.name).exists()


def is_current(site: Site) -> bool:
    """Whether the demo's schedule is about the present: half of its stations have one of its exams within 20 minutes of now."""
    now = clock.now(site)
    near = _steps(site).filter(start__gte=now - _NEAR, start__lt=now + _NEAR)
    return near.values("stations__ae_title").distinct().count() * 2 >= len(STATIONS)


def _steps(site: Site) -> QuerySet[ScheduledProcedureStep]:
    return ScheduledProcedureStep.objects.filter(site=site, requested_procedure__order__ordered_by=DEMO.name)


def load(progress: Progress, seed: int = SEED) -> Site:
    """Make the hospital with a day that is happening now, all or nothing. Call it once: see `is_loaded`."""
    with left_to_the_sweep(), transaction.atomic():
        site = ensure_default_site()
        now = clock.now(site)
        when = window(clock.local(now, site))
        with clock.standing_at(now - _SETTLED):
            _register_stations(site, progress)
            _register_catalogue(site, progress)
            _register_patients(site, seed, progress)
        _play(site, when, Random(seed), [], progress)
    return site


def move_to_today(site: Site, progress: Progress, seed: int = SEED) -> None:
    """Finish what the demo's scanners left in progress, and fill the day around now: first with the exams that still wait.

    Other people's bookings stay where they are. Each exam is its own transaction; a second call goes on after a broken one.
    """
    now = clock.now(site)
    when = window(clock.local(now, site))
    left = list(_steps(site).filter(status__in=WAITING, start__lt=now - _NEAR).prefetch_related("stations").select_related("pool"))
    chance = Random(f"{seed} {now:%Y%m%d%H}")
    stage = _stage(site, when, chance, [])
    _finish_begun(stage, when)
    _play(site, when, chance, left, progress)


def _register_stations(site: Site, progress: Progress) -> None:
    for number, data in enumerate(STATIONS, 1):
        stations.save_station(site, data, DEMO)
        progress("stations", number, len(STATIONS))
    for code, name, members in POOLS:
        pools.save_pool(site, code, name, members, DEMO)


def _register_catalogue(site: Site, progress: Progress) -> None:
    for number, data in enumerate(PROCEDURES, 1):
        catalogue.save_procedure(site, data, DEMO)
        progress("procedures", number, len(PROCEDURES))


def _register_patients(site: Site, seed: int, progress: Progress) -> None:
    everybody = people(seed)
    for number, data in enumerate(everybody, 1):
        patients.register_patient(site, data, DEMO)
        progress("patients", number, len(everybody))


def _stage(site: Site, when: Window, chance: Random, leftovers: list[ScheduledProcedureStep]) -> Stage:
    registered = Patient.objects.filter(site=site, merged_into=None).exclude(patient_id="").order_by("pk")
    return Stage(site, when, Cast(registered, clock.today(site), chance), chance, leftovers)


def _play(site: Site, when: Window, chance: Random, leftovers: list[ScheduledProcedureStep], progress: Progress) -> None:
    """Plan the day around what is booked already, and put it on in order of time."""
    if when.night:
        _open_round_the_clock(site)
    stage = _stage(site, when, chance, leftovers)
    walk_in = Span(floor(when.now) - timedelta(minutes=50), floor(when.now) - timedelta(minutes=40))
    busy = _busy(site, when, {step.pk for step in leftovers})
    busy.setdefault(_present(site, _WALK_IN_STATION), []).append(walk_in)
    pool, _, members = POOLS[0]
    planner = Planner(when, _stations(site), PROCEDURES, busy, chance)
    exams = sorted(planner.plan(pool, [_present(site, title) for title in members]), key=lambda exam: exam.appointments[0].span.start)
    for number, exam in enumerate(exams, 1):
        stage.put_on(exam)
        progress("exams", number, len(exams))
    for code, modality in _TRAY:
        stage.order_into_tray(code, modality)
    _walk_in(stage, walk_in)


def _present(site: Site, ae_title: str) -> str:
    """What a station of the demo is called now: people may have renamed it."""
    station = titles.named(site, ae_title)
    return station.ae_title if station is not None else ae_title


def _stations(site: Site) -> list[StationData]:
    return [replace(data, ae_title=_present(site, data.ae_title)) for data in STATIONS]


def _open_round_the_clock(site: Site) -> None:
    opens, closes = ROUND_THE_CLOCK
    for data in _stations(site):
        stations.save_station(site, replace(data, opens=opens, closes=closes), DEMO)


def _busy(site: Site, when: Window, but: set[int]) -> dict[str, list[Span]]:
    """Spans around the window in which a station is booked, or was used, by AE title; `but` these steps."""
    taken = ScheduledProcedureStep.objects.filter(site=site, start__lt=when.span.end, end__gt=when.span.start)
    rows = taken.exclude(status=CANCELED).exclude(pk__in=but).values_list("stations__ae_title", "start", "end")
    busy: dict[str, list[Span]] = {}
    for ae_title, start, end in rows:
        if start and end:
            busy.setdefault(str(ae_title), []).append(Span(start, end))
    return busy


def _walk_in(stage: Stage, span: Span) -> None:
    """An exam without an order: the technologist typed the name, and nobody has reconciled it yet."""
    patient = Dataset()
    patient.PatientName, patient.PatientSex = _WALK_IN_NAME, "M"
    scanner = stage.scanner(_present(stage.site, _WALK_IN_STATION), "DX")
    with clock.standing_at(span.start):
        performed = scanner.start_unscheduled(patient, _WALK_IN_EXAM, span.start)
    stage.finish(scanner, performed, span.end - timedelta(minutes=4))


def _finish_begun(stage: Stage, when: Window) -> None:
    """Complete what the demo's scanners had in progress an hour ago; it ends when its slot ended."""
    begun = PerformedProcedureStep.objects.filter(
        site=stage.site,
        status=IN_PROGRESS,
        received_at__lt=when.now - timedelta(hours=1),
        links__step__in=_steps(stage.site).filter(status__in=BEGUN),
    )
    for performed in begun.distinct().order_by("pk"):
        link = performed.links.filter(step__isnull=False).select_related("step").first()
        if link is None or link.step is None:
            continue
        scanner = stage.scanner(performed.station_ae_title, performed.modality)
        stage.finish(scanner, performed, performed.began_at + timedelta(minutes=link.step.duration_minutes))
