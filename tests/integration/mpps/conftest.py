"""A real DICOM server with the MPPS service, and modalities that talk to it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from io import BytesIO

import pytest
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

from dimse.outcomes import ScuAnswer
from dimse.scu import ScuAssociation, open_association
from dimse.server import DicomServer, ServerSettings
from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP, Verb
from dimse.uids import new_uid
from mpps.scp import MPPS
from tests.support.hospital import a_site, a_station
from tests.support.pacs import Pacs

Connect = Callable[..., AbstractContextManager[ScuAssociation]]


class Modality:
    """One station that sends N-CREATE and N-SET, each message on an association of its own."""

    def __init__(self, connect: Connect, ae_title: str = "CT01") -> None:
        self._connect = connect
        self.ae_title = ae_title

    def create(self, attribute_list: Dataset, uid: str | None = "") -> tuple[str, ScuAnswer]:
        """The SOP Instance UID (a new one for an empty `uid`, the SCP's for None) and the answer."""
        uid = new_uid() if uid == "" else uid
        with self._connect(self.ae_title) as association:
            answer = association.n_create(attribute_list, uid)
        return uid or answer.sop_instance_uid, answer

    def set(self, uid: str, modification_list: Dataset) -> ScuAnswer:
        with self._connect(self.ae_title) as association:
            return association.n_set(modification_list, uid)

    def send_bytes(self, verb: Verb, uid: str, data: bytes) -> ScuAnswer:
        """A data set in Explicit VR whose values stay the bytes that they are."""
        dataset = read_dataset(BytesIO(data), is_implicit_VR=False, is_little_endian=True)
        with self._connect(self.ae_title) as association:
            return association.n_create(dataset, uid) if verb == Verb.N_CREATE else association.n_set(dataset, uid)

    def begin(self, attribute_list: Dataset) -> str:
        """N-CREATE that must be accepted; its UID."""
        uid, answer = self.create(attribute_list)
        assert answer.status == 0, answer
        return uid


@pytest.fixture
def server(transactional_db: None) -> Iterator[DicomServer]:
    a_station("CT01")
    a_station("LENIENT", strict=False)
    server = DicomServer([MPPS], ServerSettings(ae_title=a_site().ae_title, port=0))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def connect(server: DicomServer) -> Connect:
    """Opens associations with the server: `connect(calling AE title)`."""

    @contextmanager
    def opened(calling: str = "CT01", called: str = "") -> Iterator[ScuAssociation]:
        with open_association(
            "127.0.0.1",
            server.port,
            calling=calling,
            called=called or server.settings.ae_title,
            contexts=[MODALITY_PERFORMED_PROCEDURE_STEP],
        ) as association:
            yield association

    return opened


@pytest.fixture
def ct01(connect: Connect) -> Modality:
    return Modality(connect)


@pytest.fixture
def lenient(connect: Connect) -> Modality:
    return Modality(connect, "LENIENT")


@pytest.fixture
def pacs() -> Iterator[Pacs]:
    """A foreign PACS that runs."""
    one = Pacs()
    one.open()
    yield one
    one.shut()
