"""One equation of flow, and who solves it: ours, PyAMG, SuperLU and SciPy's conjugate gradients."""

from __future__ import annotations

import contextlib
import importlib.util
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from longtail.data import GaussianRandomField
from longtail.multigrid import (
    GridOperator,
    MultigridSolver,
    diffusion_stencil,
    residual,
    v_cycle,
)

OURS, PYAMG, SUPERLU, CG = "longtail", "PyAMG", "SuperLU", "SciPy CG"
#: Relative residual that everybody is asked for.
TOLERANCE = 1e-8
#: The coefficient of the phase through which less flows.
LOW = 3.0
#: A solver is timed again until it took so many seconds, five times at most.
ENOUGH, MOST = 0.5, 5


class Problem(NamedTuple):
    """-div(a grad u) = 1 on a unit square, u = 0 on its sides: a [n, n], and what it becomes."""

    contrast: float
    a: Tensor
    op: GridOperator
    right: Tensor
    matrix: Any

    def distance(self, u: Tensor) -> float:
        """The true relative residual of u [n, n], in float64."""
        return float(residual(u, self.right, self.op).norm() / self.right.norm())


class Solved(NamedTuple):
    """What a solver took, in CPU seconds of one thread, and what it reached."""

    setup: float
    solve: float
    iterations: int | None
    residual: float
    solution: Tensor

    @property
    def total(self) -> float:
        """Setup and one solve."""
        return self.setup + self.solve


def problem(n: int, contrast: float, seed: int) -> Problem:
    """Two phases by the sign of a Gaussian random field, as in the data sets of operator learning:
    at contrast 4 the coefficients are 3 and 12."""
    g = GaussianRandomField((n, n)).sample(1, seed=seed)[0]
    a = torch.full_like(g, LOW).masked_fill_(g >= 0, LOW * contrast)
    op = diffusion_stencil(a)
    return Problem(contrast, a, op, op.right_hand_side(torch.ones_like(a)), assembled(op))


def assembled(op: GridOperator) -> Any:
    """The operator as a SciPy matrix: rows and columns are points, row by row of the grid."""
    import scipy.sparse as sparse

    points = torch.arange(op.sizes[0] * op.sizes[1]).view(op.sizes)
    rows, columns, values = [], [], []
    for (down, right), entries in op.entries.items():
        # Entry [i, j] belongs to the point [i + down, j + right], where there is one.
        i = slice(max(0, -down), op.sizes[0] - max(0, down))
        j = slice(max(0, -right), op.sizes[1] - max(0, right))
        at = points[i, j].flatten()
        rows.append(at)
        columns.append(at + down * op.sizes[1] + right)
        values.append(entries[i, j].flatten())
    cells = (torch.cat(values).numpy(), (torch.cat(rows).numpy(), torch.cat(columns).numpy()))
    return sparse.csr_matrix(cells, shape=(points.numel(), points.numel()))


def solve_by_all(given: Problem, on_solver: Callable[[str, Solved], None]) -> dict[str, Solved]:
    """Everybody whose package is there."""
    everybody: dict[str, Callable[[Problem], Solved]] = {OURS: _ours, PYAMG: _pyamg}
    everybody |= {SUPERLU: _superlu, CG: _conjugate_gradients}
    if importlib.util.find_spec("pyamg") is None:
        del everybody[PYAMG]
    found = {}
    small = problem(15, given.contrast, 0)
    with one_blas_thread():
        for name, solver in everybody.items():
            solver(small)  # libraries are loaded
            found[name] = _timed(solver, given)
            on_solver(name, found[name])
    return found


def _timed(solver: Callable[[Problem], Solved], given: Problem) -> Solved:
    """The medians of a few runs; of a slow one, one run."""
    runs = [solver(given)]
    while len(runs) < MOST and sum(each.total for each in runs) < ENOUGH:
        runs.append(solver(given))
    return runs[0]._replace(
        setup=statistics.median(each.setup for each in runs),
        solve=statistics.median(each.solve for each in runs),
    )


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """SciPy's vectors on one thread, where threadpoolctl (scikit-learn brings it) is there."""
    if importlib.util.find_spec("threadpoolctl") is None:
        yield
        return
    import threadpoolctl

    with threadpoolctl.threadpool_limits(1):
        yield


