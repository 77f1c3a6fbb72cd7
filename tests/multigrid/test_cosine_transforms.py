"""Cosine and sine transforms beside SciPy's, their derivatives, and the bits of a row."""

from __future__ import annotations

from typing import Any

import pytest
import scipy.fft
import torch
from torch import Tensor

from longtail._cosine_transforms import INVERSE, NUMPY, TYPES, dct, dst, matrix, period

TRANSFORMS = {"dct": dct, "dst": dst}
#: Largest errors over the largest result. MKL, torch's, loses digits at lengths with large primes,
#: by the processor: 2.6e-14 at 4 x 127 on an Intel Xeon.
LIMITS = {torch.fft: 5e-14, NUMPY: 3e-15}
SIZES = (1, 2, 3, 4, 5, 63, 64, 65, 127, 128, 193, 421)


def sizes(kind: str, type: int) -> list[int]:
    return [n for n in SIZES if n > 1 or (kind, type) != ("dct", 1)]


def noise(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("fft", [torch.fft, NUMPY], ids=["torch", "numpy"])
@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("kind", TRANSFORMS)
def test_values(kind: str, type: int, fft: Any) -> None:
    for n in sizes(kind, type):
        for dim, shape in ((-1, (3, n)), (0, (n, 2)), (1, (2, n, 3))):
            x = noise(*shape)
            before = x.clone()
            expected = torch.from_numpy(getattr(scipy.fft, kind)(x.numpy(), type=type, axis=dim))
            y = TRANSFORMS[kind](x, type, dim, fft)
            error = (y - expected).abs().max() / expected.abs().max()
            assert error < LIMITS[fft], (n, dim)
            assert torch.equal(x, before)


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("kind", TRANSFORMS)
def test_matrices(kind: str, type: int) -> None:
    for n in sizes(kind, type):
        x = noise(3, n).numpy()
        expected = getattr(scipy.fft, kind)(x, type=type)
        assert abs(x @ matrix(kind, type, n) - expected).max() < 1e-12, n


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("kind", TRANSFORMS)
def test_there_and_back(kind: str, type: int) -> None:
    for n in sizes(kind, type):
        x = noise(2, n)
        y = TRANSFORMS[kind](TRANSFORMS[kind](x, type), INVERSE[type]) / period(kind, type, n)
        assert (y - x).abs().max() < 1e-13


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("kind", TRANSFORMS)
@pytest.mark.parametrize("n", [5, 6])
def test_derivatives(kind: str, type: int, n: int) -> None:
    def call(x: Tensor) -> Tensor:
        return TRANSFORMS[kind](x, type, 0)

    x = noise(n, 2).requires_grad_()
    assert torch.autograd.gradcheck(call, x, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(call, x)
    rows = noise(3, n, 2)
    assert torch.allclose(torch.vmap(call)(rows), torch.stack([call(row) for row in rows]))


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("kind", TRANSFORMS)
def test_float32_stays_float32(kind: str, type: int) -> None:
    x = noise(3, 65)
    exact = TRANSFORMS[kind](x, type)
    y = TRANSFORMS[kind](x.float(), type)
    assert y.dtype == torch.float32
    assert (y - exact).abs().max() < 1e-6 * exact.abs().max()


@pytest.mark.parametrize("n", [16, 63, 64])  # where MKL's rows depend on their number or threads
@pytest.mark.parametrize("kind", TRANSFORMS)
def test_a_row_by_numpy_has_the_same_bits_always(kind: str, n: int) -> None:
    for dim in (-1, -2):
        x = noise(7, n, n)
        for type in TYPES:
            whole = TRANSFORMS[kind](x, type, dim, NUMPY)
            for i in (0, 3, 6):
                alone = TRANSFORMS[kind](x[i].clone(), type, dim, NUMPY)
                assert torch.equal(whole[i], alone)
