"""Arguments of QuantizedKVCache: checked, and brought into the shape that its operators take."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from longtail import _arguments

FORMATS = ("channel", "token_rotated")
MAX_HEAD_DIM = 256
DTYPES = (torch.float32, torch.float16, torch.bfloat16)


def ceil_division(count: int, size: int) -> int:
    return -(-count // size)


def check_kind(bits: int, k_format: str, group: int) -> None:
    if bits not in (4, 8):
        raise ValueError(f"QuantizedKVCache: bits is {bits!r}, expected 4 or 8")
    if k_format not in FORMATS:
        raise ValueError(f"QuantizedKVCache: k_format is {k_format!r}, expected one of {FORMATS}")
    if group not in (32, 64, 128, 256):
        raise ValueError(f"QuantizedKVCache: group is {group!r}, expected 32, 64, 128 or 256")


def check_state(
    name: str, state: Mapping[str, Any], mine: Mapping[str, Any], tensors: Sequence[str]
) -> None:
    """That it has the keys of a state and is of this kind of cache; before the first append there
    are no tensors."""
    expected = {*mine, "v_dim", "lengths", "packed"}
    if state.get("lengths") or "tail" in state:
        expected |= set(tensors)
    if set(state) != expected:
        raise ValueError(f"{name}: keys are {sorted(state)}, expected {sorted(expected)}")
    for key, value in mine.items():
        if state[key] != value:
            raise ValueError(f"{name}: {key} is {state[key]!r}, expected this cache's {value!r}")


def refuse_gradient(name: str, argument: str, value: Tensor) -> None:
    if torch.is_grad_enabled() and value.requires_grad:
        raise NotImplementedError(
            f"{name}: {argument} requires a gradient, which a quantised cache does not give; "
            "call it under torch.no_grad(), or detach"
        )


def check_tensor(name: str, argument: str, value: Tensor) -> None:
    _arguments.check_tensor(name, argument, value)
    if hasattr(value, "device_mesh"):
        raise NotImplementedError(
            f"{name}: {argument} is a DTensor, but a cache belongs to one process: give each its "
            "own sequences and heads, to_local(), and make its result a DTensor by from_local"
        )
    if value.dtype not in DTYPES:
        raise TypeError(
            f"{name}: {argument} has dtype {value.dtype}; supported are float32, bfloat16 and "
            "float16"
        )
    if value.dim() != 4:
        raise ValueError(
            f"{name}: {argument} has shape {list(value.shape)}, expected [batch, heads, tokens, "
            "head_dim]"
        )
    refuse_gradient(name, argument, value)


def check_keys_and_values(name: str, k: Tensor, v: Tensor, tail: Tensor | None, v_dim: int) -> None:
    """That they fit each other and what the cache has: its ``tail`` and their last dimension."""
    if k.shape[:3] != v.shape[:3]:
        raise ValueError(
            f"{name}: v has shape {list(v.shape)}, expected batch, heads and tokens of k, "
            f"{list(k.shape)}"
        )
    for argument, dim in (("k", k.shape[3]), ("v", v.shape[3])):
        if not 1 <= dim <= MAX_HEAD_DIM:
            raise ValueError(
                f"{name}: {argument} has head dimension {dim}, expected 1 to {MAX_HEAD_DIM}"
            )
    _arguments.check_dtype(name, "v", v, "k", k)
    _arguments.check_device(name, "v", v, "k", k)
    if tail is None:
        return
    mine = (*tail.shape[:2], tail.shape[3], v_dim)
    got = (*k.shape[:2], k.shape[3], v.shape[3])
    if mine != got:
        raise ValueError(
            f"{name}: batch, heads and head dimensions of k and v are {list(got)}, expected "
            f"those of the cache, {list(mine)}"
        )
    if k.dtype != tail.dtype:
        raise TypeError(f"{name}: k has dtype {k.dtype}, expected the cache's {tail.dtype}")
    _arguments.check_device(name, "k", k, "the cache", tail)


def check_queries(name: str, q: Tensor, tail: Tensor) -> None:
    batch, kv_heads, _, dim = tail.shape
    wrong_heads = q.shape[1] % kv_heads if kv_heads else q.shape[1]
    if q.shape[0] != batch or wrong_heads or q.shape[3] != dim:
        raise ValueError(
            f"{name}: q has shape {list(q.shape)}, expected [{batch}, a multiple of "
            f"{kv_heads}, queries, {dim}] for this cache"
        )
    _arguments.check_device(name, "q", q, "the cache", tail)


def integers(name: str, argument: str, values: Any, count: int | None) -> list[int]:
    """Those of a sequence or of a tensor of one dimension."""
    wanted = "integers" if count is None else f"{count} integers"
    try:
        numbers = values.tolist() if isinstance(values, Tensor) else list(values)
    except TypeError:
        got = type(values).__name__
        raise TypeError(f"{name}: {argument} is of type {got}, expected {wanted}") from None
    whole = isinstance(numbers, list) and all(type(each) is int for each in numbers)
    if not whole or (count is not None and len(numbers) != count):
        raise ValueError(f"{name}: {argument} is {numbers}, expected {wanted}")
    return numbers


def check_lengths(
    name: str, argument: str, lengths: Tensor | Sequence[int] | None, batch: int, tokens: int
) -> list[int]:
    if lengths is None:
        return [tokens] * batch
    numbers = integers(name, argument, lengths, batch)
    if any(not 0 <= each <= tokens for each in numbers):
        raise ValueError(f"{name}: {argument} is {numbers}, expected numbers from 0 to {tokens}")
    return numbers


def to_the_front(x: Tensor, counts: Sequence[int]) -> Tensor:
    """Left-padded tokens as right-padded ones."""
    tokens = x.shape[2]
    return torch.stack([x[b].roll(count - tokens, 1) for b, count in enumerate(counts)])


def added_mask(name: str, mask: Tensor, q: Tensor, keys: int) -> Tensor:
    """What is to be added to the scores: a float32 view of ``[B, H, Lq, keys]``."""
    _arguments.check_tensor(name, "attn_mask", mask)
    if mask.dtype not in (torch.bool, *DTYPES):
        raise TypeError(
            f"{name}: attn_mask has dtype {mask.dtype}; supported are bool, float32, bfloat16 and "
            "float16"
        )
    refuse_gradient(name, "attn_mask", mask)
    _arguments.check_device(name, "attn_mask", mask, "q", q)
    shape = [*q.shape[:3], keys]
    fits = mask.dim() <= 4 and all(
        mine in (1, whole) for mine, whole in zip(mask.shape[::-1], shape[::-1], strict=False)
    )
    if not fits:
        raise ValueError(
            f"{name}: attn_mask has shape {list(mask.shape)}, expected one that broadcasts to "
            f"[B, H, Lq, Lk] = {shape}"
        )
    if mask.dtype == torch.bool:
        mask = torch.where(mask, 0.0, -math.inf)
    return mask.detach().float().expand(shape)
