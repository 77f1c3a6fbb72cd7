"""From a method to a result: corrections until the true residual, in float64, is small enough."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longtail._krylov_system import Flaw, Method, System, Watch
from longtail._krylov_vectors import norm, real_dot
from longtail._progress import Report
from longtail._scaling import power_of_two
from longtail._solve_result import report_failure

#: A method aims a little below the tolerance, so that what it did not see (rounding) does not
#: cost another correction.
_AIM = 0.98
#: A correction that leaves more than this of the residual was the last.
_WORTHWHILE = 0.5

_REASONS = {
    Flaw.CURVATURE: "A is not positive definite (negative curvature: p^H A p <= 0); use minres",
    Flaw.PRECONDITIONER: "the preconditioner is not positive definite (r^H M r <= 0)",
    Flaw.BREAKDOWN: "the method broke down: A is singular, or the residual no longer falls",
}


@dataclass(frozen=True)
class Limits:
    """When to stop, and what to say.

    Attributes:
        tol: relative residual wanted.
        max_iterations: of all corrections together.
        on_fail: "raise" or "warn".
        self_adjoint: whether the method needs ``A = A^H``.
    """

    tol: float
    max_iterations: int
    on_fail: str
    self_adjoint: bool


@dataclass(frozen=True)
class Found:
    """Of flat problems: x wide ``[batch, n]``, the rest ``[batch]``."""

    x: Tensor
    iterations: Tensor
    residual: Tensor
    residual_returned: Tensor
    converged: Tensor


def refine(
    system: System,
    method: Method,
    b: Tensor,
    initial: Tensor | None,
    limits: Limits,
    report: Report | None,
) -> Found:
    """Solve ``A x = b``, wide ``[batch, n]``, n > 0.

    The residual of each correction is computed anew in float64. With float32 problems this is
    iterative refinement; in float64 one correction is nearly always enough.
    """
    scale = power_of_two(b, 1)
    b = b / scale
    b_norm = norm(b)
    finite = b_norm.isfinite()
    x, r, size = torch.zeros_like(b), b, b_norm
    if initial is not None:
        start = initial / scale
        r_start = system.residual(b, start)
        nearer = norm(r_start) < b_norm  # never where that is not finite, or b is 0
        x, r = torch.where(nearer, start, x), torch.where(nearer, r_start, r)
        size = norm(r)
    wanted_size = limits.tol * b_norm
    watch = Watch(limits.max_iterations, b_norm, report)
    iterations = torch.zeros_like(finite, dtype=torch.int64)
    flaw, stopped = torch.zeros_like(iterations), ~finite | ~size.isfinite()
    while not watch.out_of_steps:
        wanted = ~stopped & (size > wanted_size)
        if not bool(wanted.any()):
            break
        step = method.correct(torch.where(wanted, r, 0.0), _AIM * wanted_size, watch)
        candidate = x + step.x
        r_new = system.residual(b, candidate)
        size_new = norm(r_new)
        taken = wanted & ~(size_new >= size)  # nan too: it shall be seen
        stopped = stopped | (wanted & ~(size_new <= _WORTHWHILE * size)) | (step.flaw != 0)
        x, r = torch.where(taken, candidate, x), torch.where(taken, r_new, r)
        size = torch.where(taken, size_new, size)
        iterations, flaw = iterations + step.iterations, torch.where(wanted, step.flaw, flaw)
    x = torch.where(finite, x, torch.nan)
    residual = torch.where(finite, _relative(size, b_norm), torch.nan)
    if system.shape.dtype == system.shape.wide:
        returned = residual.clone()
    else:
        unscaled = system.rounded(x * scale) / scale
        returned = _relative(norm(system.residual(b, unscaled)), b_norm)
        returned = torch.where(finite, returned, torch.nan)
    converged = residual <= limits.tol
    failed = ~converged & finite
    if bool(failed.any()):
        reason = _reason(system, b, failed, residual, flaw, watch, limits)
        report_failure(reason, limits.on_fail)
    columns = (iterations, residual, returned, converged)
    return Found(x * scale, *(column.squeeze(-1) for column in columns))


def _relative(size: Tensor, b_norm: Tensor) -> Tensor:
    return torch.where(b_norm == 0, 0.0, size / b_norm)


def _reason(
    system: System,
    b: Tensor,
    failed: Tensor,
    residual: Tensor,
    flaw: Tensor,
    watch: Watch,
    limits: Limits,
) -> str:
    """The message of a failure: the worst problem, and why."""
    order = residual.nan_to_num(torch.inf)
    worst = int(torch.where(failed, order, -1.0).argmax())
    place = [int(i) for i in torch.unravel_index(torch.tensor(worst), system.shape.batch or (1,))]
    where = f" (batch item {place})" if system.shape.batch else ""
    why = "it ran out of iterations" if watch.out_of_steps else "rounding errors stop it"
    if limits.self_adjoint and (skew := _skewness(system, b)[worst].item()) > _SKEW:
        why = f"A is not {'Hermitian' if b.is_complex() else 'symmetric'}"
        why = f"{why} ((A b)^H A b and b^H A A b differ by {skew:.1e}); use gcrodr"
    elif not bool(residual[worst].isfinite()):
        why = "A or the preconditioner gives values that are not finite"
    elif int(flaw[worst]):
        why = _REASONS[Flaw(int(flaw[worst]))]
    return (
        f"{system.name}: {int(failed.sum())} of {len(b)} problems did not converge after "
        f"{watch.steps} iterations: relative residual {float(residual[worst]):.1e}{where}, "
        f"tol {limits.tol:g}: {why}"
    )


#: Relative difference of two products that are equal for a Hermitian A, as rounding may leave it.
_SKEW = 1e-5


def _skewness(system: System, b: Tensor) -> Tensor:
    """Of A on b: 0 if A is Hermitian."""
    b = system.rounded(b)
    image = system.product(b)
    square, other = real_dot(image, image), real_dot(b, system.product(system.rounded(image)))
    return (square - other).abs() / torch.where(square > 0, square, 1.0)
