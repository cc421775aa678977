"""Quirks that are no message: what a machine does on the line and with what it is told. The code asks a profile for them by name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

DROPS_INCOMPLETE_ANSWERS: Final = "drops_incomplete_answers"
SUCCESS_ONLY: Final = "success_only"
CANCELS_LATE: Final = "cancels_late"
ABORTS: Final = "aborts"
HANGS_UP: Final = "hangs_up"
STAYS_CONNECTED: Final = "stays_connected"
GROUP_LENGTHS: Final = "group_lengths"
NO_INSTANCE_UID: Final = "no_instance_uid"
CREATES_TWICE: Final = "creates_twice"
NEW_UID_AFTER_TIMEOUT: Final = "new_uid_after_timeout"
GOES_ON_ANYWAY: Final = "goes_on_anyway"
SETS_AS_ANOTHER: Final = "sets_as_another"
ENDS_TWICE: Final = "ends_twice"

HABITS: Mapping[str, tuple[int, str]] = MappingProxyType(
    {
        GROUP_LENGTHS: (7, "begins every group of a data set with its length"),
        DROPS_INCOMPLETE_ANSWERS: (9, "drops answers without Study Instance UID, procedure ID or step ID"),
        SUCCESS_ONLY: (10, "shows nothing unless a query ends with 0000H, after a warning or its own cancel neither"),
        CANCELS_LATE: (11, "sends a C-CANCEL behind the last answer"),
        ABORTS: (11, "ends associations with an A-ABORT instead of a release"),
        HANGS_UP: (11, "ends associations by closing the connection"),
        STAYS_CONNECTED: (12, "keeps one association for all it asks and tells, idle in between"),
        NO_INSTANCE_UID: (17, "leaves the UID of the performed step to the other side"),
        CREATES_TWICE: (18, "sends each N-CREATE twice, as after a time-out"),
        NEW_UID_AFTER_TIMEOUT: (18, "repeats a lost N-CREATE under a new UID"),
        GOES_ON_ANYWAY: (19, "goes on with an exam whose N-CREATE was refused or lost, so that its N-SETs are of nothing"),
        SETS_AS_ANOTHER: (19, "sends its N-SETs under another AE title: its own with _2"),
        ENDS_TWICE: (20, "sends each final N-SET twice"),
    }
)
"""Number and what the machine does, by name."""
