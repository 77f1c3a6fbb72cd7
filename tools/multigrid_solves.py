"""Iterations, residuals, errors and gradients of the multigrid solvers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from multigrid_entries import Entry, Sizes
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
                promise = "diffusion_solve, iterations" if name == "phases" else ""
                column = f"{name}, {contrast}"
                yield Entry(
                    "iterations", str(n), column, most, seed, promise, f"contrast {contrast}"
                )
                yield Entry(
                    "iterations", "true residual", column, rest, seed, "residual", "diffusion_solve"
                )


def cycled(f: Any, dtype: torch.dtype) -> Any:
    """V(1,1)-cycles in one precision throughout, more than enough."""
    op = poisson_stencil(f.shape, dtype=dtype)
    right, u = torch.from_numpy(f).to(dtype), None
    for _ in range(16):
        u = v_cycle(u, right, op)
    assert u is not None
    return u.double().numpy()


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
            tight = poisson_solve(wide, tol=1e-12)
            found = {
                "float32 cycles": cycled(f, torch.float32),
                "poisson_solve, float32": narrow.solution.double().numpy(),
                "poisson_solve, float64": default.solution.numpy(),
                "poisson_solve, tol 1e-12": tight.solution.numpy(),
                "float64 cycles": cycled(f, torch.float64),
                'method="dst"': poisson_solve(wide, method="dst").solution.numpy(),
            }
            for name, u in found.items():
                rest = oracle.residual(u, f)
                error = float(np.abs(u - discrete).max() / np.abs(discrete).max())
                of_sizes = {"residual": rest, "error": error}
                for what, value in of_sizes.items():
                    table = f"{what}, {kind}"
                    yield Entry(table, str(n), name, value, seed, f"{what}, {kind}", name)
                if kind == "smooth":
                    whole = float(np.abs(u - exact).max() / np.abs(exact).max())
                    yield Entry("exact", str(n), name, whole * n**2, seed, "exact", name)
            # What a result says of itself, beside the oracle.
            for name, result in (
                ("poisson_solve, float32", narrow),
                ("poisson_solve, float64", default),
            ):
                rest = oracle.residual(result.solution.numpy(), f)
                claimed = float(result.residual_returned)
                apart = abs(claimed / rest - 1)
                yield Entry("reported", str(n), f"{name}, {kind}: residual", float(result.residual),
                            seed, "residual", name)
                yield Entry("reported", str(n), f"{name}, {kind}: residual_returned", claimed, seed)
                yield Entry("reported", str(n), f"{name}, {kind}: apart", apart, seed, "reported",
                            "residual_returned")


def full(sizes: Sizes, seed: int) -> Iterator[Entry]:
    """The error of full_multigrid over that of the grid, by size."""
    for dims, of in ((2, sizes.squares), (3, sizes.cubes)):
        for cell in (False, True):
            grid = "cell" if cell else "vertex"
            for n in of:
                oracle = FluxOracle(np.ones((n,) * dims), ("dirichlet",) * dims, cell)
                exact, f = manufactured(oracle, seed)
                got = full_multigrid(torch.from_numpy(f), poisson_stencil(f.shape, grid=grid))
                error, least = (
                    float(np.linalg.norm(u - exact)) for u in (got.numpy(), oracle.solve(f))
                )
                column = f"{dims}-D {grid}"
                yield Entry(
                    "full_multigrid", str(n), column, error / least, seed, "full_multigrid", column
                )


def slope(function: Callable[[Tensor], Tensor], x: Tensor, direction: Tensor) -> tuple[float, ...]:
    """By autograd, and by differences of the fourth order."""
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(function(x), x)
    step, x = 1e-3, x.detach()

    def at(steps: int) -> float:
        return float(function(x + steps * step * direction))

    differences = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)
    return float((gradient * direction).sum()), differences


def gradients(sizes: Sizes, seed: int) -> Iterator[Entry]:
    """Directional derivatives of a weighted sum of the solution."""
    for n in sizes.solves[:3]:
        g = torch.Generator().manual_seed(seed)
        f, weight, direction = torch.randn(3, n, n, generator=g, dtype=torch.float64)
        a = torch.from_numpy(np.where(phases(n, seed), 4.0, 1.0))
        functions: dict[str, tuple[Callable[[Tensor], Tensor], Tensor]] = {
            "poisson_solve, f": (lambda x: (weight * poisson_solve(x, tol=1e-13).solution).sum(), f),
            "diffusion_solve, f": (
                lambda x: (weight * diffusion_solve(a, x, tol=1e-13).solution).sum(),
                f,
            ),
            "diffusion_solve, a": (
                lambda x: (weight * diffusion_solve(x, f, tol=1e-13).solution).sum(),
                a,
            ),
        }
        for name, (function, x) in functions.items():
            got, expected = slope(function, x, 0.1 * direction)
            apart = abs(got / expected - 1)
            yield Entry("gradients", str(n), name, apart, seed, "gradients", name)


def solves(sizes: Sizes, seed: int) -> Iterator[Entry]:
    """All of this file."""
    for each in (iterations, precision, full, gradients):
        yield from each(sizes, seed)
