"""The group rational written out element by element in float64, and what bounds its errors.

Differentiated by torch: independent of the formulas in the kernels and of their backward.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

CONTRACT = json.loads(Path(__file__).parents[2].joinpath("csrc/rational/contract.json").read_text())


class Terms(NamedTuple):
    """Value, and the sums of absolute terms that set the scale of its error and of its slope's."""

    y: Tensor
    scale: Tensor
    slope_scale: Tensor
    cancelling: Tensor  # k of contract.json


def _spread(rows: Tensor, channels: int) -> Tensor:
    """[groups, k] to [channels, k]."""
    return rows.double().repeat_interleave(channels // rows.shape[0], 0)


def rational(x: Tensor, numerator: Tensor, denominator: Tensor, version: str, dim: int) -> Terms:
    """All in float64."""
    wide = x.double().movedim(dim, -1)
    a, b = _spread(numerator, wide.shape[-1]), _spread(denominator, wide.shape[-1])
    powers = torch.stack([wide**i for i in range(8)], -1)
    # |b| with derivative +1 at 0, as the kernels have it.
    sign = torch.where(b.detach() < 0, -1.0, 1.0)
    if version == "A":
        q = 1 + (b * sign * wide.abs().unsqueeze(-1) ** torch.arange(1, b.shape[1] + 1)).sum(-1)
    else:
        inner = (b * powers[..., 1 : b.shape[1] + 1]).sum(-1)
        q = 1 + inner * torch.where(inner.detach() < 0, -1.0, 1.0)
    y = (a * powers[..., : a.shape[1]]).sum(-1) / q
    with torch.no_grad():
        size = powers.abs()
        cancelling = (1 + (b.abs() * size[..., 1 : b.shape[1] + 1]).sum(-1)) / q
        scale = (a.abs() * size[..., : a.shape[1]]).sum(-1) / q + cancelling * y.abs()
        i, j = torch.arange(1, a.shape[1]), torch.arange(1, b.shape[1] + 1)
        rise = (i * a[:, 1:].abs() * size[..., : a.shape[1] - 1]).sum(-1)
        fall = (j * b.abs() * size[..., : b.shape[1]]).sum(-1)
        slope_scale = (rise + y.abs() * fall) / q
    return Terms(*(each.movedim(-1, dim) for each in (y, scale, slope_scale, cancelling)))
