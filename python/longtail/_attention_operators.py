"""The raw operators of the attention family and their fakes; see ``_operators``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor


def _nothing(*args: Any) -> None:
    pass


def _attended(q: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    shape = q.shape[:-1]
    return q.new_empty([*shape, rest[-1]]), q.new_empty(shape, dtype=torch.float32)


def attention_operators() -> Iterator[tuple[str, torch._ops.OpOverload, Callable[..., Any]]]:
    """Every operator: its public function, itself, its fake."""
    namespace = torch.ops.longtail
    for name, public, fake in (
        ("quantized_attention", "quantized_attention", _output_and_lse),
        ("quantized_attention_varlen", "quantized_attention_varlen", _packed_output_and_lse),
        ("quantized_attention_inputs", "quantized_attention", _inputs),
        ("quantized_attention_backward", "quantized_attention", _gradients),
        ("quantized_attention_varlen_backward", "quantized_attention_varlen", _gradients),
    ):
        yield public, getattr(namespace, name).default, fake
    yield "QuantizedKVCache.append", namespace.kv_append.default, _nothing
    yield "QuantizedKVCache.attend", namespace.kv_attend.default, _attended
    yield "hadamard_transform", namespace.hadamard_transform.default, _like_x


def _output_and_lse(q: Tensor, k: Tensor, v: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    rows = q.shape[:-1]
    return q.new_empty([*rows, v.shape[-1]]), q.new_empty(rows, dtype=torch.float32)


def _packed_output_and_lse(q: Tensor, k: Tensor, v: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    tokens, heads = q.shape[:2]
    lse = q.new_empty([heads, tokens], dtype=torch.float32)
    return q.new_empty([tokens, heads, v.shape[-1]]), lse


def _gradients(grad: Tensor, grad_lse: Tensor, *inputs: Any) -> tuple[Tensor, ...]:
    return tuple(each.new_empty(each.shape) for each in inputs[:3])


def _inputs(
    q: Tensor, k: Tensor, v: Tensor, codes: int, smooth: int, rotate: bool, strict: bool
) -> tuple[Tensor, Tensor, Tensor]:
    channels = q.shape[-1]
    padded = max(4, 1 << (channels - 1).bit_length()) if rotate else (channels + 3) // 4 * 4

    def like(tensor: Tensor, last: int) -> Tensor:
        return tensor.new_empty([*tensor.shape[:-1], last], dtype=torch.float32)

    return like(q, padded), like(k, padded), like(v, v.shape[-1])


def _like_x(x: Tensor, *rest: Any) -> Tensor:
    return x.new_empty(x.shape)
