"""Reads of the RIS that more than one room needs."""

from datetime import date

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from ris import clock, names, titles
from ris.actor import Actor
from ris.errors import Conflict, NotFound
from ris.expiry import FORGOTTEN_AFTER
from ris.kept import kept
from ris.models import Membership, Order, Patient, Procedure, RequestedProcedure, ScheduledProcedureStep, Site, StepStation
from ris.transitions import BEGUN, WAITING


def default_site() -> Site:
    """The site of everybody who is not assigned to another one; NotFound before the first start has made it."""
    site = Site.objects.filter(is_default=True).first()
    if site is None:
        raise NotFound("No hospital exists yet; `manage.py simulate` makes one at its first start.")
    return site


def site_of(user: AbstractBaseUser | AnonymousUser) -> Site:
    """The site that a user works for, read once per user object: that of the membership, else the default one."""
    return kept(user, "_site", lambda: _site_of(user))


def _site_of(user: AbstractBaseUser | AnonymousUser) -> Site:
    own = Q(pk__in=Membership.objects.filter(user=user.pk).values("site"))
    return Site.objects.filter(own | Q(is_default=True)).order_by("is_default").first() or default_site()


def managed_by(administrator: AbstractBaseUser | AnonymousUser) -> QuerySet[User]:
    """The accounts that an administrator has to do with: those of the own hospital, for a superuser those of all.

    Superusers are a superuser's alone: whoever could set the password of one would have every hospital.
    """
    if getattr(administrator, "is_superuser", False):
        return User.objects.all()
    site = site_of(administrator)
    nowhere = Q(membership=None) if site.is_default else Q()
    return User.objects.filter(Q(membership__site=site) | nowhere, is_superuser=False)


def is_managed_by(actor: Actor, user: User) -> bool:
    """The same of who acts, and of one's own account; asked within the transaction, since what a page looked at may be another's by now."""
    if actor.user_id is None or actor.user_id == user.pk:
        return True
    administrator = User.objects.filter(pk=actor.user_id).first()
    return administrator is not None and managed_by(administrator).filter(pk=user.pk).exists()


def steps(site: Site) -> QuerySet[ScheduledProcedureStep]:
    """Steps with all that a list shows, in order of start."""
    return (
        ScheduledProcedureStep.objects.filter(site=site)
        .select_related("site", "requested_procedure__order__patient", "requested_procedure__order__visit", "pool")
        .prefetch_related("stations__station")
        .order_by("start", "pk")
    )


def steps_on(site: Site, day: date) -> QuerySet[ScheduledProcedureStep]:
    """Steps that start on a local day."""
    first, after = clock.day_bounds(day, site)
    return steps(site).filter(start__gte=first, start__lt=after)


def tray(site: Site) -> QuerySet[ScheduledProcedureStep]:
    """Ordered, not yet scheduled."""
    return steps(site).filter(start=None, status="SCHEDULED")


def left_over(site: Site) -> QuerySet[ScheduledProcedureStep]:
    """Of earlier days and not begun, or begun and without a change of status for long: the lists of the days do not show it any more."""
    first, _ = clock.day_bounds(clock.today(site), site)
    silent = Q(status__in=BEGUN, status_at__lt=clock.now(site) - FORGOTTEN_AFTER)
    return steps(site).filter(Q(status__in=WAITING, start__lt=first) | silent)


def on_list(found: QuerySet[ScheduledProcedureStep], site: Site, ae_title: str) -> QuerySet[ScheduledProcedureStep]:
    """Narrow to what is on the list of a station, named by its title or by a former one that is still accepted."""
    titles_of_it = titles.of_one_list(titles.renamed(site), [ae_title])
    if len(titles_of_it) == 1:
        return found.filter(stations__ae_title=ae_title)
    return found.filter(Exists(StepStation.objects.filter(step=OuterRef("pk"), ae_title__in=titles_of_it)))


def search(found: QuerySet[ScheduledProcedureStep], text: str) -> QuerySet[ScheduledProcedureStep]:
    """Narrow to what matches a name, a patient ID or an accession number, each word somewhere in the name."""
    by_name = Q()
    for word in names.words(text):
        by_name &= Q(requested_procedure__order__patient__name_key__contains=word)
    return found.filter(
        by_name
        | Q(requested_procedure__order__patient__patient_id__istartswith=text.strip())
        | Q(requested_procedure__order__patient__in=_survivors(Q(patient_id__istartswith=text.strip())))
        | Q(requested_procedure__order__accession_number__icontains=text.strip())
    )


