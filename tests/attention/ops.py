"""quantized_attention as the test kit sees it: a few heads behind every leading dimension."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

import longtail
from attention.cases import DTYPES
from kit import Gradient, OpSpec, RawOp

# No two sizes are equal: equal ones become one symbol in compiled graphs.
HEADS, ROWS, KEYS, CHANNELS = 4, 7, 9, 16

_ONCE = "straight-through: one derivative, no forward mode; see test_gradient.py"


def _sample(generator: torch.Generator, shape: Sequence[int]) -> tuple[Tensor, ...]:
    def draw(length: int) -> Tensor:
        return torch.randn(
            [*shape, HEADS, length, CHANNELS], generator=generator, dtype=torch.float64
        )

    return draw(ROWS), draw(KEYS), draw(KEYS)


def _attention(rotate: bool, causal: bool) -> Callable[..., Tensor]:
    def quantized_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        result = longtail.quantized_attention(q, k, v, is_causal=causal, rotate=rotate)
        assert isinstance(result, Tensor)
        return result

    return quantized_attention


SPECS = tuple(
    OpSpec(
        function=_attention(rotate, causal),
        arguments=("q", "k", "v"),
        sample=_sample,
        smooth_sample=_sample,
        raw=(RawOp(torch.ops.longtail.quantized_attention.default),),
        gradient=Gradient.STRAIGHT_THROUGH,
        dtypes=DTYPES,
        autocast=None,
        out=False,
        rounds_once=False,
        elementwise=False,
        skipped=dict.fromkeys(("func_transforms", "third_derivative_raises"), _ONCE)
        | {"numbers_and_mixed_dtypes": "q, k and v are tensors of one dtype"},
    )
    for rotate, causal in ((False, False), (True, True))
)
