"""`python -m tests.chaos --exams N --database sqlite|postgresql`: what it saw in one line; exit status 1 with what does not add up."""

import argparse
import os
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--exams", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=120.0, help="how long the exams take, about")
    parser.add_argument("--kill-every", type=float, default=2.0, help="mean seconds between two kills")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    asked = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stepwise.settings")
    import django

    django.setup()
    from tests.chaos.exams import Failed
    from tests.chaos.killing import sessions_of
    from tests.chaos.play import play
    from tests.support.postgres import start_postgres
    from tests.support.stack import running_stack

    server, url = start_postgres() if asked.database == "postgresql" else (None, "")
    database = {"DATABASE_URL": url} if url else {}
    sessions = partial(sessions_of, server.get_pid()) if server else None
    under = Path(tempfile.mkdtemp(prefix="stepwise-chaos-"))
    try:
        with running_stack(under / "data", RIS_DICOM_PROCESSES="2", **database) as stack:
            sys.stdout.write(f"{play(stack, asked.exams, asked.seed, asked.seconds, asked.kill_every, sessions)}\n")
    except (Failed, AssertionError) as error:
        sys.stdout.write(f"{error}\nIts data and log are in {under}.\n")
        return 1
    else:
        shutil.rmtree(under)
    finally:
        if server:
            server.cleanup()
    return 0


if __name__ == "__main__":
    sys.exit(main())
