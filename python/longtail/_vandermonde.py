"""Sums of powers of complex bases, and their transposes: each the other's derivative.

    V(a, w, L)[r, h, l] = Re sum_n w[r, h, n] a[h, n]^l          l < L
    T(a, v)[r, h, n]    = sum_l v[r, h, l] a[h, n]^l

    dV/dw: V(a, dw, L)               dT/dv: T(a, dv)
    dV/da: l V(a, w da, L)[l - 1]    dT/da: T(a, (l + 1) v[l + 1]) da

so that both have all derivatives by the same two raw ops.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from longtail import _dtensor, _library  # noqa: F401  (loads the raw ops)
from longtail._autograd import Gradient, Saved, differentiable
from longtail._dtensor import register_rules_for
from longtail._parametric import run_one_by_one

_VALUE = torch.ops.longtail.vandermonde.default
_SUMS = torch.ops.longtail.vandermonde_transposed.default


def _value(base: Tensor, weights: Tensor, length: int, wide: bool) -> Tensor:
    register_rules_for(base, weights)
    with torch._C._AutoDispatchBelowAutograd():
        return _VALUE(base.resolve_conj(), weights.resolve_conj(), length, wide)


def _sums(base: Tensor, v: Tensor) -> Tensor:
    register_rules_for(base, v)
    with torch._C._AutoDispatchBelowAutograd():
        return _SUMS(base.resolve_conj(), v)


def _steps(v: Tensor) -> Tensor:
    """0, 1, 2 ... along the last dimension."""
    # arange would be no DTensor where v is one; of integers, as on CUDA sums of others are not
    # deterministic, and in float32 they would stay at 2^24.
    return (v.new_ones(v.shape[-1], dtype=torch.int64).cumsum(-1) - 1).to(v.dtype)


def slope_sums(base: Tensor, v: Tensor) -> Tensor:
    """The sum over l of l v[l] a^(l - 1)."""
    return vandermonde_transposed(base, (v * _steps(v))[..., 1:])


def slope_values(base: Tensor, weights: Tensor, length: int, wide: bool) -> Tensor:
    """l Re of the sum over n of w a^(l - 1)."""
    shifted = vandermonde(base, weights, max(length - 1, 0), wide)
    if length == 0:
        return shifted
    return torch.nn.functional.pad(shifted * (_steps(shifted) + 1), (1, 0))


def _value_backward(saved: Saved, grad: Tensor) -> tuple[Gradient, ...]:
    base, weights = saved.inputs[:2]
    of_base = of_weights = None
    if saved.needs[0]:
        of_base = (weights * slope_sums(base, grad)).sum(0).conj()
    if saved.needs[1]:
        of_weights = vandermonde_transposed(base, grad).conj()
    return of_base, of_weights, None, None


def _value_jvp(saved: Saved, *tangents: Gradient) -> Tensor:
    base, weights, length, wide = saved.inputs
    result: Any = 0.0
    if tangents[1] is not None:
        result = vandermonde(base, tangents[1], length, wide)
    if tangents[0] is not None:
        result = result + slope_values(base, weights * tangents[0], length, wide)
    return result


def _sums_backward(saved: Saved, grad: Tensor) -> tuple[Gradient, ...]:
    base, v = saved.inputs
    of_base = of_v = None
    if saved.needs[0]:
        of_base = (grad * slope_sums(base, v).conj()).sum(0)
    if saved.needs[1]:
        wide = v.dtype == torch.float64
        of_v = vandermonde(base, grad.conj(), v.shape[-1], wide)
    return of_base, of_v


def _sums_jvp(saved: Saved, *tangents: Gradient) -> Tensor:
    base, v = saved.inputs
    result: Any = 0.0
    if tangents[1] is not None:
        result = vandermonde_transposed(base, tangents[1])
    if tangents[0] is not None:
        result = result + slope_sums(base, v) * tangents[0]
    return result


#: V of base ``[H, S]`` and weights ``[R, H, S]``, complex128, length and whether the result is
#: float64, otherwise float32.
vandermonde: Any = differentiable("vandermonde", _value, _value_backward, _value_jvp)

#: T of base ``[H, S]``, complex128, and rows ``[R, H, L]``, float64 or float32, to complex128.
vandermonde_transposed: Any = differentiable(
    "vandermonde_transposed", _sums, _sums_backward, _sums_jvp
)


def _shard(base: Any, rows: Any, *constants: Any) -> Any:
    """Heads, and rows, which share the base; shares of rows, in which the ops are linear."""
    from torch.distributed.tensor import Partial, Replicate, Shard

    whole, heads, of_rows = Replicate(), Shard(1), Shard(0)
    nothing = [None] * len(constants)
    return [
        ([whole], [whole, whole, *nothing]),
        ([heads], [Shard(0), heads, *nothing]),
        ([of_rows], [whole, of_rows, *nothing]),
        ([Partial()], [whole, Partial(), *nothing]),
    ]


for _op in (_VALUE, _SUMS):
    torch.library.register_vmap(_op, run_one_by_one(_op))
    _dtensor.declare_sharding(_op, _shard)
