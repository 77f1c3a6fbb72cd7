"""What needs a process of its own: times under the malloc that users have, and peak memory. Prints
JSON:

    python bench/peers/_longconv_apart.py seconds KERNEL LENGTH THREADS REPEATS
    python bench/peers/_longconv_apart.py memory KERNEL LENGTH THREADS PROVIDER
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT)]

from bench.kit.parts import WARM  # noqa: E402
from bench.peers._longconv_calls import OURS, TORCH, calls, drawn  # noqa: E402

#: glibc gives every block from 64 KB on back when it is freed: what is resident is in use.
EXACT = {"MALLOC_MMAP_THRESHOLD_": str(1 << 16), "MALLOC_TRIM_THRESHOLD_": "0"}


def _ask(*arguments: object, **settings: str) -> Any:
    plain = {name: value for name, value in os.environ.items() if name not in WARM}
    command = [sys.executable, __file__, *map(str, arguments)]
    found = subprocess.run(
        command, env=plain | settings, check=True, capture_output=True, text=True
    )
    return json.loads(found.stdout)


def seconds_by_default(
    kernel: str, length: int, threads: int, repeats: int
) -> dict[str, list[float]]:
    """Of ours and of torch, taking turns, where malloc is as users have it."""
    found: dict[str, list[float]] = _ask("seconds", kernel, length, threads, repeats)
    return found


def peak_megabytes(kernel: str, length: int, threads: int, provider: str) -> float:
    """What one call needs beyond its inputs (and the spectrum that is held)."""
    return float(_ask("memory", kernel, length, threads, provider, **EXACT))


def _seconds(kernel: str, length: int, threads: int, repeats: int) -> dict[str, list[float]]:
    run = calls(kernel, *drawn(length), threads)
    samples: dict[str, list[float]] = {OURS: [], TORCH: []}
    for turn in range(repeats + 1):
        for name, times in samples.items():
            start = time.perf_counter()
            run[name]()
            if turn:  # the first does not count
                times.append(time.perf_counter() - start)
    return samples


def _status(field: str) -> int:
    """KiB, from /proc (getrusage gives the parent's too)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def _memory(kernel: str, length: int, threads: int, provider: str) -> float:
    calls(kernel, *drawn(16), threads)[provider]()  # code that is loaded on first use
    run = calls(kernel, *drawn(length), threads)[provider]
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts here
    before = _status("VmRSS")
    y = run()
    peak = _status("VmHWM") - before
    del y
    return peak / 1024


def main() -> None:
    """One of the two."""
    what, kernel, length, threads, last = sys.argv[1:]
    torch.set_num_threads(int(threads))
    if what == "seconds":
        print(json.dumps(_seconds(kernel, int(length), int(threads), int(last))))
    else:
        print(json.dumps(_memory(kernel, int(length), int(threads), last)))


if __name__ == "__main__":
    main()
