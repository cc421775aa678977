"""`python -m bench.stock PORT`: stock pynetdicom with the same read model, predicate and answers, as one writes it by its manual."""

import os
import sys
from collections.abc import Iterator

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import ModalityWorklistInformationFind, Verification

AE_TITLE = "STOCK"


def handle_find(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
    """C-FIND out of the worklist of the default site, answers made as data sets."""
    from ris.queries import default_site
    from worklist import answers, find, item, query

    asked = query.parse(event.identifier)
    for page in find.find(default_site(), asked):
        for entry in page:
            if event.is_cancelled:
                yield 0xFE00, None
                return
            yield 0xFF00, answers.compose(asked, item.decode(entry.item), (item.UTF_8,))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stepwise.settings")
    import django

    django.setup()
    ae = AE(AE_TITLE)
    ae.maximum_associations = 1000
    ae.add_supported_context(Verification)
    ae.add_supported_context(ModalityWorklistInformationFind)
    ae.start_server(("127.0.0.1", int(sys.argv[1])), evt_handlers=[(evt.EVT_C_FIND, handle_find)])
