"""Errors of coefficient gradients, and whether they repeat, beside the scheme of the peers.

The peers' kernels (KAT's and FlashKAT's, for CUDA) add float32 contributions to one accumulator by
atomics, in whatever order the blocks arrive. They need a GPU; here their scheme is re-expressed on
the CPU: the same float32 contributions, added one after the other in a random order, each element
on its own (as KAT's kernel has it) or summed by blocks of 1024 first (as FlashKAT's has it).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

import longtail
from bench.kit.records import Record

from ._rational_functions import GROUPS, Problem, eager

BLOCK = 1024
Pair = tuple[Tensor, Tensor]


def measure(problem: Problem) -> list[Record]:
    """A record for each way: the largest error of a row, relative to its norm, against float64;
    in `extra`, whether a repeat and another number of threads give the same bits."""
    exact = problem.gradients(eager, torch.float64)[1:]

    def by_autograd(function: Callable[..., Tensor]) -> Callable[[int], Pair]:
        def run(repeat: int) -> Pair:
            _, first, second = problem.gradients(function)
            return first, second

        return run

    ways = {
        "longtail": (by_autograd(longtail.rational), True),
        "eager, Horner": (by_autograd(eager), True),
        "atomics by element, on a CPU": (partial(atomics, problem, 1), False),
        "atomics by block, on a CPU": (partial(atomics, problem, BLOCK), False),
    }
    result = []
    for name, (run, threaded) in ways.items():
        torch.set_num_threads(2)
        got, again = run(0), run(1)
        torch.set_num_threads(1)
        single = run(0) if threaded else None
        error = [float(_row_error(a, b)) for a, b in zip(got, exact, strict=True)]
        row = Record(
            *("rational", "coefficient gradients", "version A, (5, 4)", name, 2),
            *(problem.x.numel(), 0.0, 0.0, 0.0),
            dtype="float32",
            max_error=max(error),
            median_error=min(error),
        )
        row.extra = {
            "d_numerator": error[0],
            "d_denominator": error[1],
            "repeats_bit_equal": _equal(got, again),
            "threads_bit_equal": None if single is None else _equal(got, single),
        }
        result.append(row)
    return result


def _row_error(got: Tensor, exact: Tensor) -> Tensor:
    return ((got.double() - exact).norm(dim=1) / exact.norm(dim=1)).max()


def _equal(one: Pair, other: Pair) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def atomics(problem: Problem, block: int, seed: int) -> Pair:
    """d_numerator [1, 6] and d_denominator [groups, 4] by float32 sums in a random order."""
    x, numerator, denominator, grad = problem
    x, grad = (each.unflatten(-1, (GROUPS, -1)) for each in (x, grad))
    p = sum(a * x**i for i, a in enumerate(numerator[0]))
    size = x.abs()
    q = 1 + sum(
        b.abs().unsqueeze(-1) * size**j for j, b in enumerate(denominator.unbind(1), start=1)
    )
    t = grad / q
    y = p / q
    rng = np.random.default_rng(seed)
    # One row of coefficients for all groups: every element adds to the same accumulators.
    d_numerator = [_sum(t * x**i, block, rng) for i in range(numerator.shape[1])]
    d_denominator = torch.zeros_like(denominator)
    for j in range(denominator.shape[1]):
        part = -t * y * size ** (j + 1)
        for g in range(GROUPS):
            sign = -1.0 if denominator[g, j] < 0 else 1.0
            d_denominator[g, j] = sign * _sum(part[..., g, :], block, rng)
    return torch.tensor([d_numerator]), d_denominator


def _sum(terms: Tensor, block: int, rng: np.random.Generator) -> float:
    """Blocks in float32, then one after the other in a random order."""
    flat = terms.flatten().numpy()
    if block > 1:
        flat = np.add.reduceat(flat, np.arange(0, len(flat), block), dtype=np.float32)
    return float(np.add.accumulate(rng.permutation(flat), dtype=np.float32)[-1])


def show(rows: list[Record]) -> None:
    """The records as a table."""
    print(f"\n{'coefficient gradients':30} {'d_numer.':>9} {'d_denom.':>9} {'repeat':>7} threads")
    words = {True: "same", False: "differ", None: "-"}
    for row in rows:
        e = row.extra
        print(
            f"{row.provider:30} {e['d_numerator']:9.2g} {e['d_denominator']:9.2g} "
            f"{words[e['repeats_bit_equal']]:>7} {words[e['threads_bit_equal']]}"
        )
