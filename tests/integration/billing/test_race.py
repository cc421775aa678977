"""Two steps of one requested procedure that end at the same instant."""

import threading

import pytest
from django.db import connection

from billing.models import Charge
from mpps.models import PerformedProcedureStep
from tests.support.hospital import a_procedure, an_order, steps_of
from tests.support.performing import begin, end


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
@pytest.mark.parametrize("round_", range(3))
def test_exactly_one_charge_is_captured(round_: int) -> None:
    steps = steps_of(an_order(a_procedure("NMBONE", steps=("Injection", "Scan"))))
    begun = [begin([step]) for step in steps]
    together = threading.Barrier(len(begun))
    failures: list[BaseException] = []

    def work(performed: PerformedProcedureStep) -> None:
        try:
            together.wait(5)
            end(performed)
        except BaseException as error:  # noqa: BLE001  (shown by the test's own assertion)
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(performed,)) for performed in begun]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    assert Charge.objects.get().reason == "Completed with 48 images; both steps done"
