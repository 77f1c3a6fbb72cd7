"""The Hadamard transform inside an element-wise function, as the test kit's checks want one.

Its rows have 2 elements made from one: (x, x^2) becomes (x + x^2, x - x^2), whose product is
x^2 - x^4. A wrong gradient, tangent, batch rule or graph of the transform shows in it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

import longtail
from kit import OpSpec, RawOp

_ONE = "a function of one argument"


def hadamard_transform(x: Tensor) -> Tensor:
    """x^2 - x^4."""
    both = longtail.hadamard_transform(torch.stack([x, x * x], -1))
    return both[..., 0] * both[..., 1]


def _sample(generator: torch.Generator, shape: Sequence[int]) -> tuple[Tensor, ...]:
    return (torch.randn(tuple(shape), generator=generator, dtype=torch.float64),)


SPECS = (
    OpSpec(
        function=hadamard_transform,
        arguments=("x",),
        sample=_sample,
        smooth_sample=_sample,
        raw=(RawOp(torch.ops.longtail.hadamard_transform.default, (1.0, False)),),
        autocast=None,
        out=False,
        rounds_once=False,
        skipped={
            "third_derivative_raises": "differentiable to any order",
            "gradient_of_broadcast_arguments": _ONE,
            "gradient_in_each_argument_alone": _ONE,
            "double_backward_by_hand": "no partial derivatives to put together",
            "numbers_and_mixed_dtypes": _ONE,
        },
    ),
)
