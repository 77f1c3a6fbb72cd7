"""A process that makes a data set and is killed at every step on the way to the disk.

    python killed_generation.py FOLDER

For each m: a child that is killed (SIGKILL) when it calls fsync the m-th time, another that goes on
and is killed at its second, and one that ends. Each m has its folder, FOLDER/m; FOLDER/whole is
never interrupted.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from longtail.data import darcy_dataset

SAMPLES, SIZE, CHUNK = 10, 6, 3


def generate(folder: Path, fsyncs: int | None) -> None:
    """Until the end, or the fsync of that number."""
    if fsyncs is not None:
        left = fsyncs
        plain: Callable[[int], None] = os.fsync

        def fsync(descriptor: int) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            plain(descriptor)

        os.fsync = fsync
    darcy_dataset(SAMPLES, SIZE, out=folder, chunk=CHUNK)


def in_a_child(folder: Path, fsyncs: int | None) -> None:
    """Makes sure that it was killed, or was not."""
    child = os.fork()
    if child == 0:
        generate(folder, fsyncs)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if fsyncs is None:
        assert status == 0, status
    else:
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, status


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    generate(folder / "whole", None)  # here, so that no child has to import what it needs
    # Two of the manifest and two of each chunk: of the file, and of the folder after the rename.
    chunks = -(-SAMPLES // CHUNK)
    for m in range(1, 2 + 2 * chunks + 1):
        in_a_child(folder / str(m), m)
        if m < 2 * chunks:
            in_a_child(folder / str(m), 2)
        in_a_child(folder / str(m), None)
    print("killed at", m, "steps")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
