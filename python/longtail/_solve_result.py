"""What every solver of longtail returns, and what it does where it fails."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import torch
from torch import Tensor

#: ``tol=None``: relative residuals that each dtype reaches on any problem worth solving in it.
_DEFAULT_TOL = {
    torch.float64: 1e-8,
    torch.complex128: 1e-8,
    torch.float32: 1e-4,
    torch.complex64: 1e-4,
}


class SolveResult(NamedTuple):
    """What a solver found, one entry a batch item in all but ``solution``.

    Attributes:
        solution: in the shape and dtype of the right-hand side.
        iterations: int64 ``[...]``, of each item by itself.
        residual: float64 ``[...]``: ``||b - A x|| / ||b||`` of the float64 iterate, computed anew
            in float64 at the end; 0 where b is 0, nan where b or A has values that are not finite.
        residual_returned: the same of ``solution``, which may have been rounded to float32.
        converged: bool ``[...]``: ``residual <= tol``.
    """

    solution: Tensor
    iterations: Tensor
    residual: Tensor
    residual_returned: Tensor
    converged: Tensor


class ConvergenceError(RuntimeError):
    """A solver with ``on_fail="raise"`` did not reach its tolerance; the message says why."""


def tolerance(name: str, tol: Any, dtype: torch.dtype) -> float:
    """``tol``, or that of the dtype where it is None."""
    if tol is None:
        return _DEFAULT_TOL[dtype]
    if isinstance(tol, bool) or not isinstance(tol, (int, float)):
        raise TypeError(f"{name}: tol must be a float or None, got {type(tol).__name__}")
    if not 0 < tol < 1:
        raise ValueError(f"{name}: tol: got {tol!r}, expected a number between 0 and 1")
    return float(tol)


def check_on_fail(name: str, on_fail: Any) -> None:
    """One of the two words."""
    if on_fail not in ("raise", "warn"):
        raise ValueError(f"{name}: on_fail: got {on_fail!r}, expected 'raise' or 'warn'")


def report_failure(message: str, on_fail: str) -> None:
    """Raises ConvergenceError, or warns."""
    if on_fail == "raise":
        raise ConvergenceError(message)
    warnings.warn(message, RuntimeWarning, stacklevel=2)
