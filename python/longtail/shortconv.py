"""Causal convolutions of a few taps, each channel by itself, with a state for streaming.

What causal-conv1d does on CUDA for Mamba and its kin, here on CPUs too, for up to 128 taps.
Source: Gu and Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", 2023.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from longtail import _library, _short_conv_arguments  # noqa: F401  (loads the raw ops)
from longtail._arguments import check_bool
from longtail._autograd import is_plain_call
from longtail._parametric import Placement, formula_of, parametric_function
from longtail._short_conv_arguments import (
    is_activation,
    last_inputs,
    short_conv_arguments,
    short_conv_step_arguments,
)

__all__ = ["short_conv", "short_conv_step"]


def short_conv(
    u: Tensor,
    w: Tensor,
    bias: Tensor | None = None,
    *,
    activation: str | None = None,
    initial_state: Tensor | None = None,
    return_final_state: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """``y[n] = act(bias + sum_{t < W} w[t] u[n - (W - 1) + t])`` for each channel; u = 0 before the
    row.

    The order of the taps is that of ``torch.nn.functional.conv1d`` and of causal-conv1d, a
    correlation: ``w[:, W - 1]`` acts on the present, ``w[:, 0]`` on what was W - 1 steps ago. It is
    ``conv1d(pad(u, (W - 1, 0)), w.unsqueeze(1), bias, groups=H)``. ``long_conv`` counts the other
    way: its ``k[j]`` acts at lag j, so that ``k = w.flip(-1)``.

    Args:
        u: ``[..., H, L]``, float64, float32, bfloat16 or float16; the narrower three are computed
            in float32 and rounded once. Any L, 0 too.
        w: ``[H, W]``, W from 1 to 128; in the dtype of u or float32.
        bias: ``[H]``, in the dtype of w.
        activation: None, or ``"silu"``: ``act(a) = a / (1 + e^-a)``; ``"swish"`` is the same.
        initial_state: ``[..., H, W - 1]``, in the dtype of u: what u was before the row. None: 0.
        return_final_state: also return the last W - 1 inputs, for the next call.

    Returns:
        y, in the shape and dtype of u, contiguous; with ``return_final_state`` also the state, a
        new tensor. A row in pieces has the bits of the whole. Largest error of N(0, 1) inputs and
        taps, relative to the largest result: 1e-6 in float32, 1e-14 in float64, and what one
        rounding costs, 5e-4 in float16 and 4e-3 in bfloat16. Gradients likewise.

    Gradients: exact in all tensors, to any order (from the second on, and in forward mode, by torch
    operations in float64). The same bits on repeat and for any number of threads.

    Raises:
        TypeError: a dtype that is not floating point or does not fit.
        ValueError: a wrong shape, an unknown activation or several devices.
    """
    name = "short_conv"
    check_bool(name, "return_final_state", return_final_state)
    tensors, silu = short_conv_arguments(name, u, w, bias, activation, initial_state)
    y = _short_conv(*tensors, silu).reshape(u.shape)
    return (y, last_inputs(u, initial_state, w.shape[1] - 1)) if return_final_state else y


def short_conv_step(
    u_t: Tensor,
    state: Tensor,
    w: Tensor,
    bias: Tensor | None = None,
    *,
    activation: str | None = None,
) -> tuple[Tensor, Tensor]:
    """One step of ``short_conv``: of the input now and the W - 1 before it.

    Args:
        u_t: ``[..., H]``.
        state: ``[..., H, W - 1]``: zeros at the start, then what the step before returned. It is
            not written to (causal-conv1d's is).
        w: as of ``short_conv``.
        bias: as of ``short_conv``.
        activation: as of ``short_conv``.

    Returns:
        y_t ``[..., H]`` and the state for the next step, a new tensor. The bits are those of
        ``short_conv`` on the whole row, and so are gradients and what is raised.
    """
    name = "short_conv_step"
    tensors = (u_t, state, w) if bias is None else (u_t, state, w, bias)
    if is_activation(activation) and is_plain_call(tensors) and _have_one_device(tensors):
        # A step is too short for what anything else takes. The raw op refuses what the checks
        # below do, which say it better.
        try:
            with torch._C._AutoDispatchBelowAutograd():
                return _one_step(u_t, w, bias, state, activation is not None)
        except ValueError:
            pass
    arguments, silu = short_conv_step_arguments(name, u_t, w, bias, activation, state)
    y = _short_conv(*arguments, silu).reshape(u_t.shape)
    return y, last_inputs(u_t.unsqueeze(-1), state, w.shape[1] - 1)


def _have_one_device(tensors: Sequence[Tensor]) -> bool:
    """One with data: nothing is checked where there is none."""
    device = tensors[0].device
    for tensor in tensors:  # no all(): it takes longer
        if tensor.device != device:
            return False
    return device.type != "meta"


def _shard(u: Any, w: Any, bias: Any, state: Any, silu: bool) -> Any:
    """Batches, where taps get shares of their gradients, and heads."""
    from torch.distributed.tensor import Partial, Replicate, Shard

    whole: Any = Replicate()
    there = [len(each.shape) > 1 for each in (u, w, bias, state)]

    def where_given(*placements: Any) -> list[Any]:
        return [
            each if is_there else whole for each, is_there in zip(placements, there, strict=True)
        ]

    batch: Any = Shard(0)
    by_heads = where_given(Shard(1), Shard(0), Shard(0), Shard(1))
    return [
        Placement(whole, [whole] * 4, [whole] * 4),
        Placement(
            batch,
            where_given(batch, whole, whole, batch),
            where_given(batch, Partial(), Partial(), batch),
        ),
        Placement(Shard(1), by_heads, by_heads),
    ]


_short_conv: Any = parametric_function(
    "short_conv", formula_of(_short_conv_arguments.value, 4), _shard, tensors=4, one_by_one=True
)
_one_step: Any = torch.ops.longtail.short_conv_step.default
