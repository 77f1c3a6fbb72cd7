"""Real two-dimensional Fourier transforms of which only low frequencies are made.

A library transform makes all frequencies, of which a spectral convolution keeps few; then come a
shift, a slice, zeros around the product, a shift back. Here the transform is cut while it is made:
along W as a product with a matrix of cosines and sines, or, where W is large, by the library and
cut at once; along H with a matrix again or by the library, for the kept columns alone. Nothing is
shifted or filled up.

Frequencies: rows ``-(m // 2) ... (m + 1) // 2 - 1``, columns ``0 ... c - 1``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

#: Up to so many points an axis a product with a matrix is faster than the library's transform.
MATRIX_POINTS = 256


def _angles(points: int, first: int, count: int, device: torch.device) -> Tensor:
    """``2 pi (k j mod n) / n`` in float64, ``[count, n]``, k from ``first`` on."""
    k = torch.arange(first, first + count, device=device).unsqueeze(1)
    j = torch.arange(points, device=device)
    return (k * j).remainder(points).to(torch.float64) * (2 * math.pi / points)


def _turns(points: int, first: int, count: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """``exp(-i angle)``, ``[count, n]``."""
    angles = _angles(points, first, count, device)
    return torch.complex(angles.cos(), -angles.sin()).to(
        torch.complex128 if dtype == torch.float64 else torch.complex64
    )


def kept(points: int, modes: int) -> int:
    """How many of ``modes`` frequencies a row axis of so many points has."""
    return min(points, modes)


def low_frequencies(x: Tensor, rows: int, columns: int) -> Tensor:
    """``1 / (H W) sum over x`` of ``[..., H, W]`` at low frequencies: ``[..., rows, columns]``."""
    height, width = x.shape[-2:]
    if width <= MATRIX_POINTS:
        angles = _angles(width, 0, columns, x.device)
        both = torch.cat([angles.cos(), -angles.sin()]).to(x.dtype) / width
        y = x @ both.mT
        y = torch.complex(y[..., :columns], y[..., columns:])
    else:
        y = torch.fft.rfft(x, norm="forward")[..., :columns]
    if height <= MATRIX_POINTS:
        return (_turns(height, -(rows // 2), rows, x.dtype, x.device) / height) @ y
    y = torch.fft.fft(y, dim=-2, norm="forward")
    return torch.cat([y[..., height - rows // 2 :, :], y[..., : rows - rows // 2, :]], -2)


def from_low_frequencies(z: Tensor, height: int, width: int) -> Tensor:
    """The real grid ``[..., H, W]`` that has these frequencies ``[..., rows, columns]`` and their
    conjugates. Of what is its own conjugate the imaginary part says nothing."""
    rows, columns = z.shape[-2:]
    real = torch.float64 if z.dtype == torch.complex128 else torch.float32
    if height <= MATRIX_POINTS:
        turns = _turns(height, -(rows // 2), rows, real, z.device)
        z = turns.mH @ z
    else:
        below = rows // 2
        gap = z.new_zeros(*z.shape[:-2], height - rows, columns)
        z = torch.cat([z[..., below:, :], gap, z[..., :below, :]], -2)
        z = torch.fft.ifft(z, dim=-2, norm="forward")
    if width > MATRIX_POINTS:
        return torch.fft.irfft(z, width, norm="forward")
    angles = _angles(width, 0, columns, z.device)
    # Column 0, and the last of an even width where it is there, stand alone; others for two.
    weights = torch.full((columns, 1), 2.0, dtype=torch.float64, device=z.device)
    weights[0] = 1
    if 2 * (columns - 1) == width:
        weights[-1] = 1
    both = torch.cat([weights * angles.cos(), -weights * angles.sin()]).to(real)
    return torch.cat([z.real, z.imag], -1) @ both
