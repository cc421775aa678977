"""The procedure catalogue."""

from dataclasses import dataclass
from decimal import Decimal

from ris import clock, validation
from ris.actor import Actor
from ris.db import action
from ris.errors import InvalidInput
from ris.models import Procedure, ProcedureStepTemplate, RecordChange, Site
from ris.validation import Checker

_LONGEST_STEP = 24 * 60
_HIGHEST_PRICE = Decimal("99999999.99")


@dataclass(frozen=True)
class StepData:
    """One step of a procedure. Without a protocol code the step carries none."""

    description: str
    modality: str
    duration_minutes: int
    protocol_code: str = ""
    protocol_scheme: str = ""
    protocol_meaning: str = ""
    pre_medication: str = ""
    requested_contrast_agent: str = ""


@dataclass(frozen=True)
class ProcedureData:
    """A procedure as typed; it lasts as long as its steps together and has the modality of the first."""

    code: str
    scheme: str
    meaning: str
    steps: tuple[StepData, ...]
    price: Decimal = Decimal(0)
    laterality: str = ""
    active: bool = True


_STEP_TEXTS = (
    ("description", "LO"),
    ("protocol_code", "SH"),
    ("protocol_scheme", "SH"),
    ("protocol_meaning", "LO"),
    ("pre_medication", "LO"),
    ("requested_contrast_agent", "LO"),
)


def check_step(position: int, step: StepData, checked: Checker, prefix: str = "") -> ProcedureStepTemplate:
    """Template without its procedure; what is wrong goes to `checked` under the names of the fields, with a prefix such as `steps.1.`."""
    columns = {name: checked(f"{prefix}{name}", validation.text, getattr(step, name), vr) or "" for name, vr in _STEP_TEXTS}
    modality = checked(f"{prefix}modality", validation.code_string, step.modality) or ""
    if not modality:
        checked.refuse(f"{prefix}modality", "is empty; name one, e.g. CT")
    if not columns["description"]:
        checked.refuse(f"{prefix}description", "is empty; write what is done")
    if not 1 <= step.duration_minutes <= _LONGEST_STEP:
        checked.refuse(f"{prefix}duration_minutes", f"must be 1 to {_LONGEST_STEP} minutes")
    if bool(columns["protocol_code"]) != bool(columns["protocol_scheme"]):
        checked.refuse(f"{prefix}protocol_code", "needs code and scheme together (PS3.3 8.1)")
    return ProcedureStepTemplate(position=position, modality=modality, duration_minutes=step.duration_minutes, **columns)


def _check(data: ProcedureData) -> tuple[dict[str, object], list[ProcedureStepTemplate]]:
    """Column values and step templates, or InvalidInput that names every wrong field."""
    checked = Checker()
    columns: dict[str, object] = {
        "code": checked("code", validation.text, data.code, "SH"),
        "scheme": checked("scheme", validation.text, data.scheme, "SH"),
        "meaning": checked("meaning", validation.text, data.meaning, "LO"),
        "laterality": checked("laterality", validation.code_string, data.laterality),
        "price": data.price,
        "active": data.active,
    }
    for name in ("code", "scheme", "meaning"):
        if not getattr(data, name).strip():
            checked.refuse(name, "is empty; a coded procedure needs code, scheme and meaning (PS3.3 8.1)")
    if not 0 <= data.price <= _HIGHEST_PRICE:
        checked.refuse("price", f"must be 0 to {_HIGHEST_PRICE}")
    templates = [check_step(position, step, checked, f"steps.{position}.") for position, step in enumerate(data.steps, start=1)]
    checked.done()
    if not templates:
        raise InvalidInput({"steps": "is empty; a procedure needs at least one step"})
    columns["modality"] = templates[0].modality
    columns["duration_minutes"] = sum(template.duration_minutes for template in templates)
    return columns, templates


@action
def save_procedure(site: Site, data: ProcedureData, actor: Actor) -> Procedure:
    """Make the procedure of this code and scheme, or change it; orders that exist keep what they copied. InvalidInput."""
    columns, templates = _check(data)
    code, scheme = columns.pop("code"), columns.pop("scheme")
    procedure, made = Procedure.objects.update_or_create(site=site, code=code, scheme=scheme, defaults=columns)
    procedure.steps.all().delete()
    for template in templates:
        template.procedure = procedure
    ProcedureStepTemplate.objects.bulk_create(templates)
    verb = "register" if made else "edit"
    RecordChange.by(actor, at=clock.now(site), verb=verb, subject="procedure", subject_id=procedure.pk)
    return procedure
