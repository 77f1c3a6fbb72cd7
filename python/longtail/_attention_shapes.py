"""Checks of attention's arguments, and the views that its raw operators take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from longtail._arguments import check_bool, check_device, check_dtype, check_tensor

_DTYPES = (torch.float32, torch.bfloat16, torch.float16)
MOST_CHANNELS = 256


def check_flags(name: str, **flags: Any) -> None:
    """Each must be a bool."""
    for argument, value in flags.items():
        check_bool(name, argument, value)


def option(name: str, argument: str, value: Any, choices: Mapping[str, int]) -> int:
    """The code of a named option."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: {argument} must be a string, got {type(value).__name__}")
    if value not in choices:
        raise ValueError(f"{name}: {argument} is {value!r}, expected one of {', '.join(choices)}")
    return choices[value]


def check_heads(name: str, q: Tensor, k: Tensor, v: Tensor, enable_gqa: bool, packed: bool) -> None:
    """Types, dtypes, devices and shapes of q, k and v."""
    for argument, value in (("q", q), ("k", k), ("v", v)):
        check_tensor(name, argument, value)
        if value.layout is not torch.strided:
            raise NotImplementedError(f"{name}: {argument} has layout {value.layout}")
        if value.dtype not in _DTYPES:
            raise TypeError(
                f"{name}: {argument} has dtype {value.dtype}, expected float32, bfloat16 or float16"
            )
        check_dtype(name, argument, value, "q", q)
        check_device(name, argument, value, "q", q)
        if value.dim() != 3 if packed else value.dim() < 2:
            expected = "[T, H, D]" if packed else "[..., H, L, D]"
            raise ValueError(
                f"{name}: {argument} has shape {list(value.shape)}, expected {expected}"
            )
        if not 1 <= value.shape[-1] <= MOST_CHANNELS:
            raise ValueError(
                f"{name}: {argument} has shape {list(value.shape)}, expected 1 to {MOST_CHANNELS} "
                "channels in the last dimension"
            )
    if k.shape[-1] != q.shape[-1]:
        raise ValueError(
            f"{name}: k has {k.shape[-1]} channels, expected those of q, {q.shape[-1]}"
        )
    if v.dim() != k.dim() or ((packed or v.dim() == 2) and v.shape[:-1] != k.shape[:-1]):
        raise ValueError(
            f"{name}: v has shape {list(v.shape)}, expected that of k but for its channels, "
            f"{list(k.shape)}"
        )
    if not packed and (q.dim() == 2) != (k.dim() == 2):
        raise ValueError(f"{name}: k has shape {list(k.shape)} and q {list(q.shape)}")
    if not packed and v.shape[-2] != k.shape[-2]:
        raise ValueError(f"{name}: v has {v.shape[-2]} keys, expected those of k, {k.shape[-2]}")
    if q.dim() > 2:
        _check_groups(name, q, k, v, enable_gqa, 1 if packed else -3)


def _check_groups(name: str, q: Tensor, k: Tensor, v: Tensor, enable_gqa: bool, dim: int) -> None:
    heads, key_heads = q.shape[dim], k.shape[dim]
    if v.shape[dim] != key_heads:
        raise ValueError(f"{name}: v has {v.shape[dim]} heads, expected those of k, {key_heads}")
    if heads == key_heads:
        return
    if not enable_gqa:
        raise ValueError(
            f"{name}: k has {key_heads} heads and q {heads}; enable_gqa=True lets heads share keys"
        )
    if key_heads == 0 or heads % key_heads:
        raise ValueError(
            f"{name}: q has {heads} heads, expected a multiple of those of k, {key_heads}"
        )


def flattened(name: str, q: Tensor, k: Tensor, v: Tensor) -> tuple[list[int], list[Tensor]]:
    """The broadcast leading dimensions, and the three as [batch, heads, length, channels]."""
    if q.dim() == 2:
        return [], [each[None, None] for each in (q, k, v)]
    try:
        lead = list(torch.broadcast_shapes(*(each.shape[:-3] for each in (q, k, v))))
    except RuntimeError:
        raise ValueError(
            f"{name}: the leading dimensions of q {list(q.shape)}, k {list(k.shape)} and v "
            f"{list(v.shape)} do not broadcast"
        ) from None
    return lead, [_four(each.expand(*lead, *each.shape[-3:]), len(lead)) for each in (q, k, v)]


def _four(tensor: Tensor, lead: int) -> Tensor:
    if lead == 0:
        return tensor.unsqueeze(0)
    return tensor if lead == 1 else tensor.flatten(0, lead - 1)


def check_mask(
    name: str, attn_mask: Tensor | None, shape: Sequence[int], q: Tensor
) -> Tensor | None:
    """The mask expanded to [batch, heads, rows, keys]."""
    if attn_mask is None:
        return None
    check_tensor(name, "attn_mask", attn_mask)
    if attn_mask.dtype != torch.bool and not attn_mask.dtype.is_floating_point:
        raise TypeError(
            f"{name}: attn_mask has dtype {attn_mask.dtype}, expected bool or floating point"
        )
    if attn_mask.dtype.itemsize == 1 and attn_mask.dtype != torch.bool:
        raise TypeError(f"{name}: attn_mask has dtype {attn_mask.dtype}, which is too narrow")
    check_device(name, "attn_mask", attn_mask, "q", q)
    if attn_mask.requires_grad and torch.is_grad_enabled():
        raise NotImplementedError(f"{name}: attn_mask requires a gradient, which is not computed")
    try:
        expanded = attn_mask.expand(shape)
    except RuntimeError:
        raise ValueError(
            f"{name}: attn_mask has shape {list(attn_mask.shape)}, which does not broadcast to "
            f"{list(shape)}"
        ) from None
    return _four(expanded, len(shape) - 3)
