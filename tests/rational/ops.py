"""The group rational as the test kit sees it, and coefficients to call it with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

import longtail.polynomials
import longtail.rationals
from kit import OpSpec, RawOp

VERSIONS = ("A", "B")

# What an element-wise function of two arguments owes and a function with parameters does not.
_NO_BROADCAST = "coefficients have a shape of their own"
_MIXES = "coefficient gradients are sums over elements"
_ANY_ORDER = "differentiable to any order"
SKIPPED = {
    "gradient_of_broadcast_arguments": _NO_BROADCAST,
    "func_transforms_agree": _MIXES,
    "vmap_over_some_arguments": _NO_BROADCAST,
    "hessian": _MIXES,
    "third_derivative_raises": _ANY_ORDER,
    "double_backward_by_hand": _MIXES,
    "gradient_in_each_argument_alone": "one kernel gives all three gradients",
    "numbers_and_mixed_dtypes": _NO_BROADCAST,
    "func_transforms": _MIXES,
    "raw_op_under_vmap": "see test_values.py",
    "opcheck_shape": "x has at least one dimension; see test_values.py",
}


def coefficients(
    generator: torch.Generator, m: int = 5, n: int = 4, groups: tuple[int, int] = (1, 1)
) -> tuple[Tensor, Tensor]:
    """Numerator [groups[0], m + 1] and denominator [groups[1], n], float64."""
    numerator = torch.randn(groups[0], m + 1, generator=generator, dtype=torch.float64)
    denominator = torch.randn(groups[1], n, generator=generator, dtype=torch.float64)
    return numerator, denominator


def _sample(generator: torch.Generator, shape: Sequence[int]) -> tuple[Tensor, ...]:
    x = torch.randn(tuple(shape), generator=generator, dtype=torch.float64)
    return (x, *coefficients(generator))


def _named(version: str) -> Callable[..., Tensor]:
    def rational(
        x: Tensor, numerator: Tensor, denominator: Tensor, *, out: Tensor | None = None
    ) -> Tensor:
        return longtail.rational(x, numerator, denominator, version, out=out)

    return rational


SPECS = tuple(
    OpSpec(
        function=_named(version),
        arguments=("x", "numerator", "denominator"),
        sample=_sample,
        smooth_sample=_sample,
        raw=(
            RawOp(torch.ops.longtail.rational.default, (code, -1)),
            RawOp(torch.ops.longtail.rational_backward.default, (code, -1), takes_gradient=True),
        ),
        autocast=None,
        rounds_once=False,
        elementwise=False,
        parameters=2,
        skipped=SKIPPED,
    )
    for code, version in enumerate(VERSIONS)
)


def _poly_sample(generator: torch.Generator, shape: Sequence[int]) -> tuple[Tensor, ...]:
    x = torch.randn(tuple(shape), generator=generator, dtype=torch.float64)
    weight = torch.randn(3, generator=generator, dtype=torch.float64)
    return x, weight, torch.randn(1, generator=generator, dtype=torch.float64)


POLY_SPECS = tuple(
    OpSpec(
        function=function,
        arguments=("x", "weight", "bias"),
        sample=_poly_sample,
        smooth_sample=_poly_sample,
        raw=(
            RawOp(getattr(torch.ops.longtail, name).default, constants),
            RawOp(
                getattr(torch.ops.longtail, f"{name}_backward").default,
                constants,
                takes_gradient=True,
            ),
        ),
        autocast=None,
        rounds_once=False,
        elementwise=False,
        parameters=2,
        skipped=SKIPPED
        | {"opcheck": "parameters are no matrices; see test_poly.py"}
        | {"fake_agrees": "parameters are no matrices; see test_poly.py"},
    )
    for function, name, constants in (
        (longtail.poly_norm, "poly_norm", (1e-6,)),
        (longtail.poly_relu, "poly_relu", ()),
    )
)
