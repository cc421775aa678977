"""From a pydicom Dataset to bytes in a transfer syntax."""

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from dimse.services import EXPLICIT_VR_BIG_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN


def encode(dataset: Dataset, transfer_syntax: str) -> bytes:
    """The data set in Implicit or Explicit VR, little or big endian. Raises what pydicom raises for values that do not fit their VR."""
    buffer = DicomBytesIO()
    buffer.is_implicit_VR = transfer_syntax == IMPLICIT_VR_LITTLE_ENDIAN
    buffer.is_little_endian = transfer_syntax != EXPLICIT_VR_BIG_ENDIAN
    write_dataset(buffer, dataset)
    return buffer.getvalue()
