"""`python -m bench.exchanges make FILE` or `… count`: what is needed around a database whose exams are to be performed.

`make` writes the N-CREATE and N-SET of each entry of the worklist, encoded, into FILE; `count` prints how many charges were captured.
"""

import os
import pickle
import sys
from datetime import timedelta
from pathlib import Path
from random import Random


def make(file: Path) -> None:
    """A pickled list of pairs of bytes."""
    from bench.client import create_request, set_request
    from dimse.uids import new_uid
    from tests.support.scans import acquire
    from training import performed
    from worklist import item
    from worklist.models import WorklistEntry

    pairs, chance = [], Random(1)
    for entry in WorklistEntry.objects.filter(status="SCHEDULED").order_by("step_id"):
        dataset, uid = item.decode(entry.item), new_uid()
        device = performed.Device(entry.station_ae_titles.split("\\")[0], entry.modality, operator="WEBER^Jan")
        created = performed.in_progress([dataset], device, entry.start, f"PPS{entry.step_id}")
        series = acquire(device, "Bench", "BENCH", chance)
        ended = performed.final("COMPLETED", performed.what_is_done([dataset]), series, entry.start + timedelta(minutes=10))
        pairs.append((create_request(uid, created), set_request(uid, ended)))
    file.write_bytes(pickle.dumps(pairs))


def count() -> None:
    from billing.models import Charge
    from mpps.models import PerformedProcedureStep

    completed = PerformedProcedureStep.objects.filter(status="COMPLETED").count()
    print(completed, Charge.objects.count())


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stepwise.settings")
    import django

    django.setup()
    if sys.argv[1] == "make":
        make(Path(sys.argv[2]))
    else:
        count()
