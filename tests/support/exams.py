"""`python -m tests.support.exams NUMBER [PORT]`: a process that performs exams, and tells a PACS of them that listens on the port, and then
waits to be ended, as a DICOM process would."""

import os
import signal
import sys


def main(number: int, pacs: int = 0) -> None:
    """Print the accession number of each exam once its completion is committed."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stepwise.settings")
    import django

    django.setup()
    from mpps.destinations import DestinationData, save_destination
    from tests.support.hospital import ACTOR, a_site, an_order, steps_of
    from tests.support.performing import perform

    if pacs:
        save_destination(a_site(), DestinationData("PACS", "127.0.0.1", pacs, "PACS"), ACTOR)
    for _ in range(number):
        order = an_order()
        perform(steps_of(order))
        sys.stdout.write(f"performed {order.accession_number}\n")
        sys.stdout.flush()
    signal.pause()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
