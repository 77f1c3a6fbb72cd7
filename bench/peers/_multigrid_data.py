"""Darcy data, samples a second, beside SciPy's SuperLU. Part of
bench/peers/multigrid.py.

Everything from the random numbers to u: fields, coefficients, system, solution to 1e-8 (stored as
float32, the default: to 1e-6, whose error is below the rounding). The rival
does the same in SciPy: idctn, a sparse matrix whose pattern is made before, splu in its default
order and in that for symmetric patterns. One thread of BLAS, the fastest for factors of this
size.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.fft
import scipy.sparse
import scipy.sparse.linalg
import threadpoolctl
import torch

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT)]

from bench.kit.bars import Bar  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from bench.kit.runner import Provider, interleave, timed  # noqa: E402
from longtail.data import GaussianRandomField, darcy_dataset  # noqa: E402

KERNEL = "darcy_dataset"
OURS, STORED, FIELD = "longtail", "longtail, stored as float32", "longtail, fields alone"
SYMMETRIC: dict[str, Any] = {"diag_pivot_thresh": 0.0, "options": {"SymmetricMode": True}}
ORDERS: dict[str, dict[str, Any]] = {
    "SuperLU": {},
    "SuperLU, MMD": {"permc_spec": "MMD_AT_PLUS_A", **SYMMETRIC},
}
#: size -> samples a call of ours, of SuperLU.
CASES = {64: (128, 4), 128: (32, 2), 256: (8, 1)}
BAR_SIZE, BAR = 64, 20


class Rival:
    """Darcy problems in SciPy, all that does not depend on the sample made before."""

    def __init__(self, size: int, order: str) -> None:
        self.size = size
        self.options = ORDERS[order]
        k = np.arange(size)
        self.gain = size * 3.0 / (np.pi**2 * (k[:, None] ** 2 + k**2) + 9.0)
        self.gain[0, 0] = 0
        number = np.arange(size**2)
        grid = number.reshape(size, size)
        front = np.concatenate([grid[:, :-1].ravel(), grid[:-1].ravel()])
        behind = np.concatenate([grid[:, 1:].ravel(), grid[1:].ravel()])
        rows = np.concatenate([number, front, behind])
        columns = np.concatenate([number, behind, front])
        self.to_csc = np.lexsort((rows, columns))
        self.rows = rows[self.to_csc].astype(np.int32)
        self.starts = np.searchsorted(columns[self.to_csc], np.arange(size**2 + 1)).astype(np.int32)

    def field(self, generator: np.random.Generator) -> Any:
        """The random coefficient."""
        xi = generator.standard_normal((self.size, self.size))
        g = scipy.fft.idctn(self.gain * xi, type=2, norm="ortho")
        return np.where(g >= 0, 12.0, 3.0)

    def solve(self, a: Any) -> Any:
        """u of f = 1."""
        n = self.size
        x = 2 * a[:, 1:] * a[:, :-1] / (a[:, 1:] + a[:, :-1]) * n**2
        y = 2 * a[1:] * a[:-1] / (a[1:] + a[:-1]) * n**2
        diagonal = np.zeros((n, n))
        diagonal[:, 1:] += x
        diagonal[:, :-1] += x
        diagonal[1:] += y
        diagonal[:-1] += y
        for side in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
            diagonal[side] += 2 * a[side] * n**2
        beside = -np.concatenate([x.ravel(), y.ravel()])
        values = np.concatenate([diagonal.ravel(), beside, beside])[self.to_csc]
        matrix = scipy.sparse.csc_matrix((values, self.rows, self.starts))
        factors = scipy.sparse.linalg.splu(matrix, **self.options)
        return factors.solve(np.ones(n**2)).reshape(n, n)

    def samples(self, count: int) -> None:
        """So many, from the random numbers on."""
        generator = np.random.default_rng(0)
        for _ in range(count):
            self.solve(self.field(generator))


def measure_size(size: int, threads: int, repeats: int, once: bool) -> list[Record]:
    """All providers, taking turns; ``once``: SciPy, which ignores threads, too."""
    many, few = CASES[size]
    rivals = {order: Rival(size, order) for order in ORDERS}
    field = GaussianRandomField(size)
    calls: dict[str, tuple[Callable[[], Any], int]] = {
        OURS: (partial(darcy_dataset, many, size, dtype=torch.float64), many),
        STORED: (partial(darcy_dataset, many, size), many),
        FIELD: (partial(field.sample, many), many),
    }
    if once:
        for order, rival in rivals.items():
            calls[order] = (partial(rival.samples, few), few)
    providers = [
        Provider(name, timed(call), count, threads) for name, (call, count) in calls.items()
    ]
    data = darcy_dataset(2, size, dtype=torch.float64)
    exact = np.stack([rivals["SuperLU, MMD"].solve(a) for a in data.a.numpy()])
    difference = np.abs(data.u.numpy() - exact) / np.abs(exact).max()
    error = float(difference.max()), float(np.median(difference))
    records = []
    for timing in interleave(providers, repeats):
        name = timing.provider.name
        row = timing.record("multigrid", KERNEL, f"{size}^2", error if name == OURS else None)
        row.extra["samples_a_second"] = 1e9 / row.median
        row.extra["note"] = f"{1e9 / row.median:.1f} samples a second"
        records.append(row)
    return records


@torch.no_grad()
def measure(threads: tuple[int, ...], repeats: int, quick: bool) -> list[Record]:
    """Every size at every number of threads."""
    result: list[Record] = []
    with threadpoolctl.threadpool_limits(limits=1, user_api="blas"):
        for count in threads:
            torch.set_num_threads(count)
            for size in (BAR_SIZE,) if quick else CASES:
                result += measure_size(size, count, repeats, count == threads[0])
    return result


def bars(rows: list[Record]) -> list[Bar]:
    """Of multigrid.md, one thread: 20 times the rate of the fastest SuperLU."""
    rates = {
        row.provider: float(row.extra["samples_a_second"])
        for row in rows
        if row.case == f"{BAR_SIZE}^2" and row.threads == 1
    }
    if not rates:
        return []
    rival = max(rates[order] for order in ORDERS)
    return [Bar(f"darcy_dataset, {BAR_SIZE}^2, over SuperLU's rate", rates[OURS] / rival, BAR)]
