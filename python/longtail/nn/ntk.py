"""Attention with a trained prefix of any length (NTK-Attention)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from longtail.nn._parameters import parameters_for
from longtail.ntk import LARGEST, ntk_attention, ntk_prefix

__all__ = ["NTKAttention"]


class NTKAttention(nn.Module):
    """``ntk_attention`` with z and kappa as parameters: D (Dv + 1) numbers a head.

    It stands where ``scaled_dot_product_attention`` is called, and learns what a prefix of any
    number of tokens would do there, while the rest of a model may stay as it is.

    Args:
        num_heads: H.
        head_dim: D, channels of queries and keys, at most 256.
        value_dim: Dv, by default D.
        is_causal: whether query i sees keys 0 to i only.
        scale: of scores, by default ``1 / sqrt(D)``.
        prefix_length: how many tokens the prefix weighs at the start. These are the tokens of
            ``key = 0, value = 0``: kappa starts at ``prefix_length / D``, z at 0.
        device: of the parameters.
        dtype: of the parameters.

    Attributes:
        z: ``[H, D, Dv]``.
        kappa: ``[H, D]``; used by its absolute value, so that training may not make the
            denominator negative.
    """

    def __init__(
        self,
        num_heads: int,
        head_dim: int,
        value_dim: int | None = None,
        *,
        is_causal: bool = False,
        scale: float | None = None,
        prefix_length: float = 1.0,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        value_dim = head_dim if value_dim is None else value_dim
        for name, size, most in (
            ("num_heads", num_heads, None),
            ("head_dim", head_dim, LARGEST),
            ("value_dim", value_dim, LARGEST),
        ):
            if not isinstance(size, int) or size < 1 or (most is not None and size > most):
                wanted = "a positive int" if most is None else f"an int from 1 to {most}"
                raise ValueError(f"NTKAttention: {name} is {size!r}, expected {wanted}")
        if not prefix_length > 0:
            raise ValueError(
                f"NTKAttention: prefix_length is {prefix_length}, expected a positive number"
            )
        self.num_heads, self.head_dim, self.value_dim = num_heads, head_dim, value_dim
        self.is_causal, self.scale, self.prefix_length = is_causal, scale, prefix_length
        like: dict[str, Any] = {"device": device, "dtype": dtype}
        self.z = nn.Parameter(torch.empty(num_heads, head_dim, value_dim, **like))
        self.kappa = nn.Parameter(torch.empty(num_heads, head_dim, **like))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Back to ``prefix_length`` tokens of zeros."""
        nn.init.zeros_(self.z)
        nn.init.constant_(self.kappa, self.prefix_length / self.head_dim)

    @torch.no_grad()
    def set_prefix(self, key: Tensor, value: Tensor, *, normalize: bool = True) -> None:
        """Start from a prefix of keys ``[H, P, D]`` and values ``[H, P, Dv]``: ``ntk_prefix``."""
        z, kappa = ntk_prefix(key, value, normalize=normalize)
        if z.shape != self.z.shape:
            raise ValueError(
                f"NTKAttention: the prefix gives z of shape {list(z.shape)}, expected "
                f"{list(self.z.shape)}"
            )
        self.z.copy_(z)
        self.kappa.copy_(kappa)

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Of q ``[..., H, Lq, D]``, k ``[..., H, Lk, D]`` and v ``[..., H, Lk, Dv]``."""
        z, kappa = parameters_for(q, self.z, self.kappa)
        return ntk_attention(q, k, v, z, kappa, is_causal=self.is_causal, scale=self.scale)

    def extra_repr(self) -> str:
        """As printed."""
        return (
            f"{self.num_heads}, {self.head_dim}, value_dim={self.value_dim}, "
            f"is_causal={self.is_causal}"
        )
