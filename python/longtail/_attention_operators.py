"""The raw operators of the attention family and their fakes; see ``_operators``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor


def attention_operators() -> Iterator[tuple[str, torch._ops.OpOverload, Callable[..., Any]]]:
    """Every operator: its public function, itself, its fake."""
    yield from _compressed_prefix()
    yield from _parameter_tokens()


def _like(*tensors: Tensor) -> tuple[Tensor, ...]:
    return tuple(each.new_empty(each.shape) for each in tensors)


def _compressed_prefix() -> Iterator[tuple[str, torch._ops.OpOverload, Callable[..., Any]]]:
    def value(q: Tensor, k: Tensor, v: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
        rows = q.shape[:-1]
        return q.new_empty([*rows, v.shape[-1]]), q.new_empty(rows, dtype=torch.float64)

    def gradient(
        grad: Tensor, q: Tensor, k: Tensor, v: Tensor, z: Tensor, kappa: Tensor, *rest: Any
    ) -> tuple[Tensor, ...]:
        return _like(q, k, v, z, kappa)

    yield "ntk_attention", torch.ops.longtail.ntk_attention.default, value
    yield "ntk_attention", torch.ops.longtail.ntk_attention_backward.default, gradient


def _parameter_tokens() -> Iterator[tuple[str, torch._ops.OpOverload, Callable[..., Any]]]:
    def value(x: Tensor, key: Tensor, value: Tensor, tau: float) -> Tensor:
        return x.new_empty([*x.shape[:-1], value.shape[1]])

    def gradient(
        grad: Tensor, x: Tensor, key: Tensor, value: Tensor, tau: float
    ) -> tuple[Tensor, ...]:
        return _like(x, key, value)

    yield "pattention", torch.ops.longtail.pattention.default, value
    yield "pattention", torch.ops.longtail.pattention_backward.default, gradient
