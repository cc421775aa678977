"""Ending with the program that started the simulator."""

import ctypes
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def stop_when_parent_ends() -> None:
    """Have the kernel send SIGTERM when the parent ends; on Linux alone.

    Make passes no signal on when it is killed, and would leave the simulator running without a terminal.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
