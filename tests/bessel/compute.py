"""Runs longtail at many points in a process of its own, since a process has one CPU level.

``python -m bessel.compute IN OUT`` evaluates every job of IN (see `run`) on the level that
LONGTAIL_CPU_LEVEL names.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit.processes import run_script

Array = NDArray[np.float64]


class Job(NamedTuple):
    """A function, or a partial derivative of it, at points of one dtype."""

    function: str
    partial: tuple[int, int]
    dtype: str
    first: Array
    second: Array


def run(jobs: list[Job], level: str) -> list[Array]:
    """The results of all jobs on one CPU level, as float64."""
    with tempfile.TemporaryDirectory() as folder:
        inputs, outputs = Path(folder, "in.npz"), Path(folder, "out.npz")
        arrays = {
            name: array
            for k, job in enumerate(jobs)
            for name, array in ((f"first{k}", job.first), (f"second{k}", job.second))
        }
        what = json.dumps([(job.function, job.partial, job.dtype) for job in jobs])
        np.savez(inputs, what=np.array(what), **arrays)
        used = run_script(
            "bessel.compute", str(inputs), str(outputs), LONGTAIL_CPU_LEVEL=level
        ).split()[-1]
        assert used == level, f"asked for level {level}, ran on {used}"
        with np.load(outputs) as results:
            return [results[f"result{k}"] for k in range(len(jobs))]


def evaluate(job: Job) -> Array:
    """One job in this process."""
    import torch

    import longtail

    dtype = getattr(torch, job.dtype)
    first, second = (torch.from_numpy(each).to(dtype) for each in (job.first, job.second))
    if job.partial == (0, 0):
        result = getattr(longtail, job.function)(first, second)
    else:
        derivative = getattr(torch.ops.longtail, f"{job.function}_derivative")
        result = derivative(first, second, *job.partial)
    assert result.dtype == dtype
    return np.asarray(result.double().numpy())


def main(inputs: str, outputs: str) -> None:
    from longtail import _native

    with np.load(inputs) as stored:
        jobs = [
            Job(function, tuple(partial), dtype, stored[f"first{k}"], stored[f"second{k}"])
            for k, (function, partial, dtype) in enumerate(json.loads(str(stored["what"])))
        ]
    results = {f"result{k}": evaluate(job) for k, job in enumerate(jobs)}
    np.savez(outputs, **results)
    print(_native.cpu_level())


if __name__ == "__main__":
    main(*sys.argv[1:])
