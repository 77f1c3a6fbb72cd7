"""long_conv as the test kit sees it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

import longtail
from kit import OpSpec, RawOp
from kit.twins import randn
from rational.ops import SKIPPED

# None of these is a size that compiled graphs are called with: equal sizes become one symbol.
HEADS, LENGTH, TAPS, AHEAD = 4, 9, 6, 7

_SKIPPED = SKIPPED | dict.fromkeys(
    ("opcheck", "fake_agrees", "raw_op_refuses_a_gradient"),
    "tensors are no matrices; see test_long_conv.py",
)


def _sample(generator: torch.Generator, shape: Sequence[int]) -> tuple[Tensor, ...]:
    return (
        randn(generator, torch.float64, *shape, HEADS, LENGTH),
        randn(generator, torch.float64, HEADS, TAPS),
        randn(generator, torch.float64, HEADS, AHEAD),
        randn(generator, torch.float64, HEADS),
    )


def long_conv(u: Tensor, k: Tensor, k_rev: Tensor, skip: Tensor) -> Tensor:
    """Gated by itself: inductor would round a function of u in its own way."""
    return longtail.long_conv(u, k, k_rev=k_rev, skip=skip, gate_in=u, gate_out=u)


LONG_CONV = OpSpec(
    function=long_conv,
    arguments=("u", "k", "k_rev", "skip"),
    sample=_sample,
    smooth_sample=_sample,
    raw=(RawOp(torch.ops.longtail.long_conv.default),),
    autocast=None,
    out=False,
    rounds_once=False,
    elementwise=False,
    parameters=3,
    skipped=_SKIPPED,
)
SPECS = (LONG_CONV,)
