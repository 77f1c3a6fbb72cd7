"""Linear systems by Krylov methods: matrix-free, batched, differentiable.

``A`` is a dense tensor, a ``sparse_csr`` tensor or anything that can be called: a stencil, a
function, an ``nn.Module``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from torch import Tensor

from longtail import _krylov_arguments as arguments
from longtail._krylov_arguments import LinearOperator
from longtail._krylov_autograd import MakeMethod, solve
from longtail._krylov_cg import ConjugateGradients
from longtail._krylov_gcrodr import Gcrodr
from longtail._krylov_minres import MinimalResiduals
from longtail._krylov_order import recycling_order
from longtail._krylov_recycle import Recycle, recycled_space
from longtail._krylov_system import Method, System
from longtail._progress import Report
from longtail._solve_result import ConvergenceError, SolveResult

__all__ = [
    "ConvergenceError",
    "LinearOperator",
    "Recycle",
    "SolveResult",
    "cg",
    "gcrodr",
    "minres",
    "pcg",
    "recycling_order",
]


OnFail = Literal["raise", "warn"]


def cg(
    A: LinearOperator,
    b: Tensor,
    *,
    tol: float | None = None,
    max_iterations: int | None = None,
    initial: Tensor | None = None,
    dims: int = 1,
    params: Sequence[Tensor] = (),
    on_fail: OnFail = "raise",
    progress: bool | Report = False,
) -> SolveResult:
    r"""Solve :math:`A x = b` by conjugate gradients; A symmetric (Hermitian) positive definite.

    Vectors and scalar products are float64 (complex128) for float32 too, and A is asked in the
    dtype of b. Convergence is judged by the true residual, computed anew in float64; where rounding
    in A kept it large the method starts again from there. A dense or sparse float32 matrix has its
    residual in float64; a callable as well if it takes float64 tensors.

    Args:
        A: ``[n, n]`` or ``[..., n, n]``, dense or (without batch) sparse_csr, in the dtype of b; or
            a callable, or an object with ``apply`` or ``@``, that maps a tensor of the shape of b
            to one of the same shape, linearly, each batch item by itself. Called as
            ``A(x, *params)``.
        b: ``[..., n]``, float32, float64, complex64 or complex128. With ``dims=2`` a grid
            ``[..., H, W]`` is one vector, with 3 ``[..., D, H, W]``. All other dimensions are a
            batch, in which every item converges and stops by itself.
        tol: relative residual; None: 1e-8 (float64), 1e-4 (float32).
        max_iterations: None: 10 for each unknown, at most 20,000.
        initial: where to start, if its residual is smaller than b; no gradient flows into it.
        dims: trailing dimensions of b that are one vector.
        params: tensors that a callable A is made of: these, b and a tensor A have gradients, what a
            callable closes over has none.
        on_fail: "raise": :class:`ConvergenceError` if an item does not converge; "warn":
            RuntimeWarning, and ``converged`` says which.
        progress: True for a bar, or a callable (done, total, note).

    Returns:
        :class:`SolveResult`: solution, iterations, residual, residual_returned, converged. Where b
        is 0 the solution is 0; where b has a value that is not finite it is nan, not converged,
        and nothing is raised.

    Raises:
        TypeError, ValueError, NotImplementedError: arguments that do not fit.
        ConvergenceError: see on_fail. The message says why: out of iterations, negative curvature
            (A is not positive definite), A not symmetric, values that are not finite.

    Derivatives: exact in b, in the values of a tensor A and in params, of every order, by one more
    solve with the same tolerance for each (the adjoint method; only x is kept); forward mode and
    ``torch.func`` too, but for sparse tensors, which torch's transforms do not take. Entries of a
    matrix count as independent: the gradient is not symmetrised. The tolerance bounds gradients
    as well. The loop depends on values: ``torch.compile`` breaks the graph here.

    Iterations are those of SciPy's ``cg`` (within 2; ``tests/multigrid/test_krylov_cg.py``).
    Source: Hestenes and Stiefel, 1952.
    """
    options = _options(tol, max_iterations, on_fail, progress, params)
    return _self_adjoint("cg", _make_cg, A, b, None, initial, dims, options)


def pcg(
    A: LinearOperator,
    b: Tensor,
    preconditioner: LinearOperator,
    *,
    tol: float | None = None,
    max_iterations: int | None = None,
    initial: Tensor | None = None,
    dims: int = 1,
    params: Sequence[Tensor] = (),
    on_fail: OnFail = "raise",
    progress: bool | Report = False,
) -> SolveResult:
    """Solve ``A x = b`` by preconditioned conjugate gradients.

    Args:
        A: as :func:`cg`.
        b: as :func:`cg`.
        preconditioner: M, near the inverse of A, symmetric (Hermitian) positive definite and the
            same in every step: a tensor or a callable, as A. It is asked in the dtype of b (a
            tensor in its own) and may answer in a lower precision. It changes the way, not the
            solution: no gradient flows into it.
        tol: as :func:`cg`.
        max_iterations: as :func:`cg`.
        initial: as :func:`cg`.
        dims: as :func:`cg`.
        params: as :func:`cg`.
        on_fail: as :func:`cg`.
        progress: as :func:`cg`.

    Returns, raises, derivatives: as :func:`cg`; a preconditioner that is not positive definite is
    named.
    """
    options = _options(tol, max_iterations, on_fail, progress, params)
    if preconditioner is None:
        raise TypeError("pcg: preconditioner is None, expected a tensor or a callable; or use cg")
    return _self_adjoint("pcg", _make_cg, A, b, preconditioner, initial, dims, options)


def minres(
    A: LinearOperator,
    b: Tensor,
    *,
    preconditioner: LinearOperator | None = None,
    tol: float | None = None,
    max_iterations: int | None = None,
    initial: Tensor | None = None,
    dims: int = 1,
    params: Sequence[Tensor] = (),
    on_fail: OnFail = "raise",
    progress: bool | Report = False,
) -> SolveResult:
    """Solve ``A x = b`` by minimal residuals; A symmetric (Hermitian), definite or not.

    Args:
        A: as :func:`cg`, but may have eigenvalues of both signs, and be singular where b is in its
            range.
        b: as :func:`cg`.
        preconditioner: as in :func:`pcg`: positive definite even where A is not.
        tol: as :func:`cg`; of the 2-norm, with a preconditioner too.
        max_iterations: as :func:`cg`.
        initial: as :func:`cg`.
        dims: as :func:`cg`.
        params: as :func:`cg`.
        on_fail: as :func:`cg`.
        progress: as :func:`cg`.

    Returns, raises, derivatives: as :func:`cg`.

    Source: Paige and Saunders, "Solution of sparse indefinite systems of linear equations", 1975.
    """
    options = _options(tol, max_iterations, on_fail, progress, params)
    return _self_adjoint("minres", _make_minres, A, b, preconditioner, initial, dims, options)


def gcrodr(
    A: LinearOperator,
    b: Tensor,
    *,
    recycle: Recycle | None = None,
    tol: float | None = None,
    restart: int = 30,
    recycle_size: int = 10,
    preconditioner: LinearOperator | None = None,
    max_iterations: int | None = None,
    initial: Tensor | None = None,
    dims: int = 1,
    params: Sequence[Tensor] = (),
    adjoint: Callable[..., Any] | None = None,
    preconditioner_adjoint: Callable[..., Any] | None = None,
    on_fail: OnFail = "raise",
    progress: bool | Report = False,
) -> tuple[SolveResult, Recycle]:
    """Solve ``A x = b`` for any regular A by GCRO-DR, and keep what helps with the next system.

    GMRES(restart) that keeps, at each restart and from one problem to the next, the
    ``recycle_size`` harmonic Ritz vectors nearest 0: those that GMRES takes longest to find. It
    pays where restarts hurt and neighbours are alike: Helmholtz, convection; solve in the order of
    :func:`recycling_order`. For symmetric positive definite A use :func:`cg`, which is faster.

    Args:
        A: as :func:`cg`, of any kind that is regular.
        b: as :func:`cg`.
        recycle: from an earlier call on a problem of this shape (its batch may be ``[]`` for all
            items here); A and the preconditioner may have changed. Renewing it costs
            ``recycle_size`` products. None: start cold.
        tol: as :func:`cg`.
        restart: dimension of the space of a cycle, recycled vectors included. In float64 or
            complex128 it keeps ``restart + recycle_size + 1`` vectors.
        recycle_size: 0 to restart - 1; 0 is GMRES(restart).
        preconditioner: as in :func:`pcg`, applied from the right, of any regular kind.
        max_iterations: as :func:`cg`.
        initial: as :func:`cg`.
        dims: as :func:`cg`.
        params: as :func:`cg`.
        adjoint: for a callable A: ``adjoint(y, *params)`` gives ``A^H y``, for gradients. None: by
            reverse mode through A.
        preconditioner_adjoint: the same of the preconditioner, without params.
        on_fail: as :func:`cg`.
        progress: as :func:`cg`.

    Returns:
        :class:`SolveResult` as of :func:`cg`, where ``iterations`` counts products with A (those
        that renew a recycled space too), and the :class:`Recycle` for the next problem.

    Raises: as :func:`cg`. Derivatives: as :func:`cg`; the adjoint system is solved by the same
    method, without recycling.

    Source: Parks, de Sturler, Mackey, Johnson, Maiti, "Recycling Krylov subspaces for sequences of
    linear systems", 2006.
    """
    b, shape = arguments.right_hand_side("gcrodr", b, dims)
    restart = arguments.whole_number("gcrodr", "restart", restart, 1)
    kept = arguments.whole_number("gcrodr", "recycle_size", recycle_size, 0)
    if kept >= restart:
        raise ValueError(f"gcrodr: recycle_size: got {kept}, expected less than restart, {restart}")
    restart = max(1, min(restart, shape.size))
    kept = min(kept, restart - 1)

    def make(system: System, recycled: Tensor | None) -> Method:
        return Gcrodr(system, restart, kept, recycled)

    made, tensors = arguments.problem(
        "gcrodr",
        make,
        A,
        b,
        shape,
        self_adjoint=False,
        preconditioner=preconditioner,
        preconditioner_adjoint=preconditioner_adjoint,
        adjoint=adjoint,
        **_options(tol, max_iterations, on_fail, progress, params),
    )
    space = recycled_space(recycle, b, shape, kept)
    guess = arguments.initial_guess("gcrodr", initial, b)
    *result, learnt = solve(made, b, guess, space, *tensors)
    if learnt.dim() == 1:
        learnt = learnt.new_zeros((*shape.batch, 0, shape.size))
    kept_space = learnt.unflatten(-1, shape.item)
    return SolveResult(*result), Recycle(kept_space, dims)


def _options(
    tol: Any, max_iterations: Any, on_fail: Any, progress: Any, params: Any
) -> dict[str, Any]:
    """What all methods pass on."""
    return {
        "tol": tol,
        "max_iterations": max_iterations,
        "on_fail": on_fail,
        "progress": progress,
        "params": params,
    }


def _make_cg(system: System, recycled: Tensor | None) -> Method:
    return ConjugateGradients(system)


def _make_minres(system: System, recycled: Tensor | None) -> Method:
    return MinimalResiduals(system)


def _self_adjoint(
    name: str,
    make: MakeMethod,
    A: LinearOperator,
    b: Tensor,
    preconditioner: LinearOperator | None,
    initial: Tensor | None,
    dims: int,
    options: dict[str, Any],
) -> SolveResult:
    b, shape = arguments.right_hand_side(name, b, dims)
    made, tensors = arguments.problem(
        name,
        make,
        A,
        b,
        shape,
        self_adjoint=True,
        preconditioner=preconditioner,
        preconditioner_adjoint=None,
        adjoint=None,
        **options,
    )
    guess = arguments.initial_guess(name, initial, b)
    return SolveResult(*solve(made, b, guess, None, *tensors)[:5])
