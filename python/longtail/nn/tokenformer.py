"""Layers whose weights are tokens, and a transformer block made of them (TokenFormer).

Names of modules and parameters are those of the released models (Haiyang-W/TokenFormer).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from longtail.nn._parameters import parameters_for
from longtail.tokenformer import pattention

__all__ = ["Pattention", "TokenFormerBlock"]

_TAU = "_extra_state"


class Pattention(nn.Module):
    """``pattention`` with its tokens as parameters; it takes the place of a linear layer.

    Args:
        in_features: channels of x and of the keys.
        out_features: channels of the result and of the values.
        num_tokens: n.
        tau: of ``pattention``, by default ``sqrt(num_tokens)``. ``grow`` leaves it as it is, and
            ``state_dict`` holds it; a checkpoint without it, as those released, means
            ``sqrt`` of the number of its tokens.
        device: of the parameters.
        dtype: of the parameters.

    Attributes:
        key_param_tokens: ``[n, in_features]``, drawn from N(0, 1 / in_features).
        value_param_tokens: ``[n, out_features]``, drawn so that the result has a variance of
            about 1.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        num_tokens: int,
        *,
        tau: float | None = None,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for name, size in (
            ("in_features", in_features),
            ("out_features", out_features),
            ("num_tokens", num_tokens),
        ):
            if not isinstance(size, int) or size < 1:
                raise ValueError(f"Pattention: {name} is {size!r}, expected a positive int")
        if tau is not None and not (math.isfinite(tau) and tau > 0):
            raise ValueError(f"Pattention: tau is {tau}, expected a positive finite number")
        self.in_features, self.out_features = in_features, out_features
        self.tau = math.sqrt(num_tokens) if tau is None else float(tau)
        like: dict[str, Any] = {"device": device, "dtype": dtype}
        self.key_param_tokens = nn.Parameter(torch.empty(num_tokens, in_features, **like))
        self.value_param_tokens = nn.Parameter(torch.empty(num_tokens, out_features, **like))
        self.reset_parameters()

    @property
    def num_tokens(self) -> int:
        """n."""
        return self.key_param_tokens.shape[0]

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw the tokens anew."""
        nn.init.normal_(self.key_param_tokens, 0, self.in_features**-0.5)
        self._draw_values(self.value_param_tokens, None)

    def _draw_values(self, values: Tensor, generator: torch.Generator | None) -> None:
        """Scores are normalised, so that gelu(N(0, 1))^2, 0.425 on average, is what they weigh."""
        std = (0.425 * self.num_tokens) ** -0.5
        values.normal_(0, std, generator=generator)

    @torch.no_grad()
    def grow(
        self,
        num_tokens: int,
        *,
        optimizer: torch.optim.Optimizer | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        """Add tokens that change no output: their keys are 0, their values drawn as at the start.

        tau stays. Keys of 0 have gradients, so the first step of training already moves them.

        Args:
            num_tokens: how many more.
            optimizer: the parameters become new ones, which an optimizer does not know. The one
                given here learns of them and keeps its state (moments are 0 for new tokens).
                Otherwise make a new one.
            generator: for the values.
        """
        if not isinstance(num_tokens, int) or num_tokens < 1:
            raise ValueError(
                f"Pattention.grow: num_tokens is {num_tokens!r}, expected a positive int"
            )
        keys = self.key_param_tokens.new_zeros(num_tokens, self.in_features)
        values = self.value_param_tokens.new_empty(num_tokens, self.out_features)
        self._draw_values(values, generator)
        for name, tokens in (("key_param_tokens", keys), ("value_param_tokens", values)):
            old = getattr(self, name)
            new = nn.Parameter(torch.cat([old, tokens]), requires_grad=old.requires_grad)
            setattr(self, name, new)
            if optimizer is not None:
                _replace(optimizer, old, new)

    def get_extra_state(self) -> dict[str, float]:
        """What ``state_dict`` holds beside the tokens."""
        return {"tau": self.tau}

    def set_extra_state(self, state: dict[str, float]) -> None:
        """Back from ``state_dict``."""
        self.tau = float(state["tau"])

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        tokens = state_dict.get(f"{prefix}key_param_tokens")
        if tokens is not None and tokens.dim() == 2:
            state_dict.setdefault(prefix + _TAU, {"tau": math.sqrt(tokens.shape[0])})
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def forward(self, x: Tensor) -> Tensor:
        """``[..., in_features]`` to ``[..., out_features]``."""
        if x.shape[-1:] != (self.in_features,):
            raise ValueError(
                f"Pattention: x has shape {list(x.shape)}, expected [..., {self.in_features}]"
            )
        key, value = parameters_for(x, self.key_param_tokens, self.value_param_tokens)
        return pattention(x, key, value, tau=self.tau)

    def extra_repr(self) -> str:
        """As printed."""
        return (
            f"{self.in_features}, {self.out_features}, num_tokens={self.num_tokens}, "
            f"tau={self.tau:.6g}"
        )


def _replace(optimizer: torch.optim.Optimizer, old: nn.Parameter, new: nn.Parameter) -> None:
    """The new parameter, which begins with the old one, in its place."""
    for group in optimizer.param_groups:
        group["params"] = [new if each is old else each for each in group["params"]]
    state = optimizer.state.pop(old, None)
    if state is None:
        return
    added = new.shape[0] - old.shape[0]
    for name, value in state.items():
        if isinstance(value, Tensor) and value.shape == old.shape:
            state[name] = torch.cat([value, value.new_zeros(added, *value.shape[1:])])
    optimizer.state[new] = state


class _SelfAttention(nn.Module):
    """Queries, keys, values and the projection by parameter tokens."""

    def __init__(
        self, dim: int, num_heads: int, tokens: int, proj_tokens: int, like: dict[str, Any]
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query = Pattention(dim, dim, tokens, **like)
        self.key = Pattention(dim, dim, tokens, **like)
        self.value = Pattention(dim, dim, tokens, **like)
        self.proj = Pattention(dim, dim, proj_tokens, **like)

    def forward(self, x: Tensor, is_causal: bool) -> Tensor:
        def heads(projected: Tensor) -> Tensor:
            return projected.unflatten(-1, (self.num_heads, -1)).transpose(-2, -3)

        q, k, v = (heads(layer(x)) for layer in (self.query, self.key, self.value))
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=is_causal)
        return self.proj(y.transpose(-2, -3).flatten(-2))


class TokenFormerBlock(nn.Module):
    """A pre-norm transformer block without a linear layer: attention among the tokens of x, and
    ``Pattention`` for queries, keys, values, the projection and the feed-forward part.

    Args:
        dim: channels.
        num_heads: of the attention among tokens; divides dim.
        qkv_tokens: parameter tokens of query, key and value each, by default dim.
        proj_tokens: of the projection, by default dim.
        ffn_tokens: of the feed-forward part, by default 4 dim.
        is_causal: whether token i sees tokens 0 to i only.
        affine: whether the layer norms have parameters; the paper's have none, which growth in
            dim would need.
        device: of the parameters.
        dtype: of the parameters.
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        *,
        qkv_tokens: int | None = None,
        proj_tokens: int | None = None,
        ffn_tokens: int | None = None,
        is_causal: bool = False,
        affine: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for name, size in (("dim", dim), ("num_heads", num_heads)):
            if not isinstance(size, int) or size < 1:
                raise ValueError(f"TokenFormerBlock: {name} is {size!r}, expected a positive int")
        if dim % num_heads:
            raise ValueError(
                f"TokenFormerBlock: num_heads is {num_heads}, expected a divisor of dim, {dim}"
            )
        like: dict[str, Any] = {"device": device, "dtype": dtype}
        self.dim, self.num_heads, self.is_causal = dim, num_heads, is_causal
        self.input_layernorm = nn.LayerNorm(dim, elementwise_affine=affine, **like)
        self.attention = _SelfAttention(
            dim,
            num_heads,
            dim if qkv_tokens is None else qkv_tokens,
            dim if proj_tokens is None else proj_tokens,
            like,
        )
        self.post_attention_layernorm = nn.LayerNorm(dim, elementwise_affine=affine, **like)
        self.mlp = Pattention(dim, dim, 4 * dim if ffn_tokens is None else ffn_tokens, **like)

    def forward(self, x: Tensor) -> Tensor:
        """``[..., L, dim]`` to the same; positions are for the caller to add."""
        if x.dim() < 2 or x.shape[-1] != self.dim:
            raise ValueError(
                f"TokenFormerBlock: x has shape {list(x.shape)}, expected [..., L, {self.dim}]"
            )
        x = x + self.attention(self.input_layernorm(x), self.is_causal)
        return x + self.mlp(self.post_attention_layernorm(x))

    def layers(self) -> Iterator[Pattention]:
        """Every ``Pattention``: query, key, value, projection, feed-forward."""
        yield from (self.attention.query, self.attention.key, self.attention.value)
        yield from (self.attention.proj, self.mlp)

    def grow(
        self,
        qkv_tokens: int = 0,
        proj_tokens: int = 0,
        ffn_tokens: int = 0,
        *,
        optimizer: torch.optim.Optimizer | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        """``Pattention.grow`` of query, key and value, of the projection, and of the feed-forward
        part, each by so many tokens; the output stays as it is."""
        wanted = (qkv_tokens, qkv_tokens, qkv_tokens, proj_tokens, ffn_tokens)
        if not all(isinstance(each, int) and each >= 0 for each in wanted) or not any(wanted):
            raise ValueError(
                f"TokenFormerBlock.grow: tokens are {wanted[2:]}, expected some to add, none "
                "negative"
            )
        for layer, count in zip(self.layers(), wanted, strict=True):
            if count:
                layer.grow(count, optimizer=optimizer, generator=generator)
