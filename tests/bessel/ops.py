"""The eight log-Bessel functions as the test kit sees them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import flint
import torch
from flint import arb
from torch import Tensor

import longtail
from bessel.metrics import CONTRACT, EPS
from kit import OpSpec, RawOp
from kit.layouts import ulp_bound

_INF, _NAN = math.inf, math.nan


def _log_uniform(low: float, high: float) -> Callable[..., tuple[Tensor, Tensor]]:
    """Two independent tensors of elements in [low, high]."""

    def sample(generator: torch.Generator, shape: Sequence[int]) -> tuple[Tensor, Tensor]:
        start, length = math.log(low), math.log(high / low)
        return tuple(
            (start + length * torch.rand(shape, generator=generator, dtype=torch.float64)).exp()
            for _ in range(2)
        )

    return sample


def _exactly(formula: Callable[[arb, arb], arb]) -> Callable[[float, float], float]:
    """The correctly rounded value of a formula in ball arithmetic."""

    def reference(first: float, second: float) -> float:
        with flint.ctx.workprec(400):
            value = formula(arb(first), arb(second))
            assert value.rel_accuracy_bits() > 80
            return float(value.mid())

    return reference


def _hyp0f1(b: arb, z: arb) -> arb:
    """By I: 0F1(; b; z) = Gamma(b) s^(1 - b) I_{b-1}(2 s), s = sqrt(z)."""
    s = z.sqrt()
    return b.gamma() * s ** (1 - b) * (2 * s).bessel_i(b - 1)


def _matern(nu: arb, r: arb) -> arb:
    s = (2 * nu).sqrt() * r
    return arb(2) ** (1 - nu) / nu.gamma() * s**nu * s.bessel_k(nu)


def _bound(name: str) -> Callable[[float, torch.dtype], float]:
    """The largest absolute error that csrc/bessel/contract.json allows: in float64 as it says,
    in narrower dtypes by half a unit in the last place more (rounding)."""
    promise = CONTRACT["values"][name]

    def bound(value: float, dtype: torch.dtype) -> float:
        if "ulp" in promise:
            wide = ulp_bound(value, torch.float64, promise["ulp"])
        elif "log_relative" in promise:
            wide = promise["log_relative"] * EPS * abs(value) * max(1.0, abs(math.log(value)))
        else:
            wide = promise["E1"] * EPS * max(1.0, abs(value))
        return wide if dtype == torch.float64 else wide + ulp_bound(value, dtype, 0.5)

    return bound


def _spec(
    function: Callable[..., Tensor],
    arguments: tuple[str, str],
    formula: Callable[[arb, arb], arb],
    edges: dict[tuple[float, ...], float],
    sample: Callable[..., tuple[Tensor, Tensor]] | None = None,
) -> OpSpec:
    ops = torch.ops.longtail
    name = function.__name__
    derivative = getattr(ops, f"{name}_derivative").default
    orders = ((1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
    return OpSpec(
        function=function,
        arguments=arguments,
        sample=sample or _log_uniform(0.05, 40.0),
        smooth_sample=_log_uniform(0.7, 6.0),
        raw=(
            RawOp(getattr(ops, name).default),
            *(RawOp(derivative, each) for each in orders),
        ),
        reference=_exactly(formula),
        error_bound=_bound(name),
        edges=edges,
    )


_OUTSIDE = {(1.0, -1.0): _NAN, (_NAN, 1.0): _NAN, (1.0, _NAN): _NAN}

SPECS = [
    _spec(
        longtail.log_bessel_i,
        ("v", "x"),
        lambda v, x: x.bessel_i(v).log(),
        edges={
            **_OUTSIDE,
            (0.0, 0.0): 0.0,
            (2.0, 0.0): -_INF,
            (2.0, _INF): _INF,
            (_INF, 2.0): -_INF,
            (_INF, _INF): _NAN,
            (-0.5, 1.0): _NAN,
        },
    ),
    _spec(
        longtail.log_bessel_k,
        ("v", "x"),
        lambda v, x: x.bessel_k(v).log(),
        edges={
            **_OUTSIDE,
            (0.0, 0.0): _INF,
            (2.0, 0.0): _INF,
            (2.0, _INF): -_INF,
            (_INF, 2.0): _INF,
        },
    ),
    _spec(
        longtail.log_bessel_ie,
        ("v", "x"),
        lambda v, x: x.bessel_i(v).log() - x,
        edges={
            **_OUTSIDE,
            (0.0, 0.0): 0.0,
            (2.0, 0.0): -_INF,
            (2.0, _INF): -_INF,
            (-0.5, 1.0): _NAN,
        },
    ),
    _spec(
        longtail.log_bessel_ke,
        ("v", "x"),
        lambda v, x: x.bessel_k(v).log() + x,
        edges={**_OUTSIDE, (0.0, 0.0): _INF, (2.0, 0.0): _INF, (2.0, _INF): -_INF},
    ),
    _spec(
        longtail.bessel_i_ratio,
        ("v", "x"),
        lambda v, x: x.bessel_i(v + 1) / x.bessel_i(v),
        edges={
            **_OUTSIDE,
            (0.0, 0.0): 0.0,
            (2.0, 0.0): 0.0,
            (2.0, _INF): 1.0,
            (-0.5, 1.0): _NAN,
        },
    ),
    _spec(
        longtail.bessel_k_ratio,
        ("v", "x"),
        lambda v, x: x.bessel_k(v + 1) / x.bessel_k(v),
        edges={**_OUTSIDE, (0.0, 0.0): _INF, (2.0, 0.0): _INF, (2.0, _INF): 1.0},
    ),
    _spec(
        longtail.log_hyp0f1,
        ("b", "z"),
        lambda b, z: _hyp0f1(b, z).log(),
        edges={**_OUTSIDE, (0.5, 0.0): 0.0, (2.0, _INF): _INF, (0.0, 1.0): _NAN},
    ),
    _spec(
        longtail.matern,
        ("nu", "r"),
        _matern,
        edges={**_OUTSIDE, (0.5, 0.0): 1.0, (2.0, _INF): 0.0, (0.0, 1.0): _NAN},
        sample=_log_uniform(0.05, 8.0),
    ),
]