def _survivors(merged: Q) -> QuerySet[Patient, int | None]:
    """Keys of the records that some merged ones lead to."""
    return Patient.objects.filter(merged, merged_into__isnull=False).values_list("merged_into", flat=True)


def patients(site: Site, text: str) -> QuerySet[Patient]:
    """Patients by name words or the beginning of an ID, in order of name. A name or ID of a merged record finds whom it leads to."""
    asked = Q()
    for word in names.words(text):
        asked &= Q(name_key__contains=word)
    asked |= Q(patient_id__istartswith=text.strip())
    found = Patient.objects.filter(site=site, merged_into=None).filter(asked | Q(pk__in=_survivors(asked)))
    return found.prefetch_related("merged").order_by("name_key", "pk")


def patient(site: Site, patient_id: str, issuer: str = "") -> Patient:
    """The record of a patient ID; NotFound otherwise, Conflict when several issuers gave it and none is named."""
    found = Patient.objects.filter(site=site, patient_id=patient_id).exclude(patient_id="").select_related("merged_into")
    records = list(found.filter(issuer_of_patient_id=issuer) if issuer else found)
    if not records:
        raise NotFound(f"There is no patient with ID {patient_id!r}{f' of {issuer!r}' if issuer else ''}.")
    if len(records) > 1:
        issuers = ", ".join(repr(one.issuer_of_patient_id) for one in records)
        raise Conflict(f"Patient ID {patient_id} was given by several issuers: {issuers}; name issuer_of_patient_id too.")
    return records[0]


def step_ids(site: Site, accession_number: str = "", patient_id: str = "") -> list[int]:
    """Primary keys of the steps of an order, or of all a patient's orders; the ID of a merged record leads to the other's.

    Asked for before the steps themselves: joined to them, SQLite would look at every step of the site. It uses the indexes of
    numbers, which leave empty ones out, only when the query does so too.
    """
    orders = Order.objects.all()
    if accession_number:
        orders = orders.filter(site=site, accession_number=accession_number).exclude(accession_number="")
    if patient_id:
        patients = Patient.objects.filter(site=site, patient_id=patient_id).exclude(patient_id="")
        owners = {pk for row in patients.values_list("pk", "merged_into") for pk in row if pk}
        orders = orders.filter(patient__in=owners)
    found = ScheduledProcedureStep.objects.filter(requested_procedure__order__in=list(orders.values_list("pk", flat=True)))
    return list(found.order_by().values_list("pk", flat=True))


def order(site: Site, accession_number: str) -> Order:
    """The order of an accession number, with procedures and steps; NotFound otherwise."""
    procedures = RequestedProcedure.objects.prefetch_related(Prefetch("steps", queryset=steps(site)))
    found = (
        Order.objects.filter(site=site, accession_number=accession_number)
        .exclude(accession_number="")
        .select_related("patient", "site", "visit")
        .prefetch_related(Prefetch("requested_procedures", queryset=procedures))
        .first()
    )
    if found is None:
        raise NotFound(f"There is no order with accession number {accession_number!r}.")
    return found


def step(site: Site, step_id: int) -> ScheduledProcedureStep:
    """The step of our own id, with all that a list shows; NotFound otherwise."""
    found = steps(site).filter(pk=step_id).first()
    if found is None:
        raise NotFound(f"There is no scheduled step with id {step_id}.")
    return found


def catalogue(site: Site) -> QuerySet[Procedure]:
    """What can be ordered, with its steps, by modality and meaning."""
    return Procedure.objects.filter(site=site, active=True).prefetch_related("steps").order_by("modality", "meaning", "pk")


def procedure(site: Site, code: str) -> Procedure:
    """The procedure of a catalogue code; NotFound otherwise."""
    found = catalogue(site).filter(code=code).first()
    if found is None:
        raise NotFound(f"There is no procedure {code!r} in the catalogue; GET /api/v1/procedures lists it.")
    return found
