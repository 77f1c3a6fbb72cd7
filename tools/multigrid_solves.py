"""Iterations, residuals, errors and gradients of the multigrid solvers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from multigrid_entries import Entry, Sizes
from multigrid_factors import BOUNDARIES
from multigrid_oracle import FluxOracle, manufactured
from torch import Tensor

from longtail.data import GaussianRandomField
from longtail.multigrid import (
    diffusion_solve,
    full_multigrid,
    poisson_solve,
    poisson_stencil,
    v_cycle,
)

CONTRASTS = (4, 40, 400, 1000)
DIRICHLET = ("dirichlet", "dirichlet")


def phases(n: int, seed: int) -> Any:
    """Where the coefficient is high, as in the Fourier neural operator's recipe."""
    return GaussianRandomField(n).sample(1, seed=seed)[0].numpy() >= 0


def checkerboard(n: int, seed: int) -> Any:
    """Of eight by eight fields, whatever the size, and another corner for another seed."""
    field = np.arange(n) * 8 // n
    return (field[:, None] + field + seed) % 2 == 0


def channels(n: int, seed: int) -> Any:
    """Eight straight lines along rows, one cell wide, somewhere."""
    high = np.zeros((n, n), bool)
    high[np.random.default_rng(seed).choice(n, 8, replace=False)] = True
    return high


def random_cells(n: int, seed: int) -> Any:
    """Each cell by itself."""
    return np.random.default_rng(seed).random((n, n)) < 0.5


MEDIA: dict[str, Callable[[int, int], Any]] = {
    "phases": phases,
    "checkerboard": checkerboard,
    "channels": channels,
    "random cells": random_cells,
}


def iterations(sizes: Sizes, seed: int) -> Iterator[Entry]:
    """Of diffusion_solve to 1e-8, the more of two right-hand sides: 1 and random ones. What is
    returned is held against the flux oracle."""
    for contrast in CONTRASTS:
        for name, medium in MEDIA.items():
            for n in sizes.solves:
                a = np.where(medium(n, seed), float(contrast), 1.0)
                random = np.random.default_rng(seed).standard_normal((n, n))
                f = np.stack([np.ones((n, n)), random])
                result = diffusion_solve(torch.from_numpy(a), torch.from_numpy(f))
                oracle = FluxOracle(a, DIRICHLET, True)
                rest = max(oracle.residual(result.solution[i].numpy(), f[i]) for i in range(2))
                most = int(result.iterations.max())
                promise = f"diffusion_solve, {name}"
                case, table = f"contrast {contrast}", f"iterations {contrast}"
                yield Entry(table, str(n), name, most, seed, promise, case)
                yield Entry(table, "true residual", name, rest, seed, "residual", "diffusion_solve")


def with_sides(sizes: Sizes, seed: int) -> Iterator[Entry]:
    """Iterations between other sides: plain cycles of the same hierarchy may be slow there."""
    for name, boundary in BOUNDARIES.items():
        for n in sorted(sizes.solves + tuple(n + 1 for n in sizes.solves)):
            a = np.where(phases(n, seed), 4.0, 1.0)
            oracle = FluxOracle(a, boundary, True)
            f = oracle.without_mean(np.random.default_rng(seed).standard_normal((n, n)))
            result = diffusion_solve(torch.from_numpy(a), torch.from_numpy(f), boundary=boundary)
            count, rest = int(result.iterations), oracle.residual(result.solution.numpy(), f)
            case = "odd periodic" if name == "periodic" and n % 2 == 1 else "other sides"
            case, promise = f"{case}, contrast 4", "diffusion_solve, phases"
            yield Entry("sides", str(n), name, count, seed, promise, case)
            yield Entry("sides", "true residual", name, rest, seed, "residual", "diffusion_solve")


def cycled(f: Any, dtype: torch.dtype) -> Any:
    """V(1,1)-cycles in one precision throughout, more than enough."""
    op = poisson_stencil(f.shape, dtype=dtype)
    right, u = torch.from_numpy(f).to(dtype), None
    for _ in range(16):
        u = v_cycle(u, right, op)
    assert u is not None
    return u.double().numpy()


