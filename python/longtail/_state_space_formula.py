"""Diagonal state spaces as torch operations around the two Vandermonde products.

Everything is ``[B, H, L]``, coefficients complex128: base a and drive b ``[H, S]``, readout
``[C, H, S]`` with the factor 2 in it; skip ``[C, H]`` and state ``[B, H, S]``, of shape [0] where
there is none.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from longtail._vandermonde import (
    slope_sums,
    slope_values,
    vandermonde,
    vandermonde_transposed,
)
from longtail.longconv import long_conv

#: Steps of a chunk of ``chunked``.
CHUNK = 512


def given(tensor: Tensor) -> bool:
    """Whether an optional argument is there."""
    return tensor.dim() != 1


def discretize(dt: Tensor, a: Tensor, method: str) -> tuple[Tensor, Tensor]:
    """Base, and drive for B = 1; formulas: csrc/longconv/s4d_math.h."""
    step = dt.double().unsqueeze(-1)
    z = step * a.to(torch.complex128)
    if method == "bilinear":
        inverse = (1 - z / 2).reciprocal()
        return (1 + z / 2) * inverse, step * inverse
    fixed, one = z.detach(), z.new_ones(())
    small = fixed.real.square() + fixed.imag.square() < 2.0**-14
    series = torch.add(one, z, alpha=1 / 8)
    for k in range(7, 1, -1):
        series = torch.addcmul(one, z, series, value=1 / k)
    apart = torch.where(small, 1.0, z)
    return z.exp(), step * torch.where(small, series, apart.expm1() / apart)


def conv(
    u: Tensor, base: Tensor, drive: Tensor, readout: Tensor, skip: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """By a convolution with the impulse response, and what the state adds."""
    y = _response(u, base, drive, readout, skip, state)
    last = drive * vandermonde_transposed(base, computed(u).flip(-1))
    return y, last + _power(base, u.shape[-1]) * state if given(state) else last


def conv_result(
    u: Tensor, base: Tensor, drive: Tensor, readout: Tensor, skip: Tensor, state: Tensor
) -> Tensor:
    """The same without the last state."""
    return _response(u, base, drive, readout, skip, state)


def tangent(
    u: Tensor,
    base: Tensor,
    drive: Tensor,
    readout: Tensor,
    skip: Tensor,
    state: Tensor,
    du: Tensor,
    dbase: Tensor,
    ddrive: Tensor,
    dreadout: Tensor,
    dskip: Tensor,
    dstate: Tensor,
) -> tuple[Tensor, Tensor]:
    """That of ``conv``, term by term: it is linear in all but the base."""
    wide, length = u.dtype == torch.float64, u.shape[-1]
    x, dx = computed(u), computed(du)
    weights, count = readout * drive, max(length, 1)
    taps = vandermonde(base, weights, count, wide)
    dtaps = vandermonde(base, dreadout * drive + readout * ddrive, count, wide)
    dtaps = dtaps + slope_values(base, weights * dbase, count, wide)
    y = _convolve(dx, taps, skip) + _convolve(x, dtaps, dskip)
    sums = vandermonde_transposed(base, x.flip(-1))
    dsums = vandermonde_transposed(base, dx.flip(-1)) + slope_sums(base, x.flip(-1)) * dbase
    last = ddrive * sums + drive * dsums
    if given(state):
        from_state, moved = readout * base, dreadout * base + readout * dbase
        free = (from_state * state.unsqueeze(1)).flatten(0, 1)
        dfree = (from_state * dstate.unsqueeze(1) + moved * state.unsqueeze(1)).flatten(0, 1)
        more = vandermonde(base, dfree, length, wide)
        more = more + slope_values(base, free * dbase, length, wide)
        y = y + more.unflatten(0, (u.shape[0], readout.shape[0]))
        last = last + _power(base, length) * dstate
        if length > 0:
            last = last + length * _power(base, length - 1) * dbase * state
    return y.to(u.dtype), last


def chunked(
    u: Tensor, base: Tensor, drive: Tensor, readout: Tensor, skip: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """By convolutions of chunks, between which states are carried."""
    batch, heads, length = u.shape
    chunks, outputs = length // CHUNK, readout.shape[0]
    if chunks == 0:
        return conv(u, base, drive, readout, skip, state)
    x = computed(u)[..., : chunks * CHUNK].unflatten(-1, (chunks, CHUNK))
    x = x.movedim(2, 1).reshape(batch * chunks, heads, CHUNK)
    added = drive * vandermonde_transposed(base, x.flip(-1))
    power = _power(base, CHUNK)
    now = state if given(state) else base.new_zeros(batch, *base.shape)
    before = []
    for each in added.unflatten(0, (batch, chunks)).unbind(1):
        before.append(now)
        now = power * now + each
    states = torch.stack(before, 1).flatten(0, 1)
    y = _response(x, base, drive, readout, skip, states).unflatten(0, (batch, chunks))
    y = y.movedim(1, 3).reshape(batch, outputs, heads, chunks * CHUNK).to(u.dtype)
    rest, last = conv(u[..., chunks * CHUNK :], base, drive, readout, skip, now)
    return torch.cat([y, rest], -1), last


def step(tensors: Sequence[Tensor], method: str) -> tuple[Tensor, Tensor]:
    """One step of u ``[B, H]``; tensors as of the raw op s4d_step."""
    u, state, dt, a, b, c, d = tensors
    base, drive = discretize(dt, a, method)
    wide = torch.complex128
    x = base * state.to(wide) + drive * b.to(wide) * u.double().unsqueeze(-1)
    y = 2 * (c.to(wide) * x.unsqueeze(1)).sum(-1).real
    if given(d):
        y = y + d.double() * u.double().unsqueeze(1)
    return y.to(u.dtype), x.to(state.dtype)


def computed(u: Tensor) -> Tensor:
    """u in the type that rows of its dtype are computed in."""
    return u if u.dtype == torch.float64 else u.float()


def _response(
    u: Tensor, base: Tensor, drive: Tensor, readout: Tensor, skip: Tensor, state: Tensor
) -> Tensor:
    wide, length = u.dtype == torch.float64, u.shape[-1]
    # No row has fewer than one tap; those beyond its length meet nothing.
    taps = vandermonde(base, readout * drive, max(length, 1), wide)
    if not given(state):
        return _convolve(u, taps, skip)
    weights = (readout * base) * state.unsqueeze(1)
    free = vandermonde(base, weights.flatten(0, 1), length, wide)
    y = _convolve(computed(u), taps, skip)
    return (y + free.unflatten(0, (u.shape[0], readout.shape[0]))).to(u.dtype)


def _convolve(u: Tensor, taps: Tensor, skip: Tensor) -> Tensor:
    y = long_conv(u, taps, skip=skip.to(taps.dtype) if given(skip) else None)
    assert isinstance(y, Tensor)  # there is no state
    return y


def _power(base: Tensor, exponent: int) -> Tensor:
    """By squaring: exact derivatives, also at 0."""
    result = torch.ones_like(base)
    while exponent > 0:
        if exponent & 1:
            result = result * base
        base, exponent = base * base, exponent >> 1
    return result
