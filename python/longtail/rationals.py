"""Learnable rational activations, one for each group of channels.

Sources: Molina, Schramowski, Kersting, "Pade Activation Units", 2020; Yang, Wang,
"Kolmogorov-Arnold Transformer", 2024.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from longtail import _library, _rational_formula  # noqa: F401  (loads the raw ops)
from longtail._parametric import (
    Formula,
    Placement,
    check_out,
    check_tensors,
    parametric_function,
)
from longtail._rational_fit import fit
from longtail._rational_tables import TABLES

__all__ = ["fit_rational", "rational"]

Version = Literal["A", "B"]

_VERSIONS = {"A": 0, "B": 1}
_MOST = {"numerator": 8, "denominator": 6}


def rational(
    x: Tensor,
    numerator: Tensor,
    denominator: Tensor,
    version: Version = "A",
    channel_dim: int = -1,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """Group-wise safe rational function ``F(x) = P(x) / Q(x)``.

    ``P = a_0 + a_1 x + ... + a_m x^m``; in version A ``Q = 1 + |b_1||x| + ... + |b_n||x|^n``, in
    version B ``Q = 1 + |b_1 x + ... + b_n x^n|``. Neither has a pole.

    Args:
        x: any shape ``[..., C, ...]``; float64, float32, bfloat16 or float16. The narrower three
            are computed in float32 and rounded once.
        numerator: ``[G, m + 1]``, ``a_0`` first, m <= 7. G divides C: channel c takes row
            ``c // (C / G)``; one row is shared by all channels.
        denominator: ``[G', n]``, ``b_1`` first, n from 1 to 6; G' divides C, independently of G.
            Both have the dtype of x, or float32.
        version: "A" or "B".
        channel_dim: which dimension of x holds the channels.
        out: where to write the result (no gradient then): of the shape and dtype of x.

    Returns:
        Tensor of the shape and dtype of x, contiguous.

    Gradients: exact in all three tensors, to any order (from the second on, and in forward mode, by
    torch operations in float64). Coefficient gradients are summed in float64 over fixed blocks: the
    same bits on repeat and for any number of threads. Only x is kept for backward. ``d|b|/db`` is
    +1 at b = 0, so that an identity (b = 0) can learn its denominator; ``d|x|/dx`` is 0 at x = 0.

    Far from 0 (``|x| > 64`` for float32 and narrower, ``2^100`` for float64) numerator and
    denominator are divided by the highest power that has a coefficient: nothing overflows unless F
    does.

    Raises:
        TypeError: a dtype that is not floating point, or coefficients of another one.
        ValueError: shapes that do not fit, an unknown version or dimension, several devices.
    """
    code, dim = _check(x, numerator, denominator, version, channel_dim)
    if out is None:
        return _rational(x, numerator, denominator, code, dim)
    check_out("rational", out, x, numerator, denominator)
    torch.ops.longtail.rational.out(x, numerator, denominator, code, dim, out=out)
    return out


def fit_rational(
    fn: str | Callable[[Tensor], Tensor],
    version: Version = "A",
    interval: tuple[float, float] = (-3.0, 3.0),
    *,
    orders: tuple[int, int] = (5, 4),
) -> tuple[Tensor, Tensor]:
    """Coefficients with which ``rational`` comes close to a function on an interval.

    Args:
        fn: a function of a float64 tensor, element by element and finite on the interval; or the
            name of one: identity, silu, gelu, relu, leaky_relu (slope 0.01), tanh, sigmoid, geglu
            (``x gelu(x)``), swishglu (``x silu(x)``).
        version: "A" or "B": the coefficients of one are not those of the other.
        interval: where to fit. On [-3, 3] with orders (5, 4) names come from a table.
        orders: (m, n), m from 0 to 7, n from 1 to 6.

    Returns:
        numerator ``[1, m + 1]`` and denominator ``[1, n]``, float64. Largest errors on [-3, 3] for
        (A, B): gelu (2.0e-3, 4.4e-4), silu 4.6e-7, relu 1.6e-2, tanh 1.4e-6; the others stand in
        ``longtail/_rational_tables.py``. Orders (7, 6) take gelu to 1.5e-6 there and to 5e-4 on
        [-6, 6]. Least squares (Levenberg-Marquardt, several starts), then Lawson's
        reweighting: seconds, the same result every time.

    Raises:
        ValueError: an unknown name or version, an interval that is none, orders out of range, or a
            function that is not finite there or gives another shape.
    """
    if version not in _VERSIONS:
        raise ValueError(f"fit_rational: version is {version!r}, expected 'A' or 'B'")
    low, high = interval
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"fit_rational: interval is {interval!r}, expected low < high, finite")
    m, n = orders
    if not (0 <= m < _MOST["numerator"] and 1 <= n <= _MOST["denominator"]):
        raise ValueError(f"fit_rational: orders are {orders!r}, expected 0 to 7 and 1 to 6")
    if isinstance(fn, str):
        if fn not in TABLES:
            raise ValueError(f"fit_rational: fn is {fn!r}, expected one of {', '.join(TABLES)}")
        if (low, high) == (-3.0, 3.0) and orders == (5, 4):
            a, b = TABLES[fn][version]
            return torch.tensor([a], dtype=torch.float64), torch.tensor([b], dtype=torch.float64)
        if fn == "identity" and m >= 1:
            one = torch.zeros(1, m + 1, dtype=torch.float64)
            one[0, 1] = 1
            return one, torch.zeros(1, n, dtype=torch.float64)
        fn = NAMED_FUNCTIONS[fn]
    # The fit sees every interval stretched to the size of [-3, 3]: powers of large numbers would
    # leave it without digits.
    scale = max(abs(low), abs(high)) / 3
    stretched = _on_arrays(fn, scale)
    numerator, denominator, _ = fit(stretched, version, (low / scale, high / scale), m, n)
    numerator = numerator / scale ** np.arange(m + 1)
    denominator = denominator / scale ** np.arange(1, n + 1)
    return torch.from_numpy(numerator[None]), torch.from_numpy(denominator[None])


def _on_arrays(fn: Callable[[Tensor], Tensor], scale: float) -> Callable[[Any], Any]:
    def call(x: Any) -> Any:
        values = fn(torch.from_numpy(x * scale))
        if not isinstance(values, Tensor) or values.shape != x.shape:
            raise ValueError("fit_rational: fn must give a tensor of the shape of its argument")
        if not bool(values.isfinite().all()):
            raise ValueError("fit_rational: fn is not finite on the whole interval")
        return values.detach().double().numpy()

    return call


_functional = torch.nn.functional
#: What fit_rational knows by name.
NAMED_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda x: x,
    "silu": _functional.silu,
    "gelu": _functional.gelu,
    "relu": _functional.relu,
    "leaky_relu": _functional.leaky_relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "geglu": lambda x: x * _functional.gelu(x),
    "swishglu": lambda x: x * _functional.silu(x),
}


def _check(
    x: Tensor, numerator: Tensor, denominator: Tensor, version: str, channel_dim: int
) -> tuple[int, int]:
    check_tensors("rational", x, numerator=numerator, denominator=denominator)
    if version not in _VERSIONS:
        raise ValueError(f"rational: version is {version!r}, expected 'A' or 'B'")
    if not isinstance(channel_dim, int) or not -x.dim() <= channel_dim < x.dim():
        raise ValueError(
            f"rational: channel_dim is {channel_dim!r}, expected a dimension of x, of shape "
            f"{list(x.shape)}"
        )
    dim = channel_dim - x.dim() if channel_dim >= 0 else channel_dim
    for name, value in (("numerator", numerator), ("denominator", denominator)):
        _check_coefficients(name, value, x, x.shape[dim])
    return _VERSIONS[version], dim


def _check_coefficients(name: str, value: Tensor, x: Tensor, channels: int) -> None:
    fits = value.dim() == 2 and 1 <= value.shape[1] <= _MOST[name] and value.shape[0] >= 1
    if not fits or channels % value.shape[0] != 0:
        raise ValueError(
            f"rational: {name} has shape {list(value.shape)}, expected [groups, 1 to "
            f"{_MOST[name]}] with groups a divisor of the {channels} channels of x"
        )


def _shardings(x: Any, numerator: Any, denominator: Any, version: int, dim: int) -> list[Placement]:
    from torch.distributed.tensor import Partial, Replicate, Shard

    channel = dim + len(x.shape)
    whole: Any = Replicate()
    choices = [Placement(whole, whole, whole, whole, whole)]
    for d in range(len(x.shape)):
        if d != channel:
            choices.append(Placement(Shard(d), whole, whole, Partial(), Partial()))
    # Channels go by whole groups; a row that all channels share stays whole.
    sizes = [x.mesh.size(d) for d in range(x.mesh.ndim)]
    rows = [each.shape[0] for each in (numerator, denominator)]
    if all(row == 1 or all(row % size == 0 for size in sizes) for row in rows):
        places: list[Any] = [whole if row == 1 else Shard(0) for row in rows]
        gradients: list[Any] = [Partial() if row == 1 else Shard(0) for row in rows]
        choices.append(Placement(Shard(channel), *places, *gradients))
    return choices


_rational = parametric_function(
    "rational", Formula(_rational_formula.value, _rational_formula.gradient), _shardings
)
