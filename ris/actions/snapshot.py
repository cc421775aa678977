"""What an order keeps of the catalogue: columns as they are at the moment of ordering, whatever the catalogue says later."""

from typing import Any

from ris.models import Procedure, ProcedureStepTemplate


def procedure_columns(procedure: Procedure) -> dict[str, Any]:
    """Columns of a RequestedProcedure."""
    return {
        "catalogue_procedure_id": procedure.pk,
        "code": procedure.code,
        "scheme": procedure.scheme,
        "meaning": procedure.meaning,
        "description": procedure.meaning,
        "laterality": procedure.laterality,
        "price": procedure.price,
    }


def step_columns(template: ProcedureStepTemplate) -> dict[str, Any]:
    """Columns of a ScheduledProcedureStep."""
    code = {"code": template.protocol_code, "scheme": template.protocol_scheme, "meaning": template.protocol_meaning}
    return {
        "position": template.position,
        "description": template.description,
        "modality": template.modality,
        "duration_minutes": template.duration_minutes,
        "protocol_codes": [code] if template.protocol_code else [],
        "pre_medication": template.pre_medication,
        "requested_contrast_agent": template.requested_contrast_agent,
    }
