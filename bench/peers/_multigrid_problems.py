"""The boundary-value problems of bench/peers/multigrid.py: each once as tensors, for those who need
no matrix, and once as a matrix of the same numbers."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT)]

from bench.peers._multigrid_krylov import darcy  # noqa: E402
from longtail.data import GaussianRandomField  # noqa: E402

TOL = 1e-8
LOW, HIGH = 3.0, 12.0


@dataclass
class Problem:
    """``matrix x = f``; a is the coefficient of a Darcy problem, whose unknowns are at cells."""

    case: str
    f: Tensor
    matrix: sp.csr_matrix
    a: Tensor | None = None

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(self.f.shape)

    @property
    def right(self) -> np.ndarray:
        """f as a vector."""
        return self.f.numpy().ravel()

    def residual(self, x: np.ndarray) -> float:
        """That of x, over the size of f: the same for everybody."""
        rest = self.right - self.matrix @ x.ravel()
        return float(np.linalg.norm(rest) / np.linalg.norm(self.right))


def laplacian(sizes: tuple[int, ...]) -> sp.sparray:
    """-Laplace at the vertices inside the unit box, u = 0 around."""
    result = sp.csr_array((1, 1))
    for n in sizes:
        steps = [np.full(n - 1, -1.0), np.full(n, 2.0), np.full(n - 1, -1.0)]
        axis = sp.diags_array(steps, offsets=[-1, 0, 1]) * float(n + 1) ** 2
        before = result.shape[0]
        result = sp.kron(result, sp.eye_array(n)) + sp.kron(sp.eye_array(before), axis)
    return result


def as_rivals_take_it(matrix: sp.sparray) -> sp.csr_matrix:
    """PyAMG and SuperLU want this class and these integers."""
    result = sp.csr_matrix(matrix)
    result.sort_indices()
    result.indices = result.indices.astype(np.int32)
    result.indptr = result.indptr.astype(np.int32)
    return result


def poisson(n: int, dims: int = 2) -> Problem:
    """A random right-hand side: all frequencies, the hardest for a smoother alone."""
    f = torch.from_numpy(np.random.default_rng(0).standard_normal((n,) * dims))
    matrix = as_rivals_take_it(laplacian((n,) * dims))
    return Problem(f"Poisson {n}^{dims}", f, matrix)


def flow(n: int) -> Problem:
    """The recipe of darcy_dataset: two phases, by the sign of a random field, and f = 1."""
    field = GaussianRandomField(n).sample(1, seed=0)[0]
    a = torch.where(field >= 0, HIGH, LOW).to(torch.float64)
    f = torch.ones(n, n, dtype=torch.float64)
    return Problem(f"Darcy {n}^2", f, as_rivals_take_it(darcy(n, a.numpy())), a)


FULL: dict[str, Callable[[], Problem]] = {
    "Poisson 1023^2": functools.partial(poisson, 1023),
    "Poisson 511^2": functools.partial(poisson, 511),
    "Darcy 511^2": functools.partial(flow, 511),
    "Poisson 127^3": functools.partial(poisson, 127, 3),
}
#: One of each kind, for the first call of everybody.
TINY: tuple[Callable[[], Problem], ...] = (
    functools.partial(poisson, 31),
    functools.partial(flow, 31),
    functools.partial(poisson, 7, 3),
)
QUICK: dict[str, Callable[[], Problem]] = {
    "Poisson 127^2": functools.partial(poisson, 127),
    "Darcy 127^2": functools.partial(flow, 127),
    "Poisson 31^3": functools.partial(poisson, 31, 3),
}
