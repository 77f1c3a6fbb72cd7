"""Who solves the problems of bench/peers/multigrid.py to 1e-8 in float64, ours among them.

Each as its users call it, on its own data structure: those who need a matrix get one, made before.
What is done once for many right-hand sides (hierarchies, factors) is timed apart.
"""

from __future__ import annotations

import functools
import importlib.util
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.fft
import scipy.sparse.linalg as linalg
import torch

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT)]

from bench.peers import _multigrid_eager as eager  # noqa: E402
from bench.peers._multigrid_problems import TOL, Problem  # noqa: E402
from longtail.multigrid import (  # noqa: E402
    MultigridSolver,
    SolveResult,
    diffusion_solve,
    diffusion_stencil,
    poisson_solve,
)

OURS, OURS_APART, OURS_DST = "longtail", "longtail, MultigridSolver", "longtail, dst"
CLASSICAL, AGGREGATION = "PyAMG, Ruge-Stuben", "PyAMG, aggregation"
SUPERLU, SCIPY_CG, SCIPY_DST = "SuperLU", "SciPy CG", "SciPy DST"
EAGER, EAGER_NARROW, EAGER_CONV = "torch slices", "torch slices, float32 cycles", "torch conv2d"
AMG = (CLASSICAL, AGGREGATION)


class Solved(NamedTuple):
    """The solution, iterations or None, and seconds of setup and of solving."""

    x: np.ndarray
    iterations: int | None
    setup: float
    solve: float


class Rival(NamedTuple):
    """``run(problem, threads)``; who ignores threads is measured once."""

    run: Callable[[Problem, int], Solved]
    takes: Callable[[Problem], bool]
    threaded: bool = True
    package: str | None = None


def in_two_steps(
    prepare: Callable[[], Any], use: Callable[[Any], tuple[np.ndarray, int | None]]
) -> Solved:
    start = time.perf_counter()
    prepared = prepare()
    middle = time.perf_counter()
    x, iterations = use(prepared)
    return Solved(x, iterations, middle - start, time.perf_counter() - middle)


def found(result: SolveResult) -> tuple[np.ndarray, int]:
    return result.solution.numpy(), int(result.iterations)


def ours(method: str, problem: Problem, threads: int) -> Solved:
    def solve(_: None) -> tuple[np.ndarray, int | None]:
        if problem.a is not None:
            return found(diffusion_solve(problem.a, problem.f, tol=TOL))
        dims = len(problem.sizes)
        return found(poisson_solve(problem.f, method=method, tol=TOL, dims=dims))

    x, iterations, _, seconds = in_two_steps(lambda: None, solve)
    return Solved(x, None if method == "dst" else iterations, 0.0, seconds)


def ours_apart(problem: Problem, threads: int) -> Solved:
    a = problem.a
    assert a is not None
    return in_two_steps(
        lambda: MultigridSolver(diffusion_stencil(a), tol=TOL),
        lambda solver: found(solver(solver.op.right_hand_side(problem.f))),
    )


def pyamg_solve(name: str, problem: Problem, threads: int) -> Solved:
    """With its conjugate gradients, as its documentation advises."""
    import pyamg

    make = pyamg.ruge_stuben_solver if name == CLASSICAL else pyamg.smoothed_aggregation_solver

    def solve(levels: Any) -> tuple[np.ndarray, int]:
        residuals: list[float] = []
        x = levels.solve(problem.right, tol=TOL, accel="cg", maxiter=200, residuals=residuals)
        return x, len(residuals) - 1

    return in_two_steps(lambda: make(problem.matrix), solve)


def superlu(problem: Problem, threads: int) -> Solved:
    """The order for symmetric patterns, which is the fastest of its four here."""
    columns = problem.matrix.tocsc()
    return in_two_steps(
        lambda: linalg.splu(
            columns,
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        ),
        lambda factors: (factors.solve(problem.right), None),
    )


def scipy_cg(problem: Problem, threads: int) -> Solved:
    count = [0]

    def one_more(_: np.ndarray) -> None:
        count[0] += 1

    def solve(_: None) -> tuple[np.ndarray, int]:
        x, _info = linalg.cg(problem.matrix, problem.right, rtol=TOL, callback=one_more)
        return x, count[0]

    return in_two_steps(lambda: None, solve)


def scipy_dst(problem: Problem, threads: int) -> Solved:
    """Eigenvalues are made before: they do not depend on f."""

    def prepare() -> np.ndarray:
        total = np.zeros(())
        for n in problem.sizes:
            k = np.arange(1, n + 1)
            total = total[..., None] + (2 * (n + 1) * np.sin(np.pi * k / (2 * (n + 1)))) ** 2
        return total

    def solve(eigenvalues: np.ndarray) -> tuple[np.ndarray, None]:
        waves = scipy.fft.dstn(problem.f.numpy(), type=1, workers=threads)
        waves /= eigenvalues
        return scipy.fft.idstn(waves, type=1, workers=threads, overwrite_x=True), None

    return in_two_steps(prepare, solve)


def by_torch(kind: str, problem: Problem, threads: int) -> Solved:
    dtype = torch.float32 if kind == EAGER_NARROW else torch.float64
    method = eager.Convolutions(dtype) if kind == EAGER_CONV else eager.Slices()

    def solve(_: None) -> tuple[np.ndarray, int]:
        u, cycles = eager.solve(method, problem.f, TOL, dtype)
        return u.numpy(), cycles

    return in_two_steps(lambda: None, solve)


def is_poisson(problem: Problem) -> bool:
    return problem.a is None


def is_plane(problem: Problem) -> bool:
    return is_poisson(problem) and len(problem.sizes) == 2


def anything(problem: Problem) -> bool:
    return True


RIVALS: dict[str, Rival] = {
    OURS: Rival(functools.partial(ours, "multigrid"), anything),
    OURS_APART: Rival(ours_apart, lambda problem: not is_poisson(problem)),
    OURS_DST: Rival(functools.partial(ours, "dst"), is_poisson),
    SCIPY_DST: Rival(scipy_dst, is_poisson),
    EAGER: Rival(functools.partial(by_torch, EAGER), is_poisson),
    EAGER_NARROW: Rival(functools.partial(by_torch, EAGER_NARROW), is_poisson),
    EAGER_CONV: Rival(functools.partial(by_torch, EAGER_CONV), is_plane),
    CLASSICAL: Rival(functools.partial(pyamg_solve, CLASSICAL), anything, False, "pyamg"),
    AGGREGATION: Rival(functools.partial(pyamg_solve, AGGREGATION), anything, False, "pyamg"),
    # Not in space: the factors of 127^3 do not fit.
    SUPERLU: Rival(superlu, lambda problem: len(problem.sizes) == 2, False),
    SCIPY_CG: Rival(scipy_cg, anything, False),
}


def installed() -> dict[str, Rival]:
    """Those that are there; says in a line how to get the others."""
    missing = {
        rival.package
        for rival in RIVALS.values()
        if rival.package and importlib.util.find_spec(rival.package) is None
    }
    for package in sorted(missing):
        print(f"{package} is not installed and left out: pip install {package}")
    return {name: rival for name, rival in RIVALS.items() if rival.package not in missing}
