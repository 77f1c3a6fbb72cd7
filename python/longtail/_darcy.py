"""Solutions of -div(a grad u) = f for data: many problems of one small grid at once."""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.multigrid import diffusion_solve

#: Larger grids, of which a block of problems leaves the caches, are solved one by one.
_MOST_POINTS = 2**14
_MOST_ITERATIONS = 60


def _side_by_side(sizes: tuple[int, ...]) -> bool:
    """Whether csrc/multigrid/side_by_side.h has them: of the unit box, so that sizes say all."""
    if len(sizes) != 2 or sizes[0] * sizes[1] > _MOST_POINTS:
        return False
    return 4 * max(sizes) <= 5 * min(sizes)  # so both axes become coarser together


def pressures(a: Tensor, f: Tensor, tol: float) -> Tensor:
    """u ``[n, *sizes]`` on the unit box, 0 on its sides, of float64 a ``[n, *sizes]`` at centres of
    cells and f ``sizes``; each a function of its own a alone, whatever stands beside it.

    Raises:
        ConvergenceError: one did not reach ``tol``.
    """
    sizes = tuple(f.shape)
    if not _side_by_side(sizes):
        return diffusion_solve(a, f, tol=tol, dims=len(sizes)).solution
    rows, points = sizes
    u: Tensor
    u, _, residual = torch.ops.longtail.diffusion_side_by_side(
        a, f, 1 / rows, 1 / points, tol, _MOST_ITERATIONS
    )
    slow = ~(residual <= tol)
    if slow.any():
        u[slow] = diffusion_solve(a[slow], f, tol=tol, dims=2).solution
    return u
