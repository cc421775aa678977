"""`python -m tests.support.exams NUMBER`: a process that performs exams and then waits to be ended, as a DICOM process would."""

import os
import signal
import sys


def main(number: int) -> None:
    """Print the accession number of each exam once its completion is committed."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stepwise.settings")
    import django

    django.setup()
    from tests.support.hospital import an_order, steps_of
    from tests.support.performing import perform

    for _ in range(number):
        order = an_order()
        perform(steps_of(order))
        sys.stdout.write(f"performed {order.accession_number}\n")
        sys.stdout.flush()
    signal.pause()


if __name__ == "__main__":
    main(int(sys.argv[1]))
