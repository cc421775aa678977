import json
from dataclasses import replace
from random import Random

import pytest

from training import exams, memory
from training.memory import Exam
from training.store import FileStore, MemoryUnreadable, TransientStore

EXAM = Exam("1.2.3", memory.IN_PROGRESS, "SPS-1", "A1", "RIS at h:1", "CT", "CT chest", "P", [], "2026-11-23T09:41:00-05:00", {})


def test_exams_are_remembered_between_two_commands(tmp_path):
    with FileStore(tmp_path, "CT01").opened() as remembered:
        remembered.exams.append(EXAM)
        remembered.save()
    with FileStore(tmp_path, "CT01").opened() as again, FileStore(tmp_path, "CT02").opened() as other:
        assert again.exams == [EXAM]
        assert other.exams == []


@pytest.mark.parametrize("ae_title", ["../../etc/x", "A/B", "..", "A B", "CT:1*"])
def test_an_ae_title_never_leaves_the_directory(tmp_path, ae_title):
    inside = tmp_path / "modalities"
    with FileStore(inside, ae_title).opened() as remembered:
        remembered.exams.append(EXAM)
        remembered.save()

    assert {path.parent for path in tmp_path.rglob("*") if path.is_file()} == {inside}
    with FileStore(inside, ae_title).opened() as again:
        assert again.exams == [EXAM]


@pytest.mark.parametrize("text", ["{", "[]", '{"exams": [{"uid": 1}]}', '"x"'])
def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path, text):
    (tmp_path / "CT01.json").write_text(text)

    with pytest.raises(MemoryUnreadable, match=r"CT01\.json .*repair or delete it"), FileStore(tmp_path, "CT01").opened():
        pass


def test_exams_that_are_over_are_forgotten_some_day_and_open_ones_never(tmp_path):
    with FileStore(tmp_path, "CT01").opened() as remembered:
        remembered.exams = [EXAM, *(replace(EXAM, state="COMPLETED", sop_instance_uid=f"1.{n}") for n in range(250))]
        remembered.save()

    rows = json.loads((tmp_path / "CT01.json").read_text())["exams"]
    assert len(rows) == 201
    assert rows[0]["state"] == memory.IN_PROGRESS
    assert rows[-1]["sop_instance_uid"] == "1.249"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["CT01.json", "CT01.lock"]


def test_exams_of_an_earlier_version_are_still_known(tmp_path):
    old = {
        "sop_instance_uid": "1.2.3", "state": "IN PROGRESS", "step_id": "SPS-1", "accession_number": "A1", "target": "RIS at h:1",
        "modality": "CT", "description": "CT chest", "protocol": "P", "character_set": [], "started": "2026-11-23T09:41:00-05:00",
        "what_is_done": {}, "final_status": "", "unanswered": {},
    }  # fmt: skip
    (tmp_path / "CT01.json").write_text(json.dumps({"exams": [old]}))

    with FileStore(tmp_path, "CT01").opened() as remembered:
        assert remembered.exams == [EXAM]
        exams.make_plan(remembered.exams[0], Random(1))
        assert remembered.exams[0].plan


def test_what_a_process_remembers_is_gone_with_it():
    store = TransientStore()
    with store.opened() as remembered:
        remembered.exams.append(EXAM)
        remembered.save()

    with store.opened() as again:
        assert again.exams == [EXAM]
    with TransientStore().opened() as other:
        assert other.exams == []
