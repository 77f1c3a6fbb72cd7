"""Arguments of QuantizedKVCache: checked, and brought into the shape that its operators take."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

DTYPES = (torch.float32, torch.float16, torch.bfloat16)


def ceil_division(count: int, size: int) -> int:
    return -(-count // size)


def refuse_gradient(name: str, argument: str, value: Tensor) -> None:
    if torch.is_grad_enabled() and value.requires_grad:
        raise NotImplementedError(
            f"{name}: {argument} requires a gradient, which a quantised cache does not give; "
            "call it under torch.no_grad(), or detach"
        )


def check_tensor(name: str, argument: str, value: Tensor) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}: {argument} must be a Tensor, got {type(value).__name__}")
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


def integers(name: str, values: Tensor | Sequence[int], count: int | None) -> list[int]:
    numbers = values.tolist() if isinstance(values, Tensor) else list(values)
    whole = all(isinstance(each, int) and not isinstance(each, bool) for each in numbers)
    if not whole or (count is not None and len(numbers) != count):
        wanted = "integers" if count is None else f"{count} integers"
        raise ValueError(f"{name}: got {numbers}, expected {wanted}")
    return numbers


def check_lengths(
    name: str, argument: str, lengths: Tensor | Sequence[int] | None, batch: int, tokens: int
) -> list[int]:
    if lengths is None:
        return [tokens] * batch
    numbers = integers(name, lengths, batch)
    if any(not 0 <= each <= tokens for each in numbers):
        raise ValueError(f"{name}: {argument} is {numbers}, expected numbers from 0 to {tokens}")
    return numbers


def to_the_front(x: Tensor, counts: Sequence[int]) -> Tensor:
    """Left-padded tokens as right-padded ones."""
    tokens = x.shape[2]
    return torch.stack([x[b].roll(count - tokens, 1) for b, count in enumerate(counts)])


def added_mask(name: str, mask: Tensor, q: Tensor, keys: int) -> Tensor:
    """What is to be added to the scores: a float32 view of ``[B, H, Lq, keys]``."""
    if not isinstance(mask, Tensor):
        raise TypeError(f"{name}: attn_mask must be a Tensor, got {type(mask).__name__}")
    if mask.dtype not in (torch.bool, *DTYPES):
        raise TypeError(
            f"{name}: attn_mask has dtype {mask.dtype}; supported are bool, float32, bfloat16 and "
            "float16"
        )
    refuse_gradient(name, "attn_mask", mask)
    if mask.device != q.device:
        raise ValueError(f"{name}: attn_mask is on {mask.device} and q on {q.device}")
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
        mask = torch.zeros(mask.shape, device=mask.device).masked_fill_(~mask, -math.inf)
    return mask.detach().float().expand(shape)
