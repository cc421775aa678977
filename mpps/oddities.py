"""What the standard leaves to choice about an N-CREATE or N-SET that is otherwise right; each station has its own choice."""

from functools import cache

from pydicom.datadict import keyword_for_tag

from dimse import statuses
from dimse.services import Warned
from mpps import attributes, datasets
from mpps.checking import STATUS, understood_status
from mpps.datasets import Json
from mpps.errors import Refused, not_authorized
from mpps.received import Received
from ris.profiles import Profile

_SOP_COMMON = (
    "SpecificCharacterSet", "InstanceCreationDate", "InstanceCreationTime", "InstanceCreatorUID", "InstanceCoercionDateTime", "SOPClassUID",
    "SOPInstanceUID", "CodingSchemeIdentificationSequence", "TimezoneOffsetFromUTC", "ContributingEquipmentSequence", "SOPInstanceStatus",
    "SOPAuthorizationDateTime", "SOPAuthorizationComment", "AuthorizationEquipmentCertificationNumber", "InstanceNumber",
    "HL7StructuredDocumentReferenceSequence", "LongitudinalTemporalInformationModified", "QueryRetrieveView", "ContentQualification",
    "EncryptedAttributesSequence", "OriginalAttributesSequence", "MACParametersSequence", "DigitalSignaturesSequence", "MappingResource",
)  # fmt: skip
"""PS3.3 Table C.12-1, which Table F.7.2-1 takes in as a whole."""
_PATIENT = ("0010", "0012")
"""Groups of the patient and of clinical trials."""


def admit(profile: Profile) -> None:
    """Raises Refused 0124H for a station that is not to report performed steps."""
    if not profile.reports_performed_steps:
        raise not_authorized(f"{profile.ae_title} is not to report performed steps here")


def choose(message: Received, profile: Profile) -> Warned | None:
    """What the message is warned of (PS3.7 10.1.3.1.9, 10.1.5.1.6). Raises Refused 0105H for attributes that are not to be taken."""
    found = undefined(message.dataset)
    if found and profile.refuses_undefined_attributes:
        raise Refused(statuses.NO_SUCH_ATTRIBUTE, f"{_name(found[0])} is no attribute of MPPS{_more(found)}", offending=found)
    if not profile.warns:
        return None
    if found:
        kept = f"Kept, though no attribute of MPPS: {_name(found[0])}{_more(found)}"
        return Warned(statuses.ATTRIBUTE_LIST_ERROR, kept, found)
    status = datasets.text(message.dataset, STATUS)
    understood = understood_status(message.dataset)
    if status and status != understood:
        taken = f"{STATUS} taken as {understood}"
        return Warned(statuses.ATTRIBUTE_VALUE_OUT_OF_RANGE, taken, (int(attributes.row(STATUS).tag, 16),))
    return None


def undefined(dataset: Json) -> tuple[int, ...]:
    """Tags of the public attributes at the top level that neither Table F.7.2-1 nor the SOP Common Module has.

    What is about the patient is never one: newer editions of the table have more of it.
    """
    others = sorted(dataset.keys() - _defined())
    return tuple(int(key, 16) for key in others if int(key[:4], 16) % 2 == 0 and key[4:] != "0000" and key[:4] not in _PATIENT)


@cache
def _defined() -> frozenset[str]:
    return frozenset({row.tag for row in attributes.rows_in()} | {datasets.tag(keyword) for keyword in _SOP_COMMON})


def _name(tag: int) -> str:
    return keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _more(found: tuple[int, ...]) -> str:
    return f" (+{len(found) - 1} more)" if len(found) > 1 else ""