def _ours(given: Problem) -> Solved:
    start = time.process_time()
    solver = MultigridSolver(diffusion_stencil(given.a), tol=TOLERANCE)
    ready = time.process_time()
    found = solver(given.right)
    done = time.process_time()
    distance = given.distance(found.solution)
    return Solved(ready - start, done - ready, int(found.iterations), distance, found.solution)


def _pyamg(given: Problem) -> Solved:
    """Ruge and Stueben's coarsening as the preconditioner of conjugate gradients."""
    import pyamg

    def solve(solver: Any, right: Any) -> tuple[Any, int]:
        residuals: list[float] = []
        u = solver.solve(right, tol=TOLERANCE, accel="cg", residuals=residuals)
        return u, len(residuals) - 1

    return _of_matrix(given, pyamg.ruge_stuben_solver, solve)


def _superlu(given: Problem) -> Solved:
    """Factors, in the order for symmetric patterns: faster here than `spsolve`'s own."""
    import scipy.sparse.linalg as linalg

    def factor(matrix: Any) -> Any:
        order = {"permc_spec": "MMD_AT_PLUS_A", "options": {"SymmetricMode": True}}
        return linalg.splu(matrix.tocsc(), **order)

    return _of_matrix(given, factor, lambda factors, right: (factors.solve(right), None))


def _conjugate_gradients(given: Problem) -> Solved:
    """With the diagonal as the preconditioner."""
    import scipy.sparse as sparse
    import scipy.sparse.linalg as linalg

    def solve(diagonal: Any, right: Any) -> tuple[Any, int]:
        count = 0

        def counted(_: Any) -> None:
            nonlocal count
            count += 1

        matrix = given.matrix
        u, _ = linalg.cg(matrix, right, rtol=TOLERANCE, atol=0, M=diagonal, callback=counted)
        return u, count

    return _of_matrix(given, lambda matrix: sparse.diags(1 / matrix.diagonal()), solve)


def _of_matrix(
    given: Problem, setup: Callable[[Any], Any], solve: Callable[[Any, Any], tuple[Any, int | None]]
) -> Solved:
    """The times of a solver that takes the matrix, which is made beforehand."""
    right = given.right.flatten().numpy()
    start = time.process_time()
    made = setup(given.matrix)
    ready = time.process_time()
    u, iterations = solve(made, right)
    done = time.process_time()
    solution = torch.from_numpy(u).view_as(given.a)
    distance = given.distance(solution)
    return Solved(ready - start, done - ready, iterations, distance, solution)


def cycles(given: Problem, most: int) -> list[float]:
    """Relative residuals of V-cycles alone, from 1 on, until the tolerance is met."""
    u, residuals = torch.zeros_like(given.a), [1.0]
    while residuals[-1] > TOLERANCE and len(residuals) <= most:
        u = v_cycle(u, given.right, given.op)
        residuals.append(given.distance(u))
    return residuals


def preconditioned(given: Problem, iterations: int) -> list[float]:
    """True relative residuals of conjugate gradients with a V-cycle, stopped after 1, 2, ...: the
    solver tells its residual at the end only."""
    residuals = [1.0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for most in range(1, iterations + 1):
            solver = MultigridSolver(given.op, tol=TOLERANCE, max_iterations=most, on_fail="warn")
            residuals.append(float(solver(given.right).residual))
    return residuals


def factor(residuals: list[float]) -> float:
    """By how much a cycle reduces the residual, the geometric mean of all but the first."""
    return (residuals[-1] / residuals[1]) ** (1 / (len(residuals) - 2))


def flux(given: Problem, u: Tensor) -> tuple[Tensor, Tensor]:
    """-a grad u at the centres of cells, down and to the right: means of the faces on both sides
    of a cell, through which a's harmonic mean lets flow."""
    return _along(given.a, u), _along(given.a.T, u.T).T


def _along(a: Tensor, u: Tensor) -> Tensor:
    """Of the first axis; a side is half a cell away, and u is 0 there."""
    n = len(a)
    between = -2 * a[1:] * a[:-1] / (a[1:] + a[:-1]) * (u[1:] - u[:-1]) * n
    faces = torch.cat([-2 * n * a[:1] * u[:1], between, 2 * n * a[-1:] * u[-1:]])
    return (faces[1:] + faces[:-1]) / 2
