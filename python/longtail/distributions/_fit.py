"""Maximum likelihood of von Mises-Fisher."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from longtail.distributions._normaliser import mean_length, mean_length_slope, mean_versine
from longtail.distributions._sphere import row_norm, row_sum, unit_rows
from longtail.distributions._sphere import versine as versine_of

# Rows per block of the float64 sums: a few MB, so that the second step finds them in the cache.
_BLOCK_BYTES = 1 << 22
# Below this, 1 - R is not taken from R: it would have lost 3 digits.
_NEAR_1 = 1e-3
_MAX_NEWTON_STEPS = 50


@torch.no_grad()
def fit_direction(
    x: Tensor, weights: Tensor | None, *, bias_correction: bool
) -> tuple[Tensor, Tensor]:
    """Return loc [*batch, p] and concentration [*batch]; see VonMisesFisher.fit."""
    rows = unit_rows(x, "x", min_rows=2)
    weight = _checked_weights(weights, rows)
    length, versine, loc = _mean_direction(rows, weight)
    # All rows equal, up to the rounding of float64 itself.
    if bool((versine < 1e-30).any()):
        raise ValueError(
            "x: all rows are equal (R = 1): the likelihood grows without bound in the concentration"
        )
    if bias_correction:
        count = row_sum(weight).square() / row_sum(weight.square())
        length, versine = _unbias(versine, count)
    concentration = solve_concentration(rows.shape[-1], length, versine)
    return loc.to(rows.dtype), concentration.to(rows.dtype)


def _checked_weights(weights: object, rows: Tensor) -> Tensor:
    """Return the weights in float64, of the shape of the rows."""
    shape = rows.shape[:-1]
    if weights is None:
        return torch.ones(shape, dtype=torch.float64, device=rows.device)
    if not isinstance(weights, Tensor | np.ndarray | list | tuple):
        raise TypeError(f"weights: expected a tensor, got {type(weights).__name__}")
    weight = torch.as_tensor(weights).detach().to(rows.device)
    if weight.is_complex() or weight.dtype == torch.bool:
        raise TypeError(f"weights: expected real numbers, got {weight.dtype}")
    if weight.shape not in (shape, shape[-1:]):
        raise ValueError(f"weights: expected shape {list(shape)}, got {list(weight.shape)}")
    if not bool(((weight >= 0) & weight.isfinite()).all()):
        raise ValueError("weights: expected finite weights >= 0, got negative, inf or nan ones")
    weight = weight.double().expand(shape)
    if bool(((weight > 0).sum(-1) < 2).any()):
        raise ValueError("weights: expected at least two rows of positive weight")
    return weight


def _mean_direction(rows: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return R, 1 - R and loc in float64, in one pass over the rows, two where R is near 1."""
    share = weight / row_sum(weight).unsqueeze(-1)
    total = torch.zeros_like(rows[..., 0, :], dtype=torch.float64)
    for block, part in _blocks(rows, share):
        # The rounding of a row's norm would enter R: divide it out.
        total += (block * (part / row_norm(block)).unsqueeze(-1)).sum(-2)
    length = row_norm(total)
    first_axis = torch.zeros_like(total)
    first_axis[..., 0] = 1
    cancelled = (length == 0).unsqueeze(-1)
    loc = torch.where(cancelled, first_axis, total / length.unsqueeze(-1).clamp_min(1e-300))
    versine = 1 - length
    if bool((versine < _NEAR_1).any()):
        # 1 - R is the mean of 1 - loc.x, taken row by row: R itself may round to 1.
        versine = torch.zeros_like(length)
        for block, part in _blocks(rows, share):
            directions = block / row_norm(block).unsqueeze(-1)
            versine += row_sum(versine_of(directions, loc.unsqueeze(-2)) * part)
    return length, versine, loc


def _blocks(rows: Tensor, share: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield blocks of rows in float64 with their weights, along the last but one axis."""
    others = max(1, rows.numel() // rows.shape[-2])
    size = max(1, _BLOCK_BYTES // (8 * others))
    for start in range(0, rows.shape[-2], size):
        part = slice(start, start + size)
        yield rows[..., part, :].double(), share[..., part]


def _unbias(versine: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """Return R and 1 - R after R^2 <- (n R^2 - 1) / (n - 1), at least 0."""
    # 1 - R^2 is stretched by n / (n - 1): said in 1 - R, nothing cancels near R = 1.
    gap = (versine * (2 - versine) * (count / (count - 1))).clamp_max(1.0)
    length = torch.sqrt(1 - gap)
    return length, gap / (1 + length)


@torch.no_grad()
def solve_concentration(
    p: int, length: Tensor, versine: Tensor, *, max_concentration: float = float("inf")
) -> Tensor:
    """Return k with A(k) = length, to 1e-12 relative; float64.

    length is R in [0, 1), versine is 1 - R, given apart because near R = 1 only it has digits.
    Newton's method on a concave function: from below it climbs without overshooting, from
    above its first step lands below. A root above max_concentration gives that.

    Raises:
        RuntimeError: no convergence, which does not happen for 0 <= R < 1.
    """
    k = length * (p - length * length) / (versine * (1 + length))
    k = k.clamp_max(max_concentration)
    for _ in range(_MAX_NEWTON_STEPS):
        excess = torch.where(length < 0.5, mean_length(p, k) - length, versine - mean_versine(p, k))
        step = excess / mean_length_slope(p, k)
        # A step below 0 (from far above the root) halves k instead; above the limit it stops.
        moved = torch.where(step < k, k - step, 0.5 * k).clamp_max(max_concentration)
        # nan (outside the domain) counts as settled.
        settled = ~((moved - k).abs() > 1e-13 * k)
        k = moved
        if bool(settled.all()):
            return k
    raise RuntimeError(
        f"concentration: Newton's method did not settle in {_MAX_NEWTON_STEPS} steps at "
        f"p = {p}, R = {length[~settled][0].item():.17g}"
    )
