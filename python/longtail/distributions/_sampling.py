"""From draws of t = mu.x to points on the sphere, with gradients."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from longtail._autograd import Saved, differentiable
from longtail.distributions._implicit import versine_slope
from longtail.distributions._marginal import draw_versine
from longtail.distributions._sphere import row_norm, row_sum


def _refuse(saved: Saved, *_: Tensor) -> tuple[None, None, None]:
    raise NotImplementedError(
        "VonMisesFisher.rsample: no second derivative of a sample in the concentration"
    )


_slope: Callable[..., Tensor] = differentiable("versine_slope", versine_slope, _refuse, _refuse)


def _keep(p: int, k: Tensor, drawn: Tensor) -> Tensor:
    return drawn.clone()


def _keep_backward(saved: Saved, grad: Tensor) -> tuple[None, Tensor, None]:
    _, k, _ = saved.inputs
    return None, (grad * _slope(*saved.inputs)).sum_to_size(k.shape), None


def _keep_jvp(saved: Saved, _p: None, tangent: Tensor, _drawn: None) -> Tensor:
    return tangent * _slope(*saved.inputs)


_attach_gradient: Callable[..., Tensor] = differentiable(
    "rsample", _keep, _keep_backward, _keep_jvp
)


def sample_versine(
    p: int, k: Tensor, shape: torch.Size, generator: torch.Generator | None
) -> Tensor:
    """Draw 1 - mu.x, of a shape to which k (float64) broadcasts, with implicit gradient in k."""
    drawn = draw_versine(p, k.detach().expand(shape), generator)
    return _attach_gradient(p, k, drawn)


def rotate_to(loc: Tensor, away: Tensor, across: Tensor) -> Tensor:
    """Return the unit vectors at versine `away` from loc in the direction `across`.

    A Householder reflection turns the first axis e into the line of loc: with s the sign of
    loc's first coordinate, I - u u^T / (1 + s loc.e), u = e + s loc, takes e to -s loc, for any
    loc without cancellation, and the directions across e to directions across loc.

    Args:
        loc: mean directions [*, p]; their norm is divided out.
        away: 1 - loc.x of the result, float64 [*sample, *].
        across: unit vectors across e, that is with first coordinate 0: [*sample, *, p].

    Returns:
        Unit vectors [*sample, *, p], differentiable in loc and away.
    """
    loc = loc / row_norm(loc).unsqueeze(-1)
    first = loc[..., :1]
    sign = torch.where(first >= 0, 1.0, -1.0).to(loc.dtype)
    share = row_sum(across * loc).unsqueeze(-1) / (1 + sign * first)
    # Kept off 0, where the square root has no derivative.
    radius = torch.sqrt((away * (2 - away)).clamp_min(1e-200)).to(loc.dtype).unsqueeze(-1)
    along = (1 - away).to(loc.dtype).unsqueeze(-1)
    x = torch.addcmul((along + radius * sign * share) * loc, -radius * sign, across)
    x[..., :1] += radius * share
    return x
