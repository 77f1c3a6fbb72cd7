"""Products with A that a sequence of 24 systems takes: Darcy 63^2 and Helmholtz 31^2. Part of
bench/peers/multigrid.py.

Darcy: coefficients 3 and 12 by the sign of a Gaussian random field, symmetric positive definite.
Helmholtz: -Laplace u - k^2 a u with absorbing sides in random smooth media, indefinite and complex.
Rivals: SciPy's gmres with the memory of ours, its gcrotmk, its cg. All to 1e-8, in float64, the
products counted by A itself; time of a system beside it. Recycling helps Helmholtz; for Darcy,
conjugate gradients are faster than anything that recycles, and the table says so.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as linalg
import torch

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT)]

from bench.kit.bars import Bar  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from longtail import krylov  # noqa: E402

SYSTEMS, QUICK, TOL = 24, 2, 1e-8
#: Points along a side.
DARCY_SIZE, HELMHOLTZ_SIZE, WAVENUMBER = 63, 31, 16.0
#: SciPy takes minutes for all: it gets every eighth system.
FEW = 8
RESTART, KEPT = 30, 10
DARCY, HELMHOLTZ = "krylov darcy", "krylov helmholtz"
COLD, RECYCLED, IN_ORDER = "longtail, cold", "longtail, recycled", "longtail, in order"
CG, SCIPY_CG = "longtail cg", "SciPy cg"
GMRES, GMRES_SAME, GCROT = "SciPy gmres(30)", f"SciPy gmres({RESTART + KEPT})", "SciPy gcrotmk"


class System:
    """A matrix that counts its products."""

    def __init__(self, matrix: sp.csr_array) -> None:
        self.matrix, self.products = matrix, 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch: sparse CSR is in beta
            parts = map(torch.from_numpy, (matrix.indptr, matrix.indices, matrix.data))
            self.torch = torch.sparse_csr_tensor(*parts, matrix.shape)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        self.products += 1
        return self.torch @ x

    def for_scipy(self) -> linalg.LinearOperator:
        """The same there."""

        def matvec(x: np.ndarray) -> np.ndarray:
            self.products += 1
            return self.matrix @ x

        return linalg.LinearOperator(self.matrix.shape, matvec, dtype=self.matrix.dtype)


def smooth_field(n: int, random: np.random.Generator, power: float) -> np.ndarray:
    """A Gaussian random field of cosines, n x n."""
    k = np.arange(12)
    size = (np.pi**2 * (k[:, None] ** 2 + k[None] ** 2) + 9) ** (-power / 2)
    size[0, 0] = 0
    waves = np.cos(np.pi * np.outer((np.arange(n) + 0.5) / n, k))
    field = waves @ (size * random.standard_normal(size.shape)) @ waves.T
    return field / np.abs(field).max()


def five_points(below: np.ndarray, left: np.ndarray, diagonal: np.ndarray) -> sp.csr_array:
    """A symmetric matrix of couplings to the previous row and column and a diagonal."""
    n = diagonal.shape[1]
    down, across = -below[1:].ravel(), -left.copy()
    across[:, 0] = 0
    bands = [down, across.ravel()[1:], diagonal.ravel(), across.ravel()[1:], down]
    return sp.diags_array(bands, offsets=[-n, -1, 0, 1, n]).tocsr()


def darcy(n: int, a: np.ndarray) -> sp.csr_array:
    """-div(a grad u), cell centres, harmonic faces, 0 at the sides."""
    framed = np.pad(a, 1, mode="edge")

    def faces(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return 2 * one * other / (one + other) * n**2

    below, left = (
        faces(framed[:-1, 1:-1], framed[1:, 1:-1]),
        faces(framed[1:-1, :-1], framed[1:-1, 1:]),
    )
    below[[0, -1]] *= 2
    left[:, [0, -1]] *= 2
    return five_points(
        below[:-1], left[:, :-1], below[:-1] + below[1:] + left[:, :-1] + left[:, 1:]
    )


def helmholtz(n: int, a: np.ndarray, wavenumber: float) -> sp.csr_array:
    """-Laplace u - k^2 a u, waves leave at the sides."""
    h = 1 / (n + 1)
    one = np.full((n, n), h**-2)
    diagonal = 4 * one - wavenumber**2 * a + 0j
    for side in (diagonal[0], diagonal[-1], diagonal[:, 0], diagonal[:, -1]):
        side += 1j * wavenumber / h
    return five_points(one, one.copy(), diagonal)


def problems(kind: str, quick: bool) -> tuple[list[sp.csr_array], torch.Tensor, np.ndarray]:
    """Systems in random order, what they are made of, and the right-hand side."""
    random = np.random.default_rng(0)
    count = QUICK if quick else SYSTEMS
    if kind == DARCY:
        n = DARCY_SIZE
        media = [np.where(smooth_field(n, random, 2.0) >= 0, 12.0, 3.0) for _ in range(count)]
        return [darcy(n, a) for a in media], torch.tensor(np.array(media)), np.ones(n * n)
    n, wavenumber = HELMHOLTZ_SIZE, WAVENUMBER
    # Media of one family: a path through three fields, sampled at random.
    fields = [smooth_field(n, random, 3.0) for _ in range(3)]
    places = random.uniform(0, np.pi, count)
    media = [
        1 + 0.3 * (fields[0] + np.cos(t) * fields[1] + np.sin(t) * fields[2]) / 2 for t in places
    ]
    b = random.standard_normal(n * n) + 1j * random.standard_normal(n * n)
    return [helmholtz(n, a, wavenumber) for a in media], torch.tensor(np.array(media)), b


def ours(
    matrices: list[sp.csr_array], b: np.ndarray, recycled: bool
) -> tuple[list[int], list[float], list[float]]:
    """Products, seconds and residuals of each system by gcrodr."""
    kept: krylov.Recycle | None = None
    rows = []
    for matrix in matrices:
        system, start = System(matrix), time.perf_counter()
        result, learnt = krylov.gcrodr(
            system, torch.from_numpy(b), recycle=kept, restart=RESTART, recycle_size=KEPT
        )
        rows.append((system.products, time.perf_counter() - start, float(result.residual)))
        kept = learnt if recycled else None
    products, seconds, residuals = zip(*rows, strict=True)
    return list(products), list(seconds), list(residuals)


def each(
    matrices: list[sp.csr_array], b: np.ndarray, solve: Callable[[System, np.ndarray], Any]
) -> tuple[list[int], list[float], list[float]]:
    """The same by a solver without memory."""
    rows = []
    for matrix in matrices:
        system, start = System(matrix), time.perf_counter()
        x = np.asarray(solve(system, b))
        seconds = time.perf_counter() - start
        rows.append((system.products, seconds, np.linalg.norm(b - matrix @ x) / np.linalg.norm(b)))
    products, seconds_of, residuals = zip(*rows, strict=True)
    return list(products), list(seconds_of), list(residuals)


def measure_kind(kind: str, threads: int, quick: bool) -> list[Record]:
    """All providers of a kind of system."""
    matrices, media, b = problems(kind, quick)
    order = krylov.recycling_order(media).tolist()
    few = matrices[::FEW]
    found = {
        COLD: ours(matrices, b, False),
        RECYCLED: ours(matrices, b, True),
        IN_ORDER: ours([matrices[i] for i in order], b, True),
    }
    rivals: dict[str, Callable[[System, np.ndarray], Any]] = {
        GMRES: lambda A, b: linalg.gmres(A.for_scipy(), b, rtol=TOL, restart=30, maxiter=2000)[0],
        GMRES_SAME: lambda A, b: linalg.gmres(
            A.for_scipy(), b, rtol=TOL, restart=RESTART + KEPT, maxiter=2000
        )[0],
        GCROT: lambda A, b: linalg.gcrotmk(
            A.for_scipy(), b, rtol=TOL, m=RESTART - KEPT, k=KEPT, maxiter=5000
        )[0],
    }
    if kind == DARCY:
        rivals[SCIPY_CG] = lambda A, b: linalg.cg(A.for_scipy(), b, rtol=TOL)[0]
        found[CG] = each(matrices, b, lambda A, b: krylov.cg(A, torch.from_numpy(b)).solution)
    for name, solve in rivals.items():
        found[name] = each(few, b, solve)
    case = f"{len(matrices)} systems of {len(b)}"
    return [record(kind, case, name, threads, len(b), *rows) for name, rows in found.items()]


def record(
    kind: str,
    case: str,
    provider: str,
    threads: int,
    unknowns: int,
    products: list[int],
    seconds: list[float],
    residuals: list[float],
) -> Record:
    """One line: nanoseconds an unknown of a system, and products with A."""
    quantiles = np.percentile(seconds, [50, 20, 80]) / unknowns * 1e9
    row = Record("multigrid", kind, case, provider, threads, unknowns, *map(float, quantiles))
    row.repeats = len(products)
    row.max_error, row.median_error = max(residuals), float(np.median(residuals))
    mean, milliseconds = float(np.mean(products)), 1e3 * float(np.mean(seconds))
    note = f"{mean:.0f} products, {milliseconds:.1f} ms a system"
    row.extra = {"products": mean, "milliseconds": milliseconds, "note": note}
    return row


@torch.no_grad()
def measure(threads: tuple[int, ...], repeats: int, quick: bool) -> list[Record]:
    """Both kinds, on the first number of threads: products do not depend on it."""
    torch.set_num_threads(threads[0])
    return [row for kind in (DARCY, HELMHOLTZ) for row in measure_kind(kind, threads[0], quick)]


def bars(rows: list[Record]) -> list[Bar]:
    """Recycling pays for Helmholtz; for Darcy, cg beats all that recycles. Of all systems: a short
    sequence says little."""
    if not all(row.case.startswith(f"{SYSTEMS} ") for row in rows):
        return []

    def products(kind: str, provider: str) -> float:
        return next(
            float(r.extra["products"]) for r in rows if (r.kernel, r.provider) == (kind, provider)
        )

    in_order = products(HELMHOLTZ, IN_ORDER)
    return [
        Bar("Helmholtz, gmres over in order", products(HELMHOLTZ, GMRES_SAME) / in_order, 2),
        Bar("Helmholtz, gcrotmk over in order", products(HELMHOLTZ, GCROT) / in_order, 1),
        Bar("Helmholtz, cold over in order", products(HELMHOLTZ, COLD) / in_order, 1.2),
        Bar("Helmholtz, unordered over in order", products(HELMHOLTZ, RECYCLED) / in_order, 1),
        Bar("Darcy, SciPy's cg over ours", products(DARCY, SCIPY_CG) / products(DARCY, CG), 0.98),
    ]
