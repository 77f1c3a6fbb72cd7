"""``python -m robustness.leaks FAMILY REPEATS``: calls everything of a family so often, prints what
memory that left behind, and fails where it is too much."""

from __future__ import annotations

import gc
import sys

import torch

from kit.many import growth
from robustness.census import CALLS

#: Of the heap, behind each call: the smallest block that malloc gives has 32 bytes, so a leak in
#: every other call shows. What stays is the growth of caches and of lists that double.
MOST_HEAP = 16
#: A leak shows in every run. Dictionaries that double and caches that fill, a kilobyte now and
#: then, show in one of six runs of 40 calls, and have in three that followed each other.
MOST_RUNS = 12
#: Resident, in all: the allocator keeps pages as it likes, a leak of 200 bytes a call would be 2 MB
#: after 10,000.
MOST_RESIDENT = 2 << 20


def too_much(heap: float, resident: int) -> bool:
    return heap > MOST_HEAP or resident > MOST_RESIDENT


def main(family: str, repeats: int) -> int:
    torch.set_num_threads(1)
    gc.freeze()  # what is imported: looking through it takes longer than forty calls
    leaks = 0
    for name, call in CALLS[family].items():
        runs = [growth(call, repeats)]
        while too_much(*runs[-1]) and len(runs) < MOST_RUNS:
            runs.append(growth(call, repeats))
        heap, resident = runs[-1]
        leaks += too_much(heap, resident)
        print(
            f"{heap:8.2f} bytes a call, {resident / 1024:8.0f} KiB in all, "
            f"{len(runs)} runs of {repeats}: {name}",
            flush=True,
        )
    return leaks


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
