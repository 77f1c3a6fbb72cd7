r"""Cosine and sine transforms of types I to IV along an axis, by Fourier transforms.

Signs and factors are SciPy's without a norm: type II is
:math:`y_k = 2 \sum_n x_n \cos(\pi k (2n + 1) / 2N)`. Made of real torch operations and one FFT
each, so that they have derivatives of every order, and forward mode. In float64 they differ from
scipy.fft by less than 1e-12 for N < 1000 (tests/multigrid/test_cosine_transforms.py).

The FFT is ``torch.fft`` unless another is given. That of MKL rounds by its number of threads and by
how many rows there are; ``NUMPY``, which takes row after row, gives each row the same bits always.

Source of II and III: Makhoul, "A fast cosine transform in one and two dimensions", 1980.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

TYPES = (1, 2, 3, 4)
#: The type that undoes each.
INVERSE = {1: 1, 2: 3, 3: 2, 4: 4}


class _NumpyFft:
    """The three functions of ``torch.fft`` that are needed here; on the CPU, without gradients."""

    @staticmethod
    def rfft(x: Tensor, dim: int = -1) -> Tensor:
        return torch.from_numpy(np.fft.rfft(x.numpy(), axis=dim))

    @staticmethod
    def irfft(x: Tensor, n: int, dim: int = -1, norm: Any = None) -> Tensor:
        return torch.from_numpy(np.fft.irfft(x.numpy(), n, axis=dim, norm=norm))

    @staticmethod
    def fft(x: Tensor, n: int | None = None, dim: int = -1) -> Tensor:
        return torch.from_numpy(np.fft.fft(x.numpy(), n, axis=dim))

    @staticmethod
    def ifft(x: Tensor, dim: int = -1) -> Tensor:
        return torch.from_numpy(np.fft.ifft(x.numpy(), axis=dim))


NUMPY = _NumpyFft()


def dct(x: Tensor, type: int, dim: int = -1, fft: Any = torch.fft) -> Tensor:
    """The cosine transform of a real x along an axis, of at least 2 elements for type 1."""
    return _COSINE[type](x.movedim(dim, -1), fft).movedim(-1, dim)


def dst(x: Tensor, type: int, dim: int = -1, fft: Any = torch.fft) -> Tensor:
    """The sine transform of a real x along an axis."""
    return _SINE[type](x.movedim(dim, -1), fft).movedim(-1, dim)


def matrix(kind: str, type: int, size: int) -> Any:
    """What a ``"dct"`` or ``"dst"`` multiplies rows by from the right, by numpy, whose bits do not
    depend on threads; angles within one turn."""
    sine = kind == "dst"
    whole, odd = np.arange(size) + sine, 2 * np.arange(size) + 1
    places, waves, half_turn = {
        1: (whole, whole, size + 1 if sine else size - 1),
        2: (odd, whole, 2 * size),
        3: (whole, odd, 2 * size),
        4: (odd, odd, 4 * size),
    }[type]
    angle = places[:, None] * waves % (2 * half_turn) * (math.pi / half_turn)
    result = 2 * (np.sin(angle) if sine else np.cos(angle))
    if type == 3:
        result[-1 if sine else 0] /= 2
    elif type == 1 and not sine:
        result[[0, -1]] /= 2
    return result


def period(kind: str, type: int, size: int) -> int:
    """What a ``"dct"`` or ``"dst"`` and its inverse type after it multiply x by."""
    if type != 1:
        return 2 * size
    return 2 * (size - 1) if kind == "dct" else 2 * (size + 1)


def _angles(x: Tensor, first: float, count: int, step: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines of ``step * (first + k)``, rounded from float64."""
    angle = (torch.arange(count, dtype=torch.float64, device=x.device) + first) * step
    return angle.cos().to(x.dtype), angle.sin().to(x.dtype)


def _signs(x: Tensor) -> Tensor:
    """1, -1, 1, ... along the last axis."""
    signs = torch.ones(x.shape[-1], dtype=x.dtype, device=x.device)
    signs[1::2] = -1
    return signs


def _dct1(x: Tensor, fft: Any) -> Tensor:
    inside = x[..., 1:-1].flip(-1)
    return fft.rfft(torch.cat([x, inside], -1)).real


def _dst1(x: Tensor, fft: Any) -> Tensor:
    zero = torch.zeros_like(x[..., :1])
    odd = torch.cat([zero, x, zero, -x.flip(-1)], -1)
    return -fft.rfft(odd).imag[..., 1:-1]


def _dct2(x: Tensor, fft: Any) -> Tensor:
    size = x.shape[-1]
    folded = torch.cat([x[..., ::2], x[..., 1::2].flip(-1)], -1)
    wave = fft.rfft(folded)
    real, imag = wave.real, wave.imag
    c, s = _angles(x, 0, size // 2 + 1, math.pi / (2 * size))
    low = real * c + imag * s
    high = real * s - imag * c
    return 2 * torch.cat([low, high[..., 1 : (size + 1) // 2].flip(-1)], -1)


def _dct3(x: Tensor, fft: Any) -> Tensor:
    size = x.shape[-1]
    count = size // 2 + 1
    c, s = _angles(x, 0, count, math.pi / (2 * size))
    low = x[..., :count]
    high = torch.cat([torch.zeros_like(x[..., :1]), x.flip(-1)[..., : count - 1]], -1)
    wave = torch.complex(low * c + high * s, low * s - high * c)
    folded = fft.irfft(wave, size, norm="forward")
    half = (size + 1) // 2
    even, odd = folded[..., :half], folded[..., half:].flip(-1)
    if size % 2:
        odd = torch.cat([odd, torch.zeros_like(even[..., :1])], -1)
    return torch.stack([even, odd], -1).flatten(-2)[..., :size]


def _dct4(x: Tensor, fft: Any) -> Tensor:
    size = x.shape[-1]
    c, s = _angles(x, 0, size, math.pi / (2 * size))
    wave = fft.fft(torch.complex(x * c, -x * s), 2 * size)[..., :size]
    c, s = _angles(x, 0.5, size, math.pi / (2 * size))
    return 2 * (wave.real * c + wave.imag * s)


def _dst2(x: Tensor, fft: Any) -> Tensor:
    return _dct2(x * _signs(x), fft).flip(-1)


def _dst3(x: Tensor, fft: Any) -> Tensor:
    return _dct3(x.flip(-1), fft) * _signs(x)


def _dst4(x: Tensor, fft: Any) -> Tensor:
    return _dct4(x.flip(-1), fft) * _signs(x)


_COSINE = {1: _dct1, 2: _dct2, 3: _dct3, 4: _dct4}
_SINE = {1: _dst1, 2: _dst2, 3: _dst3, 4: _dst4}
