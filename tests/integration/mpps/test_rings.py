"""Systems that send on to each other in a ring: what a modality reports goes round once, whatever they call themselves."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import pytest
from pydicom.dataset import Dataset

from dimse.scu import open_association
from dimse.server import DicomServer, ServerSettings
from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP
from dimse.uids import new_uid
from mpps import delivery, queueing
from mpps.destinations import DestinationData, save_destination
from mpps.models import Delivery, Destination, PerformedProcedureStep
from mpps.scp import MPPS
from ris.models import Site
from tests.support.hospital import ACTOR, a_site
from tests.support.mpps import a_create, an_end

pytestmark = pytest.mark.django_db(transaction=True)
State = Delivery.State
MOST_ROUNDS = 12


def a_change(**values: str) -> Dataset:
    change = Dataset()
    for keyword, value in values.items():
        setattr(change, keyword, value)
    return change


class Ring:
    """Hospitals with a server each; each has the next one as a destination, under a calling AE title that nobody has as a destination."""

    def __init__(self, sites: Sequence[Site], servers: Sequence[DicomServer]) -> None:
        self.first = sites[0]
        self.port = servers[0].port
        self.destinations: list[Destination] = []
        for at, site in enumerate(sites):
            to, server = sites[(at + 1) % len(sites)], servers[(at + 1) % len(sites)]
            calling = f"FROM_{site.ae_title}"[:16]
            data = DestinationData("Next", "127.0.0.1", server.port, to.ae_title, calling_ae_title=calling)
            self.destinations.append(save_destination(site, data, ACTOR))

    def run(self) -> int:
        """Let messages go round until none is left, and say how often everyone had a turn."""
        for rounds in range(MOST_ROUNDS):
            if not [delivery.deliver(one.pk) for one in self.destinations if one.deliveries.filter(state=State.WAITING).exists()]:
                return rounds
        raise AssertionError(f"they still tell each other after {MOST_ROUNDS} rounds")


@pytest.fixture(params=[2, 3])
def ring(request: pytest.FixtureRequest) -> Iterator[Ring]:
    first = a_site()
    others = [Site.objects.create(code=name, name=name, ae_title=name.upper(), time_zone=first.time_zone) for name in ("North", "South")]
    sites = [first, *others][: request.param]
    with ExitStack() as stack:
        servers = []
        for site in sites:
            servers.append(DicomServer([MPPS], ServerSettings(ae_title=site.ae_title, port=0)))
            servers[-1].start()
            stack.callback(servers[-1].stop)
        yield Ring(sites, servers)


@pytest.mark.parametrize(("run_before", "echoes"), [("every message", 5), ("the end", 5), ("nothing", 0)])
def test_what_a_modality_reports_goes_round_a_ring_once(ring: Ring, run_before: str, echoes: int) -> None:
    uid = new_uid()
    heartbeat = a_change(PerformedProcedureStepStatus="IN PROGRESS")
    changes = [a_change(PerformedProcedureStepDescription=text) for text in ("CT chest", "CT abdomen", "CT chest")]
    contexts = [MODALITY_PERFORMED_PROCEDURE_STEP]
    with open_association("127.0.0.1", ring.port, calling="CT01", called=ring.first.ae_title, contexts=contexts) as modality:
        assert modality.n_create(a_create(), uid).ok
        for change in [heartbeat, heartbeat, *changes]:
            if run_before == "every message":
                ring.run()
            assert modality.n_set(change, uid).ok
        if run_before != "nothing":
            ring.run()
        assert modality.n_set(an_end(), uid).ok
    ring.run()
    performed = PerformedProcedureStep.objects.filter(sop_instance_uid=uid)
    assert {(one.status, one.description) for one in performed} == {("COMPLETED", "CT chest")}
    assert performed.count() == len(ring.destinations)
    sent = [one.deliveries.filter(state=State.SENT).count() for one in ring.destinations]
    assert sent == [7] * len(ring.destinations), "nobody has to look after any"
    came_back = ring.destinations[0].deliveries.exclude(state=State.SENT)
    assert list(came_back.values_list("state", "text")) == [(State.REFUSED.value, queueing.CAME_BACK)] * echoes
