"""Forward, and forward with all gradients, of functions that compute the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from .memory import print_growth
from .records import Record
from .runner import Provider, interleave, timed

Function = Callable[..., Tensor]
#: What a pass is given, and a gradient of the result.
Inputs = tuple[list[Tensor], Tensor]


def forward(function: Function, tensors: Sequence[Tensor], grad: Tensor) -> None:
    """The value alone."""
    with torch.no_grad():
        function(*tensors)


def both(function: Function, tensors: Sequence[Tensor], grad: Tensor) -> None:
    """Value and all gradients."""
    torch.autograd.grad(function(*tensors), tensors, grad)


TASKS = {"forward": forward, "forward+backward": both}


def errors(function: Function, written: Function, tensors: Sequence[Tensor]) -> tuple[float, float]:
    """Largest and median error over the largest element, against ``written`` in float64."""
    exact = written(*(each.detach().double() for each in tensors))
    error = (function(*tensors).detach().double() - exact).abs() / exact.abs().max()
    return float(error.max()), float(error.median())


def measure(
    names: tuple[str, str, str],
    functions: Mapping[str, Function],
    inputs: Inputs,
    threads: int,
    repeats: int,
    errors_of: Mapping[str, tuple[float, float]],
    megabytes: Mapping[str, float],
) -> list[Record]:
    """Both passes of every provider, an element of the result being the unit.

    ``names`` are the family, the kernel and the case; who lacks errors or memory has none.
    """
    (family, kernel, case), (tensors, grad) = names, inputs
    result = []
    for task, run in TASKS.items():
        providers = [
            Provider(name, timed(partial(run, each, tensors, grad)), grad.numel(), threads)
            for name, each in functions.items()
        ]
        for timing in interleave(providers, repeats):
            name = timing.provider.name
            record = timing.record(family, f"{kernel} {task}", case, errors_of.get(name))
            record.dtype = "float32"
            if name in megabytes:
                record.extra["peak_megabytes"] = megabytes[name]
            result.append(record)
    return result


def print_peak(function: Function, small: Inputs, inputs: Inputs) -> None:
    """The growth of this process's peak memory over both passes, in MB."""
    both(function, *small)  # libraries and compiled code are no part of it
    print_growth(partial(both, function, *inputs))


def show_peaks(rows: Sequence[Record]) -> None:
    """What both passes need beyond their inputs."""
    for row in rows:
        if "peak_megabytes" in row.extra and row.kernel.endswith("backward"):
            peak, kernel = row.extra["peak_megabytes"], row.kernel.split()[0]
            print(f"{kernel:14} {row.case:14} {row.provider:14} peak memory {peak:6.0f} MB")
