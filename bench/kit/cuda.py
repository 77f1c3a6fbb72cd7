"""What the benchmarks of CUDA kernels share: times by events, and their main program."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from .environment import environment
from .records import Record, write

ROTATION = 4  # copies of the inputs, together larger than the L2 cache at a million points


def by_events(call: Callable[[int], object]) -> Callable[[], float]:
    """Seconds of one call on the GPU; the argument counts the calls."""
    calls = 0

    def seconds() -> float:
        nonlocal calls
        start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        call(calls % ROTATION)
        stop.record()
        stop.synchronize()
        calls += 1
        return float(start.elapsed_time(stop)) / 1e3

    return seconds


def copy_of(count: int) -> Callable[[], float]:
    """A copy that moves so many bytes, half of them read and half written: the floor."""
    sources = [torch.empty(max(1, count // 8), device="cuda") for _ in range(ROTATION)]
    target = torch.empty_like(sources[0])
    return by_events(lambda i: target.copy_(sources[i]))


def run(
    script: str,
    about: str,
    small: Callable[[], None],
    measure: Callable[[int], list[Record]],
    repeats: int,
) -> int:
    """The command line of a script: exit status 1 without a GPU.

    Args:
        script: its path in the repository, for messages.
        about: its docstring, whose first line is the help.
        small: runs every kernel once, for compute-sanitizer.
        measure: given how often each time is taken; prints lines as it goes.
        repeats: how often, unless the user says otherwise.
    """
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=repeats)
    parser.add_argument("--small", action="store_true", help="each kernel once, on few points")
    parser.add_argument("--out", type=Path, help="a JSON lines file for the records")
    args = parser.parse_args()
    if not torch.cuda.is_available():
        print(f"{script}: this torch sees no GPU", file=sys.stderr)
        return 1
    if args.small:
        small()
        torch.cuda.synchronize()
        print("every kernel ran once")
        return 0
    records = measure(args.repeats)
    if args.out:
        block = environment(("numpy", "torch"))
        block["gpu"] = torch.cuda.get_device_name()
        block["cuda"] = torch.version.cuda
        write(args.out, block, records)
    return 0
