"""The arguments of ``long_conv``: checked, broadcast, in the shapes of the raw op."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import torch
from torch import Tensor

from longtail._arguments import (
    check_bool,
    check_device,
    check_dims,
    check_dtype,
    check_floating,
    check_parameter,
    check_shape,
)

_NAME = "long_conv"


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
    check_bool(_NAME, "causal", causal)
    check_floating(_NAME, "k", k)
    if k.dim() not in (2, 3) or k.shape[-1] == 0:
        raise ValueError(
            f"{_NAME}: k has shape {list(k.shape)}, expected [H, K] or [C, H, K] with K > 0"
        )
    if k_rev is not None:
        check_floating(_NAME, "k_rev", k_rev)
        check_dtype(_NAME, "k_rev", k_rev, "k", k)
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
    check_floating(_NAME, "u", u)
    check_dims(_NAME, "u", u, 2, "[..., H, L]")
    check_parameter(_NAME, "k", k, "u", u)
    heads, length = u.shape[-2:]
    if k.shape[-2] != heads:
        raise ValueError(
            f"{_NAME}: k has shape {list(k.shape)}, expected {heads} heads as u of shape "
            f"{list(u.shape)}"
        )
    check_device(_NAME, "k", k, "u", u)
    _check_like("k", k, k_rev=k_rev, skip=skip)
    _check_like("u", u, gate_in=gate_in, gate_out=gate_out, initial_state=state)
    if k.dtype != u.dtype == torch.float64:  # the kernels read taps as they compute
        k = k.double()
        k_rev, skip = (None if each is None else each.double() for each in (k_rev, skip))
    batch, outputs = list(u.shape[:-2]), list(k.shape[:-2])
    rows, count = math.prod(batch), math.prod(outputs)
    if state is not None:
        check_shape(_NAME, "initial_state", state, [*batch, heads, k.shape[-1] - 1])

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


def _check_like(model: str, like: Tensor, **others: Any) -> None:
    """Tensors of the dtype and on the device of ``like``; None is none."""
    for argument, tensor in others.items():
        if tensor is not None:
            check_floating(_NAME, argument, tensor)
            check_dtype(_NAME, argument, tensor, model, like)
            check_device(_NAME, argument, tensor, model, like)


def _expand(argument: str, tensor: Tensor, shape: list[int]) -> Tensor:
    try:
        return tensor.expand(shape)
    except RuntimeError:
        raise ValueError(
            f"{_NAME}: {argument} has shape {list(tensor.shape)}, expected one that broadcasts to "
            f"{shape}"
        ) from None