def after_cycles(f: Tensor, count: int) -> Tensor:
    """What poisson_solve has where rounding lets it come no further."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return poisson_solve(f, tol=1e-16, max_iterations=count, on_fail="warn").solution


def precision(sizes: Sizes, seed: int) -> Iterator[Entry]:
    """Residuals by the oracle, and errors beside the discrete solution and the exact one."""
    for n in sizes.solves:
        oracle = FluxOracle(np.ones((n, n)), DIRICHLET, False)
        random = np.random.default_rng(seed).standard_normal((n, n))
        exact, smooth = manufactured(oracle, seed)
        for kind, f in (("random", random), ("smooth", smooth)):
            f = f.astype(np.float32).astype(np.float64)  # the same problem for every precision
            discrete = oracle.solve(f)
            wide = torch.from_numpy(f)
            default, narrow = poisson_solve(wide), poisson_solve(wide.float())
            found = {
                "float32 cycles": cycled(f, torch.float32),
                "poisson_solve, float32": narrow.solution.double().numpy(),
                "poisson_solve, float64": default.solution.numpy(),
                "poisson_solve, 20 cycles": after_cycles(wide, 20).numpy(),
                "float64 cycles": cycled(f, torch.float64),
                "dst": poisson_solve(wide, method="dst").solution.numpy(),
            }
            for name, u in found.items():
                rest = oracle.residual(u, f)
                error = float(np.abs(u - discrete).max() / np.abs(discrete).max())
                for what, value in (("residual", rest), ("error", error)):
                    table = f"{what}, {kind}"
                    yield Entry(table, str(n), name, value, seed, table, name)
                if kind == "smooth":
                    whole = float(np.abs(u - exact).max() / np.abs(exact).max())
                    yield Entry("exact", str(n), name, whole * n**2, seed, "exact", name)
            # What a result says of itself, beside the oracle.
            for dtype, result in (("float32", narrow), ("float64", default)):
                table, name = f"reported, {dtype}", f"poisson_solve, {dtype}"
                rest = oracle.residual(result.solution.numpy(), f)
                own, claimed = float(result.residual), float(result.residual_returned)
                yield Entry(table, str(n), f"{kind}: residual", own, seed, "residual", name)
                yield Entry(table, str(n), f"{kind}: residual_returned", claimed, seed)
                apart = abs(claimed / rest - 1)
                yield Entry(table, str(n), f"{kind}: apart", apart, seed, "reported", dtype)


def full(sizes: Sizes, seed: int) -> Iterator[Entry]:
    """The error of full_multigrid over that of the grid, by size."""
    for dims, of in ((2, sizes.squares), (3, sizes.cubes)):
        for cell in (False, True):
            grid = "cell" if cell else "vertex"
            for n in of:
                oracle = FluxOracle(np.ones((n,) * dims), ("dirichlet",) * dims, cell)
                exact, f = manufactured(oracle, seed)
                got = full_multigrid(torch.from_numpy(f), poisson_stencil(f.shape, grid=grid))
                discrete, column = oracle.solve(f), f"{dims}-D {grid}"
                least = float(np.linalg.norm(discrete - exact))
                for what, beside in (("error", exact), ("distance", discrete)):
                    error = float(np.linalg.norm(got.numpy() - beside)) / least
                    table = f"full_multigrid, {what}"
                    yield Entry(table, str(n), column, error, seed, "full_multigrid", what)


def slope(
    function: Callable[[Tensor], Tensor], x: Tensor, direction: Tensor
) -> tuple[float, float]:
    """By autograd, and by differences of the fourth order."""
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(function(x), x)
    step, x = 1e-3, x.detach()

    def at(steps: int) -> float:
        return float(function(x + steps * step * direction))

    differences = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)
    return float((gradient * direction).sum()), differences


class WeightedSums:
    """Of solutions: functions of one tensor each."""

    def __init__(self, n: int, seed: int) -> None:
        g = torch.Generator().manual_seed(seed)
        self.f, self.weight, direction = torch.randn(3, n, n, generator=g, dtype=torch.float64)
        self.a = torch.from_numpy(np.where(phases(n, seed), 4.0, 1.0))
        self.direction = 0.1 * direction

    def poisson(self, f: Tensor) -> Tensor:
        return (self.weight * poisson_solve(f, tol=1e-13).solution).sum()

    def source(self, f: Tensor) -> Tensor:
        return (self.weight * diffusion_solve(self.a, f, tol=1e-13).solution).sum()

    def coefficient(self, a: Tensor) -> Tensor:
        return (self.weight * diffusion_solve(a, self.f, tol=1e-13).solution).sum()


def gradients(sizes: Sizes, seed: int) -> Iterator[Entry]:
    """Directional derivatives of a weighted sum of the solution."""
    for n in sizes.solves[:3]:
        sums = WeightedSums(n, seed)
        for name, function, x in (
            ("poisson_solve, f", sums.poisson, sums.f),
            ("diffusion_solve, f", sums.source, sums.f),
            ("diffusion_solve, a", sums.coefficient, sums.a),
        ):
            got, expected = slope(function, x, sums.direction)
            apart = abs(got / expected - 1)
            yield Entry("gradients", str(n), name, apart, seed, "gradients", name)


def solves(sizes: Sizes, seed: int) -> Iterator[Entry]:
    """All of this file."""
    for each in (iterations, with_sides, precision, full, gradients):
        yield from each(sizes, seed)
