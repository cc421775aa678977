"""An exam on its way: made out of its N-CREATE, growing by series, and put into the messages that tell of it."""

from copy import deepcopy
from datetime import datetime, timedelta
from random import Random
from string import ascii_uppercase

from pydicom.dataset import Dataset

from mpps.reasons import Reason
from training import acquisition, dose_module, memory, performed, query
from training.memory import Exam, Memory
from training.performed import Device


def performed_step_id(now: datetime, remembered: Memory) -> str:
    """A PerformedProcedureStepID as a console makes it: by its clock, with a letter when it was quick."""
    taken = {exam.performed_step_id for exam in remembered.exams}
    candidates = [f"PPS{now:%y%m%d%H%M%S}{letter}" for letter in ("", *ascii_uppercase)]
    return next((ident for ident in candidates if ident not in taken), candidates[0])


def of(created: Dataset, now: datetime, how: str, target: str, sop_instance_uid: str) -> Exam:
    """What is remembered before the N-CREATE with this attribute list is sent."""
    done = Dataset()
    for keyword in performed.WHAT_IS_DONE:
        done[keyword] = deepcopy(created[keyword])
    relations = created.get("ScheduledStepAttributesSequence") or []
    step_ids = [text for one in relations if (text := query.text(one, "ScheduledProcedureStepID"))]
    accession_numbers = [text for one in relations if (text := query.text(one, "AccessionNumber"))]
    protocols = done.PerformedProtocolCodeSequence
    characters = created.get("SpecificCharacterSet") or []
    message = created.to_json_dict()
    return Exam(
        sop_instance_uid=sop_instance_uid,
        state=memory.SENT,
        step_id=step_ids[0] if step_ids else "",
        accession_number=accession_numbers[0] if accession_numbers else "",
        target=target,
        modality=query.text(created, "Modality"),
        description=str(done.PerformedProcedureStepDescription),
        protocol=query.text(protocols[0], "CodeMeaning") if protocols else "",
        character_set=[characters] if isinstance(characters, str) else list(characters),
        started=now.isoformat(),
        what_is_done=done.to_json_dict(),
        unanswered=message,
        how=how,
        step_ids=step_ids,
        accession_numbers=accession_numbers,
        performed_step_id=query.text(created, "PerformedProcedureStepID"),
        patient_id=query.text(created, "PatientID"),
        patient_name=query.text(created, "PatientName"),
        created=message,
        told_at=now.isoformat(),
    )


def appended(created: Dataset, now: datetime, ident: str) -> Dataset:
    """The N-CREATE of a further step for the same requests, out of an earlier one's."""
    again = deepcopy(created)
    again.PerformedProcedureStepID = ident
    again.PerformedProcedureStepStartDate, again.PerformedProcedureStepStartTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    return again


def make_plan(exam: Exam, chance: Random) -> None:
    """Give it a plan, unless it has begun to follow one."""
    if not exam.plan and not exam.series:
        exam.plan = acquisition.plan(exam.modality, chance, exam.description)


def acquire_next(exam: Exam) -> None:
    """One series more: the next of the plan, or once more the last one."""
    planned = exam.plan.pop(0) if exam.plan else acquisition.repeated(exam.series[-1])
    exam.series.append(acquisition.with_images(planned, planned["planned"]))


def acquire_share(exam: Exam, share: float) -> None:
    """So much of the plan, at once."""
    exam.series = acquisition.acquired(exam.plan, share)
    exam.plan = exam.plan[len(exam.series) :]


def interrupt(exam: Exam) -> None:
    """What a machine still knows of it after a power loss: what it had reported."""
    lost = exam.series[exam.reported :]
    exam.plan = [acquisition.with_images(one, 0) for one in lost] + exam.plan
    exam.series = exam.series[: exam.reported]
    if exam.state == memory.ENDING:
        exam.state, exam.final_status, exam.unanswered = memory.IN_PROGRESS, "", {}
    exam.interrupted = True


def is_to_be_reported(exam: Exam, every: timedelta, now: datetime) -> bool:
    """Whether a machine that reports every so often reports it by itself now."""
    is_running = exam.state == memory.IN_PROGRESS and not exam.interrupted
    return bool(every) and is_running and now - datetime.fromisoformat(exam.told_at or exam.started) >= every


def progress(exam: Exam, device: Device) -> Dataset:
    """Modification list of an N-SET in between: all series so far, since the sequence replaces what was told before (PS3.4 F.7.2.2.2)."""
    modified = _with_character_set(Dataset(), exam)
    modified.PerformedProcedureStepStatus = performed.IN_PROGRESS
    modified.PerformedSeriesSequence = acquisition.items(device, exam.description, exam.protocol, exam.series)
    modified.update(dose_module.module(exam.modality, exam.series))
    return modified


def final(exam: Exam, device: Device, status: str, ended: datetime, reason: Reason | None) -> Dataset:
    """Modification list of the N-SET that ends the exam."""
    series = acquisition.items(device, exam.description, exam.protocol, exam.series)
    moment = max(ended, datetime.fromisoformat(exam.started))
    modified = performed.final(status, Dataset.from_json(exam.what_is_done), series, moment, reason)
    modified.update(dose_module.module(exam.modality, exam.series))
    return _with_character_set(modified, exam)


def _with_character_set(message: Dataset, exam: Exam) -> Dataset:
    if exam.character_set:
        message.SpecificCharacterSet = exam.character_set
    return message
