"""Twins in float64 of ntk_attention and pattention, written from the papers' formulas."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def phi(x: Tensor) -> Tensor:
    scaled = x / x.shape[-1] ** 0.25
    return torch.where(scaled > 0, scaled + 1, torch.exp(scaled.clamp(max=0)))


def ntk_twin(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    z: Tensor,
    kappa: Tensor,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """The prefix as one more key of each row, whose score is the logarithm of phi(q) |kappa|."""
    scores = torch.einsum("...id,...jd->...ij", q, k) * (scale or q.shape[-1] ** -0.5)
    if is_causal:
        rows, columns = scores.shape[-2:]
        seen = torch.arange(columns) <= torch.arange(rows)[:, None]
        scores = torch.where(seen, scores, torch.tensor(-math.inf, dtype=scores.dtype))
    of_prefix = torch.einsum("...id,...d->...i", phi(q), kappa.abs())
    weights = torch.softmax(torch.cat([scores, of_prefix.log()[..., None]], -1), -1)
    mean = torch.einsum("...id,...dc->...ic", phi(q), z) / of_prefix[..., None]
    attended = torch.einsum("...ij,...jc->...ic", weights[..., :-1], v)
    return attended + weights[..., -1:] * mean


def pattention_twin(x: Tensor, key: Tensor, value: Tensor, tau: float | None = None) -> Tensor:
    """||S||^2 as x^T (K^T K) x; gelu by the error function."""
    tau = math.sqrt(len(key)) if tau is None else tau
    norm = torch.einsum("...i,ij,...j->...", x, key.T @ key, x).sqrt()
    u = tau * (x @ key.T) / norm[..., None]
    return (u * (1 + torch.erf(u / math.sqrt(2))) / 2) @ value
