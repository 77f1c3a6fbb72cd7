"""ntk_attention as torch operations in float64: what the kernels have no op for.

Formulas: csrc/attention/ntk_math.h. Here the scores are in memory.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor


def feature(x: Tensor) -> Tensor:
    """``elu(x / d^(1/4)) + 1``, d the size of the last dimension."""
    return functional.elu(x * x.shape[-1] ** -0.25) + 1


def value(
    q: Tensor, k: Tensor, v: Tensor, z: Tensor, kappa: Tensor, is_causal: bool, scale: float
) -> tuple[Tensor, Tensor]:
    """The result, and the logarithm of the denominator."""
    wide, keys, values = q.double(), k.double(), v.double()
    scores = wide @ keys.transpose(-1, -2) * scale
    if is_causal:
        ahead = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).triu(1)
        scores = scores.masked_fill(ahead, float("-inf"))
    phi = feature(wide)
    numerator = phi @ z.double()
    denominator = (phi * kappa.double().abs().unsqueeze(-2)).sum(-1, keepdim=True)
    # Shifted by the largest term of the denominator, which cancels; 0 where there is none.
    shift = torch.cat([scores, denominator.log()], -1).amax(-1, keepdim=True).detach()
    shift = torch.where(shift.isneginf(), torch.zeros_like(shift), shift)
    weights, of_prefix = (scores - shift).exp(), (-shift).exp()
    total = weights.sum(-1, keepdim=True) + of_prefix * denominator
    nothing = total == 0
    total = total.masked_fill(nothing, 1)
    result = ((weights @ values + of_prefix * numerator) / total).masked_fill(nothing, 0)
    lse = (total.log() + shift).masked_fill(nothing, float("-inf")).squeeze(-1)
    return result.to(q.dtype), lse
