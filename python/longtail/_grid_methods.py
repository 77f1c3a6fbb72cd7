"""The pieces of a multigrid method as functions of tensors."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from longtail._grid_operator import GridOperator
from longtail._grid_ops import LEVEL_OPS, SMOOTHERS, Method, iterate
from longtail._multigrid_arguments import out_of_autocast

_DEFAULT_OMEGA = {"rbgs": 1.0, "jacobi": 0.8, "chebyshev": 1.0}
#: Of V-cycles, by axes: more of them leave more to the smoother. Between Neumann sides cycles with
#: 1 leave 0.22 (two axes) and 0.31 (three), with these 0.14 and 0.17; where spacings of three axes
#: are as unlike as they may be before one waits, 0.31 and 0.15.
_OVER_RELAXED = {2: 1.1, 3: 1.15}


def _check_op(name: str, op: Any) -> None:
    if not isinstance(op, GridOperator):
        raise TypeError(
            f"{name}: op must be a GridOperator (poisson_stencil, diffusion_stencil), got "
            f"{type(op).__name__}"
        )


def _sweeps(name: str, argument: str, count: Any) -> int:
    if isinstance(count, bool) or not isinstance(count, int):
        raise TypeError(f"{name}: {argument} must be an int, got {type(count).__name__}")
    if not 0 <= count < 10**6:
        raise ValueError(f"{name}: {argument}: got {count}, expected 0 to 999999")
    return count


def _omega(name: str, kind: Any, omega: Any) -> float:
    if kind not in SMOOTHERS:
        raise ValueError(f"{name}: kind: got {kind!r}, expected one of {SMOOTHERS}")
    if omega is None:
        return _DEFAULT_OMEGA[kind]
    if isinstance(omega, bool) or not isinstance(omega, (int, float)):
        raise TypeError(f"{name}: omega must be a float or None, got {type(omega).__name__}")
    if kind == "chebyshev":
        raise ValueError(f"{name}: omega: got {omega}, but kind='chebyshev' has none")
    if not 0 < omega < 2:
        raise ValueError(f"{name}: omega: got {omega}, expected a number between 0 and 2")
    return float(omega)


def _cycle_omega(name: str, kind: Any, omega: Any, op: GridOperator, symmetric: bool) -> float:
    if omega is None and kind == "rbgs" and not symmetric:
        return _OVER_RELAXED[len(op.sizes)]
    return _omega(name, kind, omega)


def _run(name: str, u: Tensor | None, f: Tensor, op: GridOperator, method: Method) -> Tensor:
    values = {"f": f} if u is None else {"u": u, "f": f}
    batch, rows, systems = op.arranged(name, values)
    start = None if u is None else rows[0]
    result = iterate(op.packed(systems, rows[-1]), start, rows[-1], method, op.where)
    return result.reshape(*batch, *op.sizes)


def smooth(
    u: Tensor | None,
    f: Tensor,
    op: GridOperator,
    kind: str = "rbgs",
    steps: int = 1,
    omega: float | None = None,
    *,
    reverse: bool = False,
) -> Tensor:
    """What some sweeps of a smoother make of u, towards ``op(u) = f``.

    Args:
        u: ``[..., H, W]`` or ``[..., D, H, W]`` of op's sizes and dtype, or None: 0.
        f: as u; batches of u, f and op broadcast.
        op: of ``poisson_stencil`` or ``diffusion_stencil``, or one of its ``levels``.
        kind: ``"rbgs"``: Gauss-Seidel, red points first (the sum of indices even), then black; on
            coarse levels, whose points have neighbours across corners too, 4 or 8 colours.
            ``"jacobi"``, or ``"chebyshev"``: the polynomial of degree ``steps`` that is smallest on
            [b / 4, b], b being Gershgorin's bound on the eigenvalues of A over its diagonal.
        steps: sweeps.
        omega: how far each goes; None: 1, of Jacobi 4/5. Not of ``"chebyshev"``.
        reverse: the last colour first.

    Returns:
        A new tensor. It computes in its own dtype, so that float32 iterates come to rest, whatever
        the number of sweeps. On 1023 x 1023 points their relative residual then is, for a random f,
        3e-5 (float32 cycles). For a smooth f, as rounding u moves A u by eps / h^2, 5e-3 (float32
        cycles).

    Gradients: in u and f, exact (the reverse method), to any order and in forward mode; in the
    coefficient of op NotImplementedError.

    Raises:
        TypeError: an op that is none, another dtype.
        ValueError: shapes that do not fit, a wrong name or number.
    """
    name = "smooth"
    _check_op(name, op)
    omega = _omega(name, kind, omega)
    method = Method(kind, _sweeps(name, "steps", steps), None, omega, bool(reverse), False)
    return _run(name, u, f, op, method)


def residual(u: Tensor, f: Tensor, op: GridOperator) -> Tensor:
    """``f - op(u)``. Gradients in u and f, and in the coefficient of a finest op.

    Args:
        u: as of ``smooth``.
        f: as of ``smooth``.
        op: as of ``smooth``.

    Returns:
        A new tensor.
    """
    _check_op("residual", op)
    u, f = out_of_autocast(u), out_of_autocast(f)
    op.check("residual", "f", f)
    op.check("residual", "u", u)
    return (f - op(u)).contiguous()


def _transfer(name: str, argument: str, values: Tensor, op: GridOperator, to: int) -> Tensor:
    _check_op(name, op)
    if op.level + 1 == len(op.levels):
        raise ValueError(f"{name}: op: level {op.level} of {len(op.levels)} has no coarser one")
    batch, (rows,), systems = op.arranged(name, {argument: values}, coarser=1 - to)
    result = LEVEL_OPS[name](op.packed(systems, rows), rows, op.where)
    return result.reshape(*batch, *op.levels[op.level + to].sizes)


def restrict(r: Tensor, op: GridOperator) -> Tensor:
    """A right-hand side or residual of ``op`` on the next coarser level: P^T r, the transpose of
    ``prolong``. With ``op.levels[k + 1] = P^T A P`` that is the right-hand side of the best
    correction; its values are sums over fine points, not means.

    Args:
        r: ``[..., sizes of op]``.
        op: the finer level.

    Returns:
        ``[..., sizes of op.levels[op.level + 1]]``. Gradients in r.
    """
    return _transfer("restrict", "r", r, op, 1)


def prolong(e: Tensor, op: GridOperator) -> Tensor:
    """Values of the next coarser level on ``op``: P e. Between coarse points they follow the
    operator, so that they bend where the coefficient jumps; where it is constant they are linear.

    Args:
        e: ``[..., sizes of op.levels[op.level + 1]]``.
        op: the finer level.

    Returns:
        ``[..., sizes of op]``. Gradients in e.
    """
    return _transfer("prolong", "e", e, op, 0)


def v_cycle(
    u: Tensor | None,
    f: Tensor,
    op: GridOperator,
    *,
    pre: int = 1,
    post: int = 1,
    kind: str = "rbgs",
    omega: float | None = None,
    symmetric: bool = False,
) -> Tensor:
    """What one V-cycle makes of u, towards ``op(u) = f``.

    What a V(1,1)-cycle of ``poisson_stencil`` leaves of a residual at last, at most: 0.06 (2-D
    vertex, Dirichlet), 0.2 (2-D vertex, Neumann), 0.05 (2-D vertex, periodic), 0.2 (2-D vertex, odd
    periodic), 0.05 (2-D cell, Dirichlet), 0.2 (2-D cell, Neumann), 0.05 (2-D cell, periodic), 0.2
    (2-D cell, odd periodic), 0.09 (3-D vertex, Dirichlet), 0.18 (3-D vertex, Neumann), 0.09 (3-D
    cell, Dirichlet), 0.21 (3-D cell, Neumann). V(2,1): 0.06 (2-D vertex, Dirichlet), 0.14 (2-D
    vertex, Neumann), 0.04 (2-D vertex, periodic), 0.1 (2-D vertex, odd periodic), 0.04 (2-D cell,
    Dirichlet), 0.15 (2-D cell, Neumann), 0.04 (2-D cell, periodic), 0.1 (2-D cell, odd periodic),
    0.06 (3-D vertex, Dirichlet), 0.13 (3-D vertex, Neumann), 0.06 (3-D cell, Dirichlet), 0.15 (3-D
    cell, Neumann). Sizes to 1023, in three dimensions to 127. Odd periodic: sizes that are no
    powers of 2.

    Args:
        u: as of ``smooth``; None: 0.
        f: as of ``smooth``.
        op: as of ``smooth``; the cycle goes from its level to the coarsest, which is solved.
        pre: sweeps on the way down.
        post: sweeps on the way up.
        kind: of smoother, as of ``smooth``.
        omega: as of ``smooth``, but None: of ``"rbgs"`` 1.1 with two axes, 1.15 with
            three, and 1 if ``symmetric``, as more would not help there.
        symmetric: colours in reverse order on the way up, so that with pre = post the cycle from 0
            is a symmetric positive definite function of f, as conjugate gradients need it. Alone it
            converges slower.

    Returns:
        A new tensor; dtype and precision, gradients and errors as of ``smooth``.
    """
    name = "v_cycle"
    _check_op(name, op)
    omega = _cycle_omega(name, kind, omega, op, bool(symmetric))
    before, after = _sweeps(name, "pre", pre), _sweeps(name, "post", post)
    return _run(name, u, f, op, Method(kind, before, after, omega, False, bool(symmetric)))


def full_multigrid(
    f: Tensor,
    op: GridOperator,
    *,
    cycles: int = 1,
    pre: int = 1,
    post: int = 1,
    kind: str = "rbgs",
    omega: float | None = None,
) -> Tensor:
    """A solution of ``op(u) = f`` about as good as the grid: from the coarsest level, which is
    solved, to the finest, each beginning with what the coarser one found.

    Beside a smooth solution of -Laplace u = f, over the error of the discrete solution, with one
    V(1,1) a level, at most: 1.5 (error), 1 (distance). The latter is that from the discrete
    solution.

    Args:
        f: as of ``smooth``.
        op: as of ``smooth``.
        cycles: V-cycles on each level.
        pre: as of ``v_cycle``.
        post: as of ``v_cycle``.
        kind: as of ``v_cycle``.
        omega: as of ``smooth``.

    Returns:
        A new tensor; dtype and precision, gradients and errors as of ``smooth``.
    """
    name = "full_multigrid"
    _check_op(name, op)
    omega = _omega(name, kind, omega)
    before, after = _sweeps(name, "pre", pre), _sweeps(name, "post", post)
    method = Method(kind, before, after, omega, False, False)
    count = _sweeps(name, "cycles", cycles)
    f = out_of_autocast(f)
    op.check(name, "f", f)
    levels = op.levels[op.level :]
    right = [f]
    for level in levels[:-1]:
        right.append(restrict(right[-1], level))
    u = _run(name, None, right[-1], levels[-1], method)
    for level, of_level in zip(reversed(levels[:-1]), reversed(right[:-1]), strict=True):
        u = prolong(u, level)
        for _ in range(count):
            u = _run(name, u, of_level, level, method)
    return u
