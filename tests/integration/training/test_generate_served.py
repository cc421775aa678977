"""A load is served over the network like everything else."""

import pytest
from django.db import connections

from dimse import scu
from dimse.server import DicomServer, ServerSettings
from dimse.services import MODALITY_WORKLIST
from ris import clock
from stepwise.associations import decide
from tests.support.load import TUESDAY, a_hospital, generate
from tests.support.worklist import identifier
from worklist.models import WorklistEntryStation
from worklist.scp import WORKLIST


@pytest.mark.django_db(transaction=True)
def test_a_modality_gets_its_day_over_the_network(settings) -> None:
    settings.UNKNOWN_CALLERS = "accept"
    with clock.standing_at(TUESDAY):
        site = a_hospital()
        generate(steps=100, days=1)
        day = f"{clock.today(site):%Y%m%d}"
    server = DicomServer([WORKLIST], ServerSettings(ae_title=site.ae_title, port=0, policy=decide))
    server.start()
    try:
        asked = identifier({"ScheduledStationAETitle": "CT01", "ScheduledProcedureStepStartDate": day}, PatientName="", AccessionNumber="")
        with scu.open_association(
            "127.0.0.1", server.port, calling="CT01", called=site.ae_title, contexts=[MODALITY_WORKLIST]
        ) as association:
            answers = list(association.find(asked))
    finally:
        server.stop(grace=2)
        connections.close_all()
    assert len(answers) == WorklistEntryStation.objects.filter(ae_title="CT01", local_date=day).count() > 0
    assert all(answer.PatientName and answer.AccessionNumber for answer in answers)
