"""The demo hospital's scanners: what they performed, told to the MPPS actions in this process as if it had come over the network."""

from datetime import datetime
from random import Random

from pydicom.dataset import Dataset

from dimse.encode import encode
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN, Verb
from dimse.uids import new_uid
from mpps import actions, datasets
from mpps.models import PerformedProcedureStep
from mpps.reasons import reasons
from mpps.received import Received
from ris import clock
from ris.models import ScheduledProcedureStep, Site
from training import acquisition, dose_module, performed
from training.performed import Device
from worklist import item as worklist_item

_CHARACTER_SET = "ISO_IR 192"


class Scanner:
    """One station. Moments are aware; a message arrives at the moment that it tells of."""

    def __init__(self, site: Site, device: Device, chance: Random) -> None:
        self._site = site
        self._device = device
        self._chance = chance

    def start(self, step: ScheduledProcedureStep, at: datetime) -> PerformedProcedureStep:
        """N-CREATE for the step as its worklist item stands."""
        return self._create(worklist_item.build(step), at)

    def start_unscheduled(self, patient: Dataset, description: str, at: datetime) -> PerformedProcedureStep:
        """N-CREATE for a patient typed at the console: a Study Instance UID of the scanner's own, no identifiers."""
        patient.ScheduledProcedureStepSequence = []
        patient.RequestedProcedureDescription = description
        return self._create(patient, at)

    def _create(self, item: Dataset, at: datetime) -> PerformedProcedureStep:
        local = clock.local(at, self._site)
        created = performed.in_progress([item], self._device, local, f"{self._device.ae_title}-{local:%m%d%H%M}"[:16])
        created.update(dose_module.announced(self._device.modality))
        created.SpecificCharacterSet = _CHARACTER_SET
        return actions.n_create(self._received(Verb.N_CREATE, new_uid(), created, at))

    def complete(self, step: PerformedProcedureStep, at: datetime) -> None:
        """The final N-SET with all series."""
        self._end(step, performed.COMPLETED, at, share=1.0)

    def discontinue(self, step: PerformedProcedureStep, at: datetime, reason_code: str) -> None:
        """The final N-SET with what had been done by then."""
        self._end(step, performed.DISCONTINUED, at, share=self._chance.choice((0.0, 0.3, 0.5)), reason_code=reason_code)

    def _end(self, step: PerformedProcedureStep, status: str, at: datetime, share: float, reason_code: str = "") -> None:
        created = Dataset.from_json(step.attributes)
        done = Dataset()
        for keyword in performed.WHAT_IS_DONE:
            done[keyword] = created[keyword]
        protocols = done.PerformedProtocolCodeSequence
        protocol = str(protocols[0].CodeMeaning) if protocols else ""
        series = acquisition.acquired(acquisition.plan(self._device.modality, self._chance, step.description), share)
        items = acquisition.items(self._device, step.description, protocol, series)
        reason = reasons()[reason_code] if reason_code else None
        message = performed.final(status, done, items, clock.local(at, self._site), reason)
        message.update(dose_module.module(self._device.modality, series))
        message.SpecificCharacterSet = _CHARACTER_SET
        actions.n_set(self._received(Verb.N_SET, step.sop_instance_uid, message, at))

    def _received(self, verb: Verb, uid: str, dataset: Dataset, at: datetime) -> Received:
        return Received(
            site=self._site,
            verb=verb,
            sop_instance_uid=uid,
            dataset=datasets.from_dataset(dataset),
            received_at=at,
            calling_ae_title=self._device.ae_title,
            called_ae_title=self._site.ae_title,
            address="demo hospital",
            transfer_syntax=EXPLICIT_VR_LITTLE_ENDIAN,
            raw=encode(dataset, EXPLICIT_VR_LITTLE_ENDIAN),
        )
