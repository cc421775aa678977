"""A second hospital beside the default one, and what is ordered there."""

from ris.actions.orders import OrderRequest, place_order
from ris.models import Procedure, ProcedureStepTemplate, ScheduledProcedureStep, Site
from tests.support.hospital import ACTOR, a_patient_data


def another_site(code: str = "south", ae_title: str = "SOUTHRIS", time_zone: str = "Asia/Tokyo") -> Site:
    return Site.objects.get_or_create(
        code=code,
        defaults={"name": "Southbridge General", "ae_title": ae_title, "time_zone": time_zone, "issuer_of_patient_id": "SBG"},
    )[0]


def a_procedure_of(site: Site, code: str = "MYCHEST") -> Procedure:
    values = {"meaning": "Chest", "modality": "CT", "duration_minutes": 20}
    procedure, made = Procedure.objects.get_or_create(site=site, code=code, scheme="99TEST", defaults=values)
    if made:
        ProcedureStepTemplate.objects.create(procedure=procedure, position=1, description="Chest", modality="CT", duration_minutes=20)
    return procedure


def an_exam_of(site: Site, **patient: object) -> ScheduledProcedureStep:
    """In the tray."""
    order = place_order(site, a_patient_data(**patient), OrderRequest([a_procedure_of(site).code]), ACTOR)
    return ScheduledProcedureStep.objects.get(requested_procedure__order=order)
