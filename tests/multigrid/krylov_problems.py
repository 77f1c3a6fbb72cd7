"""Systems for the tests of longtail.krylov, as SciPy matrices and as torch has them."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from torch import Tensor

from longtail.krylov import Recycle, gcrodr

#: With the relative residual that a solve in it reaches if nothing is asked.
every_dtype = pytest.mark.parametrize(
    ("dtype", "tol"),
    [
        (torch.float64, 1e-8),
        (torch.float32, 1e-4),
        (torch.complex128, 1e-8),
        (torch.complex64, 1e-4),
    ],
    ids=str,
)


def differences(n: int, weights: tuple[float, float, float]) -> sp.csr_array:
    """A tridiagonal matrix with constant diagonals."""
    bands = [np.full(n - 1, weights[0]), np.full(n, weights[1]), np.full(n - 1, weights[2])]
    return sp.diags_array(bands, offsets=[-1, 0, 1]).tocsr()


def laplace(n: int) -> sp.csr_array:
    """The 5-point -Laplace on n x n interior points of the unit square."""
    second, one = differences(n, (-1.0, 2.0, -1.0)), sp.eye_array(n)
    return ((sp.kron(second, one) + sp.kron(one, second)) * (n + 1) ** 2).tocsr()


def whirl(n: int, strength: float) -> sp.csr_array:
    """-Laplace u + v . grad u in a cavity whose flow v turns around: not symmetric."""
    first, one = differences(n, (-1.0, 0.0, 1.0)) * ((n + 1) / 2), sp.eye_array(n)
    x, y = np.meshgrid(*[np.arange(1, n + 1) / (n + 1)] * 2)
    along = strength * np.sin(np.pi * x) * np.cos(np.pi * y)
    across = -strength * np.cos(np.pi * x) * np.sin(np.pi * y)
    flow = sp.diags_array(along.ravel()) @ sp.kron(one, first)
    return (laplace(n) + flow + sp.diags_array(across.ravel()) @ sp.kron(first, one)).tocsr()


def helmholtz(n: int, wavenumber: float) -> sp.csr_array:
    """-Laplace u - k^2 a u that loses energy at all sides: complex, indefinite."""
    x = np.pi * np.arange(1, n + 1) / (n + 1)
    medium = 1 + 0.5 * np.outer(np.sin(2 * x), np.sin(3 * x)).ravel()
    edge = np.zeros((n, n))
    for side in (edge[0], edge[-1], edge[:, 0], edge[:, -1]):
        side += 1
    diagonal = 1j * wavenumber * (n + 1) * edge.ravel() - wavenumber**2 * medium
    return (laplace(n) + sp.diags_array(diagonal)).tocsr()


def as_torch(matrix: sp.csr_array) -> Tensor:
    """As sparse_csr."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of torch: in beta state
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr),
            torch.from_numpy(matrix.indices),
            torch.from_numpy(matrix.data),
            matrix.shape,
            check_invariants=True,
        )


def definite(n: int, *batch: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """Symmetric or Hermitian, with eigenvalues from about n to 5 n."""
    g = torch.Generator().manual_seed(seed)
    a = torch.randn(*batch, n, n, dtype=dtype, generator=g)
    return a @ a.mH + n * torch.eye(n, dtype=dtype)


def regular(n: int, *batch: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """Without any symmetry."""
    g = torch.Generator().manual_seed(seed)
    noise = torch.randn(*batch, n, n, dtype=dtype, generator=g)
    return noise + 3 * n**0.5 * torch.eye(n, dtype=dtype)


def randn(*shape: int, seed: int = 1, dtype: torch.dtype = torch.float64) -> Tensor:
    """Right-hand sides."""
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def relative_residual(A: Tensor, x: Tensor, b: Tensor) -> Tensor:
    """In float64 or complex128, by torch's dense product; A ``[..., n, n]``."""
    wide = torch.complex128 if b.is_complex() else torch.float64
    A, x, b = (each.to(wide) for each in (A, x, b))
    return (b - (A @ x.unsqueeze(-1)).squeeze(-1)).norm(dim=-1) / b.norm(dim=-1)


class Counted:
    """A callable that counts its products, for torch (called) and SciPy (matvec)."""

    def __init__(self, matrix: sp.csr_array) -> None:
        self.matrix, self.torch, self.products = matrix, as_torch(matrix), 0

    def __call__(self, x: Tensor) -> Tensor:
        self.products += 1
        return self.torch @ x

    def for_scipy(self) -> sp.linalg.LinearOperator:
        def matvec(x: np.ndarray) -> np.ndarray:
            self.products += 1
            return self.matrix @ x

        return sp.linalg.LinearOperator(self.matrix.shape, matvec, dtype=self.matrix.dtype)


def products_of_sequence(
    matrices: list[sp.csr_array], b: Tensor, *, recycled: bool, **options: int
) -> list[int]:
    """By gcrodr, checked to be solved; all products with A are counted."""
    products: list[int] = []
    recycle: Recycle | None = None
    for matrix in matrices:
        counted = Counted(matrix)
        result, learnt = gcrodr(counted, b, recycle=recycle, **options)
        recycle = learnt if recycled else None
        products.append(counted.products)
        left = np.linalg.norm(b.numpy() - matrix @ result.solution.numpy())
        assert left <= 1e-8 * float(b.norm())
    return products


def products_by_scipy(
    matrices: list[sp.csr_array],
    b: Tensor,
    solver: Callable[..., tuple[np.ndarray, int]],
    **options: int,
) -> list[int]:
    """The same by a solver of SciPy."""
    products: list[int] = []
    for matrix in matrices:
        counted = Counted(matrix)
        _, info = solver(counted.for_scipy(), b.numpy(), rtol=1e-8, **options)
        assert info == 0
        products.append(counted.products)
    return products
