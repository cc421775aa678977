"""What a service handler raises to be answered with a failure status, and the text rules of Error Comment."""

import unicodedata
from collections.abc import Iterable

from pydicom.dataset import Dataset

from dimse import statuses

ERROR_COMMENT_LENGTH = 64  # characters; Error Comment (0000,0902) is LO, PS3.5 Table 6.2-1


class DimseFailure(Exception):
    """The answer to a request is a failure status (PS3.7 Annex C).

    `offending` are tags: they travel as Offending Element (0000,0901) in C-FIND-RSP and as Attribute Identifier List (0000,1005) in
    N-CREATE-RSP and N-SET-RSP. `attribute_list` is the data set that 0106H and 0121H may carry. `affected_uid` replaces the
    Affected SOP Instance UID of the response. The comment is kept whole here and cut to 64 characters on the wire.
    """

    def __init__(
        self,
        status: int,
        comment: str = "",
        *,
        error_id: int | None = None,
        offending: Iterable[int] = (),
        affected_uid: str | None = None,
        attribute_list: Dataset | None = None,
    ) -> None:
        super().__init__(f"{status:04X}H {statuses.name_of(status)}{': ' if comment else ''}{comment}")
        self.status = status
        self.comment = comment
        self.error_id = error_id
        self.offending = tuple(int(tag) for tag in offending)
        self.affected_uid = affected_uid
        self.attribute_list = attribute_list


def error_comment(text: str) -> str:
    """`text` as an Error Comment: at most 64 printable ASCII characters (a command set has no character set of its own, PS3.7 6.3.1).

    Accents are dropped, other characters become "?", the backslash (a separator of values in LO) becomes "/".
    """
    plain = unicodedata.normalize("NFKD", " ".join(text.split())).replace("\\", "/")
    kept = (character for character in plain if not unicodedata.combining(character))
    ascii_text = "".join(character if " " <= character <= "~" else "?" for character in kept)
    if len(ascii_text) <= ERROR_COMMENT_LENGTH:
        return ascii_text
    return ascii_text[: ERROR_COMMENT_LENGTH - 2].rstrip() + ".."
