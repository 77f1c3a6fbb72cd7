"""The arguments of ``short_conv``: checked, in the shapes of the raw op; its formula."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from longtail._arguments import (
    check_device,
    check_dims,
    check_dtype,
    check_floating,
    check_parameter,
    check_shape,
)

#: The most taps.
LARGEST = 128


class Names(NamedTuple):
    """What a function calls its rows and its state, and the dimensions of one row."""

    u: str
    state: str
    row: tuple[str, ...]


_ROWS = Names("u", "initial_state", ("H", "L"))
_STEP = Names("u_t", "state", ("H",))


def short_conv_arguments(
    name: str, u: Any, w: Any, bias: Any, activation: Any, state: Any
) -> tuple[tuple[Tensor, ...], bool]:
    """u, w, bias and state as the raw op has them, and whether its results go through silu."""
    return _arguments(name, _ROWS, u, w, bias, activation, state)


def short_conv_step_arguments(
    name: str, u_t: Any, w: Any, bias: Any, activation: Any, state: Any
) -> tuple[tuple[Tensor, ...], bool]:
    """The same, with rows of one number; there is a state."""
    check_floating(name, "state", state)
    return _arguments(name, _STEP, u_t, w, bias, activation, state)


def is_activation(name: Any) -> bool:
    """Whether there is one of that name, or None for none."""
    return name is None or (isinstance(name, str) and name in ("silu", "swish"))


def _arguments(
    name: str, names: Names, u: Any, w: Any, bias: Any, activation: Any, state: Any
) -> tuple[tuple[Tensor, ...], bool]:
    check_floating(name, names.u, u)
    check_floating(name, "w", w)
    if activation is not None and not isinstance(activation, str):
        raise TypeError(
            f"{name}: activation must be None or a str, got {type(activation).__name__}"
        )
    if not is_activation(activation):
        raise ValueError(
            f"{name}: activation is {activation!r}, expected None, 'silu' or 'swish', which is "
            "another name of silu"
        )
    inner = len(names.row)
    check_dims(name, names.u, u, inner, f"[..., {', '.join(names.row)}]")
    check_parameter(name, "w", w, names.u, u)
    batch, heads = list(u.shape[:-inner]), u.shape[-inner]
    if w.dim() != 2 or w.shape[0] != heads or not 1 <= w.shape[1] <= LARGEST:
        raise ValueError(
            f"{name}: w has shape {list(w.shape)}, expected [{heads}, W] with W from 1 to "
            f"{LARGEST}, as {names.u} has shape {list(u.shape)}"
        )
    past, rows = w.shape[1] - 1, math.prod(batch)
    check_device(name, "w", w, names.u, u)
    _check_part(name, "bias", bias, "w", w, [heads])
    _check_part(name, names.state, state, names.u, u, [*batch, heads, past])
    tensors = (
        u.reshape(rows, heads, u.shape[-1] if inner == 2 else 1),
        w,
        w.new_empty(0) if bias is None else bias.unsqueeze(-1),
        u.new_empty(0) if state is None else state.reshape(rows, heads, past),
    )
    return tensors, activation is not None


def last_inputs(u: Tensor, state: Tensor | None, count: int) -> Tensor:
    """The last ``count`` of state, or zeros, and u along the last dimension: a new tensor."""
    recent = u[..., max(0, u.shape[-1] - count) :]
    if state is None:
        return functional.pad(recent, (count - recent.shape[-1], 0))
    return torch.cat([state[..., recent.shape[-1] :], recent], -1)


def value(u: Tensor, w: Tensor, bias: Tensor, state: Tensor, silu: bool) -> Tensor:
    """The raw op as torch operations in float64: what the kernels have no op for."""
    taps, length = w.double(), u.shape[-1]
    past = taps.shape[-1] - 1
    x = u.double()
    x = functional.pad(x, (past, 0)) if state.dim() == 1 else torch.cat([state.double(), x], -1)
    y = taps[:, past:] * x[..., past:]
    for t in range(past):
        y = y + taps[:, t : t + 1] * x[..., t : t + length]
    if bias.dim() > 1:
        y = y + bias.double()
    return (functional.silu(y) if silu else y).to(u.dtype)


def _check_part(
    name: str, argument: str, part: Any, model: str, like: Tensor, shape: list[int]
) -> None:
    """None, or a tensor of that shape, in the dtype of ``like``, which the caller knows as
    ``model``."""
    if part is None:
        return
    check_floating(name, argument, part)
    check_dtype(name, argument, part, model, like)
    check_shape(name, argument, part, shape)
    check_device(name, argument, part, model, like)
