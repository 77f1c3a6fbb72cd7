"""-Laplace u - k^2 a u = f with waves that leave: the operator, and a direct solver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from longtail._random_fields import positive_number
from longtail._solve_result import ConvergenceError

#: Corrections by the same factors; one is enough where the factors are any good.
_CORRECTIONS = 2


class HelmholtzOperator:
    r"""The discrete :math:`-\Delta u - k^2 a u` at centres of cells, for any Krylov method.

    Second differences; at each side waves may leave (impedance, the absorbing condition of first
    order): :math:`\partial u / \partial n = i k \sqrt{a} u`, u at a side being the mean of the two
    cells about it. For waves :math:`e^{-i \omega t}`. The matrix is complex symmetric; the error is
    of second order.

    Args:
        a: ``[..., H, W]``, float64 or float32, positive: the square of the index of refraction.
        wavenumber: k.
        spacing: of the cells: a number, one for each axis, or None: the unit square.

    Attributes:
        diagonal: complex ``[..., H, W]``.

    Raises:
        TypeError, ValueError: arguments that do not fit.
    """

    def __init__(
        self, a: Tensor, wavenumber: float, spacing: float | Sequence[float] | None = None
    ) -> None:
        name = "HelmholtzOperator"
        if not isinstance(a, Tensor) or a.dtype not in (torch.float64, torch.float32):
            got = a.dtype if isinstance(a, Tensor) else type(a).__name__
            raise TypeError(f"{name}: a is {got}, expected torch.float64 or torch.float32")
        if a.dim() < 2 or a.shape[-1] == 0 or a.shape[-2] == 0:
            raise ValueError(f"{name}: a has shape {list(a.shape)}, expected [..., H, W]")
        if a.numel() and not bool((a > 0).all()):
            raise ValueError(f"{name}: a: the smallest value is {a.min()}, expected positive ones")
        k = positive_number(name, "wavenumber", wavenumber)
        sizes = tuple(a.shape[-2:])
        if spacing is None:
            steps = [1 / n for n in sizes]
        else:
            steps = list(spacing) if isinstance(spacing, Sequence) else [spacing] * 2
            if len(steps) != 2:
                raise ValueError(f"{name}: spacing: got {spacing}, expected one for each of 2 axes")
            steps = [positive_number(name, "spacing", h) for h in steps]
        self.sizes = sizes
        self.spacing = tuple(steps)
        self.diagonal = self._diagonal(a, k)

    def _diagonal(self, a: Tensor, k: float) -> Tensor:
        result = torch.complex(-(k * k) * a, torch.zeros_like(a))
        waves = k * a.sqrt()
        for axis, (n, h) in enumerate(zip(self.sizes, self.spacing)):
            dim = axis - 2
            shape = [n] + [1] * (-dim - 1)
            place = torch.arange(n, device=a.device).reshape(shape)
            sides = (place == 0).to(a.dtype) + (place == n - 1).to(a.dtype)
            # 1 / h^2 for each neighbour; at a side -i w / (h (1 - i w h / 2)) instead.
            leaves = waves / (h * (1 + (waves * (h / 2)) ** 2))
            result = result + torch.complex(
                (2 - sides) / h**2 + sides * leaves * waves * (h / 2), -sides * leaves
            )
        return result

    def __call__(self, u: Tensor) -> Tensor:
        """A u, complex, ``[..., H, W]``; batches broadcast. Differentiable in u."""
        if tuple(u.shape[-2:]) != self.sizes:
            raise ValueError(
                f"HelmholtzOperator: u has shape {list(u.shape)}, expected [..., "
                f"{self.sizes[0]}, {self.sizes[1]}]"
            )
        result = self.diagonal * u
        for axis, h in enumerate(self.spacing):
            dim = axis - 2
            zero = torch.zeros_like(u.narrow(dim, 0, 1))
            inner = u.narrow(dim, 0, self.sizes[axis] - 1), u.narrow(dim, 1, self.sizes[axis] - 1)
            beside = torch.cat([zero, inner[0]], dim) + torch.cat([inner[1], zero], dim)
            result = result - beside / h**2
        return result

    def sparse(self) -> Tensor:
        """The matrix as ``sparse_csr``, of one a."""
        if self.diagonal.dim() != 2:
            raise NotImplementedError(
                f"HelmholtzOperator.sparse: a batch of shape {list(self.diagonal.shape[:-2])}, "
                "expected one a"
            )
        crow, col, value, where = (torch.from_numpy(each) for each in self._pattern())
        values = value.to(self.diagonal.dtype)
        values[where] = self.diagonal.detach().cpu().flatten()
        size = self.diagonal.numel()
        result: Tensor = torch.sparse_csr_tensor(
            crow, col, values, (size, size), check_invariants=False
        )
        return result.to(self.diagonal.device)

    def _pattern(self) -> tuple[Any, Any, Any, Any]:
        """Rows, columns and values of the symmetric matrix without its diagonal, which goes to the
        places that are last."""
        number = np.arange(self.sizes[0] * self.sizes[1]).reshape(self.sizes)
        rows, columns, values = [number.ravel()], [number.ravel()], [np.zeros(number.size)]
        for axis, h in enumerate(self.spacing):
            front = np.delete(number, -1, axis).ravel()
            behind = np.delete(number, 0, axis).ravel()
            rows += [front, behind]
            columns += [behind, front]
            values += [np.full(2 * front.size, -1 / h**2)]
        row, column, value = (np.concatenate(each) for each in (rows, columns, values))
        by_row = np.lexsort((column, row))
        starts = np.zeros(number.size + 1, dtype=np.int64)
        np.cumsum(np.bincount(row, minlength=number.size), out=starts[1:])
        return starts, column[by_row], value[by_row], np.flatnonzero(by_row < number.size)


class DirectSolver:
    """Solves one problem after the other on a grid, by SuperLU in an order for symmetric
    patterns with pivots near the diagonal, and corrections by the true residual."""

    def __init__(self, sizes: tuple[int, ...], wavenumber: float, tol: float) -> None:
        try:
            import scipy.sparse
            import scipy.sparse.linalg
            import threadpoolctl
        except ImportError as error:
            raise ImportError(
                "helmholtz_dataset solves by scipy.sparse.linalg.splu, with threadpoolctl: pip "
                f"install 'longtail[data]' ({error})"
            ) from error
        self._sparse = scipy.sparse
        self._libraries = threadpoolctl.ThreadpoolController()
        self._wavenumber = wavenumber
        self._tol = tol
        pattern = HelmholtzOperator(torch.ones(sizes), wavenumber)._pattern()
        starts, columns, self._values, self._where = pattern
        self._starts, self._columns = starts.astype(np.int32), columns.astype(np.int32)

    def __call__(self, a: Tensor, f: Tensor) -> tuple[Tensor, float]:
        """Of float64 ``[H, W]``: u, complex128, and its relative residual."""
        # Threads of BLAS would round by their number, and make panels of this size slower.
        with self._libraries.limit(limits=1, user_api="blas"):
            return self._solved(a, f)

    def _solved(self, a: Tensor, f: Tensor) -> tuple[Tensor, float]:
        operator = HelmholtzOperator(a, self._wavenumber)
        values = self._values.astype(np.complex128)
        values[self._where] = operator.diagonal.numpy().ravel()
        # Symmetric: its rows are its columns.
        matrix = self._sparse.csc_matrix((values, self._columns, self._starts))
        factors = self._sparse.linalg.splu(
            matrix, "MMD_AT_PLUS_A", diag_pivot_thresh=0.01, options={"SymmetricMode": True}
        )
        right = f.numpy().ravel().astype(np.complex128)
        size = _norm(right)
        u = factors.solve(right)
        for correction in range(_CORRECTIONS + 1):
            rest = right - matrix @ u
            residual = _norm(rest) / size if size else 0.0
            if residual <= self._tol:
                return torch.from_numpy(u.reshape(a.shape)), residual
            if correction < _CORRECTIONS:
                u = u + factors.solve(rest)
        raise ConvergenceError(
            f"helmholtz_dataset: relative residual {residual:.2e} of a direct solve with "
            f"{_CORRECTIONS} corrections, tol {self._tol:.2e}"
        )


def _norm(x: Any) -> float:
    """Summed by numpy, in one order always; BLAS has an order for each number of threads."""
    return float(np.sqrt(np.square(np.abs(x)).sum()))
