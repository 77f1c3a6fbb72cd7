"""The raw operators of the long convolution family and their fakes; see ``_operators``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor


def longconv_operators() -> Iterator[tuple[str, torch._ops.OpOverload, Callable[..., Any]]]:
    """Every operator: its public function, itself, its fake."""
    namespace = torch.ops.longtail
    yield "long_conv", namespace.long_conv.default, _result
    yield "long_conv", namespace.long_conv_backward.default, _gradients
    yield "long_conv", namespace.long_conv_with_spectrum.default, _result
    yield "LongKernel", namespace.long_conv_spectrum.default, _unknown
    yield "s4d_kernel", namespace.vandermonde.default, _powers
    yield "s4d", namespace.vandermonde_transposed.default, _sums_of_powers
    yield "s4d", namespace.s4d_scan.default, _scanned
    yield "s4d", namespace.s4d_scan_backward.default, _scan_gradients
    yield "s4d_step", namespace.s4d_step.default, _stepped
    yield "short_conv", namespace.short_conv.default, _like_u
    yield "short_conv_step", namespace.short_conv_step.default, _step
    yield "short_conv", namespace.short_conv_backward.default, _short_gradients


def _result(u: Tensor, k: Tensor, *rest: Tensor) -> Tensor:
    batch, heads, length = u.shape
    return u.new_empty([batch, k.shape[0], heads, length])


def _gradients(grad: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
    return tuple(each.new_empty(each.shape) for each in tensors)


def _unknown(*args: Any) -> Tensor:
    raise NotImplementedError(
        "long_conv_spectrum: the size of a spectrum is this machine's; without data use long_conv"
    )


def _powers(base: Tensor, weights: Tensor, length: int, wide: bool) -> Tensor:
    dtype = torch.float64 if wide else torch.float32
    return base.new_empty([*weights.shape[:2], length], dtype=dtype)


def _sums_of_powers(base: Tensor, v: Tensor) -> Tensor:
    return base.new_empty([*v.shape[:2], base.shape[1]])


def _scanned(
    u: Tensor, base: Tensor, drive: Tensor, readout: Tensor, *rest: Any
) -> tuple[Tensor, Tensor]:
    batch, heads, length = u.shape
    y = u.new_empty([batch, readout.shape[0], heads, length])
    return y, base.new_empty([batch, *base.shape])


def _scan_gradients(grad: Tensor, last: Tensor, *inputs: Any) -> tuple[Tensor, ...]:
    *tensors, rows, coefficients = inputs
    wanted = (rows, *(coefficients,) * 4, True)
    return tuple(
        each.new_empty(each.shape if want else [0])
        for each, want in zip(tensors, wanted, strict=True)
    )


def _stepped(
    u: Tensor, state: Tensor, dt: Tensor, a: Tensor, b: Tensor, c: Tensor, *rest: Any
) -> tuple[Tensor, Tensor]:
    y = u.new_empty([u.shape[0], c.shape[0], u.shape[1]])
    return y, state.new_empty(state.shape)


def _like_u(u: Tensor, *rest: Any) -> Tensor:
    return u.new_empty(u.shape)


def _step(u: Tensor, w: Tensor, bias: Tensor, state: Tensor, silu: bool) -> tuple[Tensor, ...]:
    return u.new_empty(u.shape), state.new_empty(state.shape)


def _short_gradients(grad: Tensor, *inputs: Any) -> tuple[Tensor, ...]:
    return tuple(each.new_empty(each.shape) for each in inputs[:4])
