"""Why an N-CREATE, N-SET or N-GET is refused, with the status that the standard gives to it (PS3.7 10.1, PS3.4 F.7.2)."""

from collections.abc import Iterable

from dimse import statuses
from mpps.datasets import Json
from ris.errors import RisError


class Refused(RisError):
    """Nothing of the message is applied. `offending` are tags; `attribute_list` (DICOM JSON) is what 0106H and 0121H carry."""

    def __init__(
        self, status: int, comment: str, *, error_id: int | None = None, offending: Iterable[int] = (), attribute_list: Json | None = None
    ) -> None:
        super().__init__(comment)
        self.status = status
        self.comment = comment
        self.error_id = error_id
        self.offending = tuple(dict.fromkeys(offending))
        self.attribute_list = attribute_list or {}


def duplicate_instance() -> Refused:
    return Refused(statuses.DUPLICATE_SOP_INSTANCE, "This performed procedure step exists already")


def unknown_instance() -> Refused:
    return Refused(statuses.NO_SUCH_SOP_INSTANCE, "No N-CREATE with this UID was accepted here")


def invalid_instance(problem: str) -> Refused:
    return Refused(statuses.INVALID_SOP_INSTANCE, f"SOP Instance UID: {problem}")


def wrong_class(what: str) -> Refused:
    return Refused(statuses.CLASS_INSTANCE_CONFLICT, f"That is {what}, not a performed procedure step")


def not_authorized(why: str) -> Refused:
    return Refused(statuses.NOT_AUTHORIZED, why)


def resource_limitation(what: str) -> Refused:
    return Refused(statuses.RESOURCE_LIMITATION, f"Send again later: {what}")


def no_longer_updatable() -> Refused:
    """PS3.4 F.7.2.2.3: the text and the Error ID are the standard's."""
    return Refused(
        statuses.PROCESSING_FAILURE,
        "Performed Procedure Step Object may no longer be updated",
        error_id=statuses.ERROR_ID_MAY_NO_LONGER_BE_UPDATED,
    )
