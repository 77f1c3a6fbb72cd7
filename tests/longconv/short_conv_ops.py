"""short_conv as the test kit sees it, and its twin on torch's conv1d."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

import longtail
from kit import OpSpec, RawOp
from kit.twins import randn
from rational.ops import SKIPPED

# None of these is a size that compiled graphs are called with: equal sizes become one symbol.
HEADS, LENGTH, TAPS = 4, 9, 7

_SKIPPED = SKIPPED | dict.fromkeys(
    ("opcheck", "fake_agrees", "raw_op_refuses_a_gradient"),
    "tensors are no matrices; see test_short_conv.py",
)


def twin(
    u: Tensor,
    w: Tensor,
    bias: Tensor | None = None,
    *,
    activation: str | None = None,
    initial_state: Tensor | None = None,
) -> Tensor:
    """conv1d of a group for each channel, u [B, H, L] with the state or zeros in front."""
    heads, width = w.shape
    before = u.new_zeros(*u.shape[:-1], width - 1) if initial_state is None else initial_state
    y = functional.conv1d(torch.cat([before, u], -1), w.unsqueeze(1), bias, groups=heads)
    return functional.silu(y) if activation else y


def _sample(generator: torch.Generator, shape: Sequence[int]) -> tuple[Tensor, ...]:
    return (
        randn(generator, torch.float64, *shape, HEADS, LENGTH),
        randn(generator, torch.float64, *shape, HEADS, TAPS - 1),
        randn(generator, torch.float64, HEADS, TAPS),
        randn(generator, torch.float64, HEADS),
    )


def short_conv(u: Tensor, state: Tensor, w: Tensor, bias: Tensor) -> Tensor:
    """With everything there is."""
    return longtail.short_conv(u, w, bias, activation="silu", initial_state=state)


SHORT_CONV = OpSpec(
    function=short_conv,
    arguments=("u", "state", "w", "bias"),
    sample=_sample,
    smooth_sample=_sample,
    raw=(RawOp(torch.ops.longtail.short_conv.default, (True,)),),
    autocast=None,
    out=False,
    rounds_once=False,
    elementwise=False,
    parameters=2,
    skipped=_SKIPPED,
)
SPECS = (SHORT_CONV,)
