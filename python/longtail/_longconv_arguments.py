"""The arguments of ``long_conv``: checked, broadcast, in the shapes of the raw op."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import torch
from torch import Tensor

_NAME = "long_conv"
_FLOATING = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


@dataclasses.dataclass(frozen=True)
class ConvArguments:
    """What a call is made of.

    Attributes:
        tensors: u, k, k_rev, skip, gate_in, gate_out and state as the raw op has them.
        batch: leading dimensions of u.
        several: whether y has a dimension C.
    """

    tensors: tuple[Tensor, ...]
    batch: tuple[int, ...]
    several: bool

    def shaped(self, y: Tensor) -> Tensor:
        """The result of the raw op in the shape that the caller expects."""
        if not self.several:
            y = y.squeeze(1)
        return y if len(self.batch) == 1 else y.reshape(*self.batch, *y.shape[1:])

    def final_state(self) -> Tensor:
        """The last K - 1 inputs, gated."""
        u, k, _, _, gate_in, _, state = self.tensors
        wanted = k.shape[-1] - 1
        recent = slice(max(0, u.shape[-1] - wanted), None)
        x = u[..., recent] * gate_in[..., recent] if gate_in.dim() > 1 else u[..., recent]
        if state.dim() == 1:
            state = u.new_zeros(*u.shape[:-1], wanted)
        last = torch.cat([state[..., x.shape[-1] :], x], -1)
        return last.reshape(*self.batch, *last.shape[1:])


def split_taps(k: Any, k_rev: Any, causal: Any) -> tuple[Tensor, Tensor | None]:
    """Taps on the past and on what is ahead; ``causal=False`` without k_rev centres k."""
    if not isinstance(causal, bool):
        raise TypeError(f"{_NAME}: causal must be a bool, got {type(causal).__name__}")
    _check_tensor("k", k)
    if k.dim() not in (2, 3) or k.shape[-1] == 0:
        raise ValueError(
            f"{_NAME}: k has shape {list(k.shape)}, expected [H, K] or [C, H, K] with K > 0"
        )
    if k_rev is not None:
        _check_tensor("k_rev", k_rev)
        if k_rev.dtype != k.dtype:
            raise TypeError(
                f"{_NAME}: k_rev has dtype {k_rev.dtype}, expected that of k, {k.dtype}"
            )
        if k_rev.shape[:-1] != k.shape[:-1]:
            raise ValueError(
                f"{_NAME}: k_rev has shape {list(k_rev.shape)}, expected {[*k.shape[:-1]]} and its "
                "taps, as k has them"
            )
        return k, k_rev if k_rev.shape[-1] > 0 else None
    centre = 0 if causal else (k.shape[-1] - 1) // 2
    return (k[..., centre:], k[..., :centre].flip(-1)) if centre > 0 else (k, None)


def conv_arguments(
    u: Any, k: Tensor, k_rev: Tensor | None, skip: Any, gate_in: Any, gate_out: Any, state: Any
) -> ConvArguments:
    """See ``longconv.long_conv``, whose arguments these are; k and k_rev by ``split_taps``."""
    _check_tensor("u", u)
    if u.dim() < 2:
        raise ValueError(f"{_NAME}: u has shape {list(u.shape)}, expected [..., H, L]")
    if k.dtype not in (u.dtype, torch.float32):
        raise TypeError(
            f"{_NAME}: k has dtype {k.dtype}, expected that of u, {u.dtype}, or float32"
        )
    heads, length = u.shape[-2:]
    if k.shape[-2] != heads:
        raise ValueError(
            f"{_NAME}: k has shape {list(k.shape)}, expected {heads} heads as u of shape "
            f"{list(u.shape)}"
        )
    _check_like(k, "u", u, dtype=False, k=k)
    _check_like(k, "k", k, k_rev=k_rev, skip=skip)
    _check_like(u, "u", u, gate_in=gate_in, gate_out=gate_out, initial_state=state)
    if k.dtype != u.dtype == torch.float64:  # the kernels read taps as they compute
        k = k.double()
        k_rev, skip = (None if each is None else each.double() for each in (k_rev, skip))
    batch, outputs = list(u.shape[:-2]), list(k.shape[:-2])
    rows, count = math.prod(batch), math.prod(outputs)
    if state is not None and list(state.shape) != [*batch, heads, k.shape[-1] - 1]:
        raise ValueError(
            f"{_NAME}: initial_state has shape {list(state.shape)}, expected "
            f"{[*batch, heads, k.shape[-1] - 1]}"
        )

    def taps(tensor: Tensor | None) -> Tensor:
        return k.new_empty(0) if tensor is None else tensor.reshape(count, heads, tensor.shape[-1])

    def wide(name: str, tensor: Tensor | None, like: Tensor, *shapes: list[int]) -> Tensor:
        if tensor is None:
            return like.new_empty(0)
        return _expand(name, tensor, shapes[0]).reshape(shapes[1])

    tensors = (
        u.reshape(rows, heads, length),
        taps(k),
        taps(k_rev),
        wide("skip", skip, k, [*outputs, heads], [count, heads]),
        wide("gate_in", gate_in, u, [*batch, heads, length], [rows, heads, length]),
        wide(
            *("gate_out", gate_out, u),
            *([*batch, *outputs, heads, length], [rows, count, heads, length]),
        ),
        u.new_empty(0) if state is None else state.reshape(rows, heads, state.shape[-1]),
    )
    return ConvArguments(tensors, tuple(batch), k.dim() == 3)


def _check_tensor(argument: str, tensor: Any) -> None:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{_NAME}: {argument} must be a Tensor, got {type(tensor).__name__}")
    if tensor.dtype not in _FLOATING:
        raise TypeError(
            f"{_NAME}: {argument} has dtype {tensor.dtype}; supported are float64, float32, "
            "float16 and bfloat16"
        )


def _check_like(model: Tensor, name: str, on: Tensor, *, dtype: bool = True, **others: Any) -> None:
    """Tensors of the dtype of ``model`` on the device of ``on``, which the caller knows as
    ``name``; None is none."""
    for argument, tensor in others.items():
        if tensor is None:
            continue
        _check_tensor(argument, tensor)
        if dtype and tensor.dtype != model.dtype:
            raise TypeError(
                f"{_NAME}: {argument} has dtype {tensor.dtype}, expected that of {name}, "
                f"{model.dtype}"
            )
        if tensor.device != on.device:
            raise ValueError(f"{_NAME}: {argument} is on {tensor.device} and {name} on {on.device}")


def _expand(argument: str, tensor: Tensor, shape: list[int]) -> Tensor:
    try:
        return tensor.expand(shape)
    except RuntimeError:
        raise ValueError(
            f"{_NAME}: {argument} has shape {list(tensor.shape)}, expected one that broadcasts to "
            f"{shape}"
        ) from None
