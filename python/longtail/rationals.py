"""Learnable rational activations, one for each group of channels.

Sources: Molina, Schramowski, Kersting, "Pade Activation Units", 2020; Yang, Wang,
"Kolmogorov-Arnold Transformer", 2024.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor
from torch.func import vjp

from longtail import _dtensor, _library, _rational_formula  # noqa: F401  (loads the raw ops)
from longtail._autograd import Gradient, Saved, differentiable
from longtail._dtensor import register_rules_for
from longtail._rational_fit import fit
from longtail._rational_tables import TABLES

__all__ = ["fit_rational", "rational"]

Version = Literal["A", "B"]

_VERSIONS = {"A": 0, "B": 1}
_FLOATING = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
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
        result: Tensor = _rational(x, numerator, denominator, code, dim)
        return result
    _check_out(out, x, numerator, denominator)
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
        (A, B): gelu (2.0e-3, 4.4e-4), silu 4.6e-7, relu (2.7e-2, 1.6e-2), tanh 1.4e-6; the others
        stand in ``longtail/_rational_tables.py``. Least squares (Levenberg-Marquardt, 10 starts),
        then Lawson's reweighting: seconds, the same result every time.

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
        fn = _NAMED[fn]
    numerator, denominator, _ = fit(_on_arrays(fn), version, (low, high), m, n)
    return torch.from_numpy(numerator[None].copy()), torch.from_numpy(denominator[None].copy())


def _on_arrays(fn: Callable[[Tensor], Tensor]) -> Callable[[Any], Any]:
    def call(x: Any) -> Any:
        values = fn(torch.from_numpy(x))
        if not isinstance(values, Tensor) or values.shape != x.shape:
            raise ValueError("fit_rational: fn must give a tensor of the shape of its argument")
        if not bool(values.isfinite().all()):
            raise ValueError("fit_rational: fn is not finite on the whole interval")
        return values.detach().double().numpy()

    return call


_functional = torch.nn.functional
_NAMED: dict[str, Callable[[Tensor], Tensor]] = {
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
    for name, value in (("x", x), ("numerator", numerator), ("denominator", denominator)):
        if not isinstance(value, Tensor):
            raise TypeError(f"rational: {name} must be a Tensor, got {type(value).__name__}")
        if value.dtype not in _FLOATING:
            raise TypeError(
                f"rational: {name} has dtype {value.dtype}; supported are float64, float32, "
                "float16 and bfloat16"
            )
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
    if value.dtype not in (x.dtype, torch.float32):
        raise TypeError(
            f"rational: {name} has dtype {value.dtype}, expected that of x, {x.dtype}, or float32"
        )
    if value.device != x.device:
        raise ValueError(f"rational: {name} is on {value.device} and x on {x.device}")
    fits = value.dim() == 2 and 1 <= value.shape[1] <= _MOST[name] and value.shape[0] >= 1
    if not fits or channels % value.shape[0] != 0:
        raise ValueError(
            f"rational: {name} has shape {list(value.shape)}, expected [groups, 1 to "
            f"{_MOST[name]}] with groups a divisor of the {channels} channels of x"
        )


def _check_out(out: Tensor, x: Tensor, *coefficients: Tensor) -> None:
    if not isinstance(out, Tensor):
        raise TypeError(f"rational: out must be a Tensor, got {type(out).__name__}")
    if out.dtype != x.dtype:
        raise TypeError(f"rational: out has dtype {out.dtype}, expected that of x, {x.dtype}")
    if out.shape != x.shape:
        raise ValueError(
            f"rational: out has shape {list(out.shape)}, expected that of x, {list(x.shape)}"
        )
    if out.device != x.device:
        raise ValueError(f"rational: out is on {out.device} and x on {x.device}")
    if torch.is_grad_enabled() and any(each.requires_grad for each in (out, x, *coefficients)):
        raise RuntimeError(
            "rational(): functions with out=... arguments don't support automatic "
            "differentiation, but one of the arguments requires grad."
        )


def _forward(x: Tensor, numerator: Tensor, denominator: Tensor, version: int, dim: int) -> Tensor:
    register_rules_for(x, numerator, denominator)
    with torch._C._AutoDispatchBelowAutograd():
        result: Tensor = torch.ops.longtail.rational.default(
            x, numerator, denominator, version, dim
        )
    return result


def _backward(saved: Saved, grad: Tensor) -> tuple[Gradient, ...]:
    gradients = _gradient(grad, *saved.inputs)
    return (*(g if n else None for g, n in zip(gradients, saved.needs, strict=False)), None, None)


def _jvp(saved: Saved, *tangents: Gradient) -> Tensor:
    *tensors, version, dim = saved.inputs
    moved = _with_zeros(tensors, tangents)
    result: Tensor = _push(
        partial(_rational_formula.value, version=version, dim=dim), tensors, moved
    )
    return result


def _gradient_forward(
    grad: Tensor, x: Tensor, numerator: Tensor, denominator: Tensor, version: int, dim: int
) -> tuple[Tensor, Tensor, Tensor]:
    register_rules_for(grad, x, numerator, denominator)
    with torch._C._AutoDispatchBelowAutograd():
        result: tuple[Tensor, Tensor, Tensor] = torch.ops.longtail.rational_backward.default(
            grad, x, numerator, denominator, version, dim
        )
    return result


def _gradient_backward(saved: Saved, *grads: Gradient) -> tuple[Gradient, ...]:
    *tensors, version, dim = saved.inputs
    pull = vjp(partial(_rational_formula.gradient, version=version, dim=dim), *tensors)[1]
    pulled = pull(_with_zeros(tensors[1:], grads))
    return (*(g if n else None for g, n in zip(pulled, saved.needs, strict=False)), None, None)


def _gradient_jvp(saved: Saved, *tangents: Gradient) -> Any:
    *tensors, version, dim = saved.inputs
    moved = _with_zeros(tensors, tangents)
    return _push(partial(_rational_formula.gradient, version=version, dim=dim), tensors, moved)


def _push(formula: Any, tensors: list[Tensor], tangents: tuple[Tensor, ...]) -> Any:
    """The tangent of ``formula`` as the pull-back of its pull-back, which is linear: torch does not
    nest forward mode, and this runs inside it."""
    results, pull = vjp(formula, *tensors)[:2]
    zeros = (
        torch.zeros_like(results)
        if isinstance(results, Tensor)
        else tuple(torch.zeros_like(each) for each in results)
    )
    return vjp(pull, zeros)[1](tangents)[0]


def _with_zeros(tensors: list[Tensor], given: tuple[Gradient, ...]) -> tuple[Tensor, ...]:
    """One for each tensor, zeros where there is none."""
    return tuple(
        torch.zeros_like(tensor) if each is None else each
        for tensor, each in zip(tensors, given, strict=False)
    )


_gradient = differentiable(
    "rational_backward", _gradient_forward, _gradient_backward, _gradient_jvp
)
_rational = differentiable("rational", _forward, _backward, _jvp)


def _batched(op: torch._ops.OpOverload, fast: bool) -> Any:
    """vmap: a batch of x alone is one more leading dimension; otherwise one by one."""

    def rule(info: Any, in_dims: tuple[int | None, ...], *arguments: Any) -> Any:
        if fast and in_dims[1] is None and in_dims[2] is None:
            x, *rest = arguments
            return op(x.movedim(in_dims[0], 0), *rest), 0
        results = [
            op(*(each if d is None else each.select(d, k) for each, d in zip(arguments, in_dims)))
            for k in range(info.batch_size)
        ]
        if isinstance(results[0], Tensor):
            return torch.stack(results), 0
        return tuple(torch.stack(each) for each in zip(*results, strict=True)), (0, 0, 0)

    return rule


def _shardings(
    x: Any, numerator: Any, denominator: Any, dim: int
) -> list[tuple[Any, Any, Any, Any, Any]]:
    """Placements of (x, numerator, denominator) and of the two coefficient gradients."""
    from torch.distributed.tensor import Partial, Replicate, Shard

    channel = dim + len(x.shape)
    whole: Any = Replicate()
    choices: list[tuple[Any, Any, Any, Any, Any]] = [(whole, whole, whole, whole, whole)]
    for d in range(len(x.shape)):
        if d != channel:
            choices.append((Shard(d), Replicate(), Replicate(), Partial(), Partial()))
    # Channels go by whole groups; a row that all channels share stays whole.
    sizes = [x.mesh.size(d) for d in range(x.mesh.ndim)]
    rows = [each.shape[0] for each in (numerator, denominator)]
    if all(row == 1 or all(row % size == 0 for size in sizes) for row in rows):
        places: list[Any] = [Replicate() if row == 1 else Shard(0) for row in rows]
        gradients: list[Any] = [Partial() if row == 1 else Shard(0) for row in rows]
        choices.append((Shard(channel), places[0], places[1], gradients[0], gradients[1]))
    return choices


def _shard_value(x: Any, numerator: Any, denominator: Any, version: int, dim: int) -> Any:
    return [
        ([place], [place, a, b, None, None])
        for place, a, b, _, _ in _shardings(x, numerator, denominator, dim)
    ]


def _shard_gradient(
    grad: Any, x: Any, numerator: Any, denominator: Any, version: int, dim: int
) -> Any:
    return [
        ([place, da, db], [place, place, a, b, None, None])
        for place, a, b, da, db in _shardings(x, numerator, denominator, dim)
    ]


for _op, _fast, _rule in (
    (torch.ops.longtail.rational.default, True, _shard_value),
    (torch.ops.longtail.rational_backward.default, False, _shard_gradient),
):
    torch.library.register_vmap(_op, _batched(_op, _fast))
    _dtensor.declare_sharding(_op, _rule)
