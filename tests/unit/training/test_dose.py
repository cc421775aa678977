from random import Random

import pytest

from dimse.encode import encode
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN, Verb
from mpps import attributes, checking, datasets
from tests.support import modality_docs
from tests.unit.training.test_performed import CT01, NOW, worklist_item
from training import acquisition, dose, dose_module, exams, memory, performed
from training.consoles.readings import of_series, readings
from training.memory import Series

RADIATION = ("CT", "XA", "RF", "DX", "CR", "MG", "NM", "PT")


def scanned(modality: str, description: str = "chest", seed: int = 1, share: float = 1.0) -> list[Series]:
    return acquisition.acquired(acquisition.plan(modality, Random(seed), description), share)


def mean(modality: str, description: str, name: str) -> float:
    return sum(dose.total(scanned(modality, description, seed))[name] for seed in range(60)) / 60


# Typical values of adults: European diagnostic reference levels (RP 180), somewhat below and above.
@pytest.mark.parametrize(
    ("modality", "description", "name", "low", "high"),
    [
        ("CT", "CT head without contrast", "dlp", 600, 1000),
        ("CT", "CT head without contrast", "ctdivol", 40, 60),
        ("CT", "CT chest", "dlp", 150, 400),
        ("CT", "CT abdomen and pelvis", "dlp", 300, 650),
        ("DX", "X-ray chest two views", "dap", 1, 6),
        ("DX", "X-ray abdomen", "dap", 16, 60),
        ("DX", "X-ray left hand", "dap", 0.1, 1.2),
        ("DX", "X-ray chest two views", "entrance", 0.1, 0.3),
        ("MG", "Mammography screening", "glandular", 1, 2.5),
        ("RF", "Barium swallow", "dap", 20, 120),
        ("XA", "Coronary angiography", "dap", 100, 500),
        ("XA", "Coronary angiography", "fluoro", 240, 900),
        ("NM", "Whole body bone scan", "activity", 500, 740),
        ("PT", "PET whole body", "activity", 200, 400),
    ],
)
def test_doses_are_those_of_real_machines(modality: str, description: str, name: str, low: float, high: float):
    assert low <= mean(modality, description, name) <= high


@pytest.mark.parametrize("modality", ["MR", "US", "OT"])
def test_without_radiation_nothing_is_told(modality: str):
    series = scanned(modality)

    assert dose.total(series) == {}
    assert dose.in_words(series) == ""
    assert len(dose_module.module(modality, series)) == len(dose_module.announced(modality)) == 0


def test_the_dose_grows_with_the_images_and_is_none_without_any():
    half, whole = dose.total(scanned("CT", share=0.5)), dose.total(scanned("CT"))

    assert 0 < half["dlp"] < whole["dlp"]
    assert half["ctdivol"] == whole["ctdivol"]
    assert dose.total(scanned("CT", share=0.0)) == {}
    assert len(dose_module.module("CT", scanned("CT", share=0.0))) == 0


def test_a_mean_at_the_skin_is_weighed_by_the_exposures():
    one, other = (
        Series(uid="1", label="", technique="", planned=n, images=n, dose={"entrance": e, "exposures": n}) for n, e in ((1, 4), (3, 8))
    )

    assert dose.total([one, other]) == {"exposures": 4, "entrance": 7}


@pytest.mark.parametrize("modality", RADIATION)
def test_the_module_holds_what_such_a_machine_tells(modality: str):
    told = dose_module.module(modality, scanned(modality, "abdomen"))

    assert {element.keyword for element in told} == set(dose_module.KEYWORDS[modality])
    assert {element.keyword for element in dose_module.announced(modality)} == set(dose_module.KEYWORDS[modality])
    for element in told:
        assert attributes.row(element.keyword).vr == element.VR
    assert encode(told, EXPLICIT_VR_LITTLE_ENDIAN)


def test_the_documentation_lists_what_each_machine_tells():
    documented = {kind: row[1] for row in modality_docs.rows("Series and dose") for kind in row[0].split(", ")}

    assert documented == {kind: ", ".join(keywords) for kind, keywords in dose_module.KEYWORDS.items()} | {"MR": "none", "US": "none"}


def test_a_ct_tells_its_dlp_where_the_module_has_room_for_it():
    series = scanned("CT")
    told = dose_module.module("CT", series)
    values = dose.total(series)

    assert told.CommentsOnRadiationDose == f"DLP {values['dlp']:.1f} mGy.cm, CTDIvol {values['ctdivol']:.1f} mGy"
    assert told.TotalNumberOfExposures == len(told.ExposureDoseSequence) == 2  # the reformats took none
    assert told.ExposureDoseSequence[0].KVP == 120
    assert dose.in_words(series).startswith(f"DLP {values['dlp']:.1f} mGy·cm, CTDIvol")


def test_messages_with_a_dose_are_as_the_standard_wants_them():
    created = performed.in_progress([worklist_item()], CT01, NOW, "PPS1")
    created.update(dose_module.announced("CT"))
    exam = exams.of(created, NOW, memory.SCHEDULED, "RIS at h:1", "1.2.3")
    exams.make_plan(exam, Random(1))
    exams.acquire_next(exam)
    stored = datasets.from_dataset(created)
    progress = datasets.from_dataset(exams.progress(exam, CT01))
    ended = datasets.from_dataset(exams.final(exam, CT01, "COMPLETED", NOW, None))

    assert checking.settle(Verb.N_CREATE, checking.problems_of_create(stored), strict=True) == []
    for message in (progress, ended):
        assert checking.settle(Verb.N_SET, checking.problems_of_set(message, stored), strict=True) == []
    assert datasets.text(ended, "CommentsOnRadiationDose").startswith("DLP ")


def test_a_console_shows_the_dose_in_the_units_of_the_machine():
    series = scanned("CT")

    assert [what for _, what in readings(series)] == ["DLP, mGy·cm", "CTDIvol, mGy"]
    assert of_series(series[2]) == ""
    assert of_series(series[1]) == f"{series[1]['dose']['dlp']:.1f}"
    assert [what for _, what in readings(scanned("RF"))] == ["DAP, dGy·cm²", "fluoroscopy, s", "exposures"]
