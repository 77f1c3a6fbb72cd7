"""Memory of a benchmark: the peak of a call, in a process of its own whose malloc is as users have
it, and what this one may give back before."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from .parts import WARM


def megabytes_of(script: str, *arguments: str) -> float:
    """What ``print_growth`` says at the end of the script, called with those arguments."""
    plain = {name: value for name, value in os.environ.items() if name not in WARM}
    command = [sys.executable, script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=plain)
    return float(done.stdout.split()[-1])


def print_growth(call: Callable[[], object]) -> None:
    """By how much this process's peak grows in a call, in MB."""
    before = peak()
    call()
    print((peak() - before) / 1024)


def growth(call: Callable[[], object]) -> float:
    """By how much a call grows this process at its peak, in MB, whatever it had before."""
    give_back()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts here
    before = _status("VmRSS")
    result = call()
    grown = (_status("VmHWM") - before) / 1024
    del result
    return grown


def peak() -> int:
    """The most memory that this process has had, in KiB (getrusage gives its parent's too)."""
    return _status("VmHWM")


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def give_back() -> None:
    """What malloc keeps for later (a benchmark's does, many GB) to the system, so that there is
    room for another process."""
    ctypes.CDLL(None).malloc_trim(0)
