"""The Hadamard transform: its matrices, values, layouts, gradients, bits, errors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

import longtail
from attention.hadamard_oracle import (
    PUBLISHED,
    base_matrix,
    base_of,
    fingerprint,
    matrix,
    sylvester,
)
from kit import BadInput, Raises
from kit.bad_input import check, parametrize
from kit.layouts import deterministic, threads
from kit.tensors import LAYOUTS, same_bits
from longtail.hadamard import hadamard_size_for, is_hadamard_size

DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
SIZES = (1, 2, 4, 8, 16, 32, 128, 256, 512, 1024, 12, 20, 24, 28, 36, 40, 52, 56, 80, 172, 344, 640)
#: Half a unit of the rounding at the end.
ROUNDING = {torch.bfloat16: 2.0**-8, torch.float16: 2.0**-11}


def bound(n: int, dtype: torch.dtype) -> float:
    """Largest error over the largest element, as csrc/attention/hadamard.h has it."""
    of_power = n.bit_count() == 1
    if dtype == torch.float64:
        return 6e-16 if of_power else 2e-15
    return (3e-7 if of_power else 9e-7) + ROUNDING.get(dtype, 0.0)


def sample(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 1) -> Tensor:
    """N(0, 1), cut to multiples of 2^-20, so that float64 adds it up exactly in any order."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=generator, dtype=torch.float64)
    return ((x * 2.0**20).round() / 2.0**20).to(dtype)


@pytest.mark.parametrize("base", PUBLISHED)
def test_the_published_matrices(base: int) -> None:
    """Entry for entry, and H H^T = K I."""
    h = base_matrix(base)
    assert fingerprint(h) == PUBLISHED[base]
    assert np.array_equal(h @ h.T, base * np.eye(base))
    turned = longtail.hadamard_transform(torch.eye(base, dtype=torch.float64), transpose=True)
    assert np.array_equal(turned.numpy(), h)


def test_powers_of_two_are_scipys() -> None:
    """Sylvester's, as scipy.linalg.hadamard has it: entry (i, j) by the bits i and j share."""
    i = np.arange(256)
    shared = np.array([[int(a & b).bit_count() for a in i] for b in i])
    assert np.array_equal(sylvester(256), 1 - 2 * (shared % 2))
    y = longtail.hadamard_transform(torch.eye(256))
    assert np.array_equal(y.numpy(), sylvester(256))


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("n", SIZES)
def test_values(n: int, dtype: torch.dtype, transpose: bool) -> None:
    x, h = sample(37, n, dtype=dtype), matrix(n)
    y = longtail.hadamard_transform(x, n**-0.5, transpose=transpose)
    expected = x.double() @ (h if transpose else h.t()) * n**-0.5
    assert y.dtype == dtype and y.shape == x.shape and y.is_contiguous()
    assert (y.double() - expected).abs().max() <= bound(n, dtype) * expected.abs().max()


@pytest.mark.parametrize("n", [2048, 4096, 8192, 16384, 32768, 5120, 11008, 14336, 22016, 28672])
def test_long_rows(n: int) -> None:
    """float32 beside float64, and there and back again."""
    x = sample(2, n, dtype=torch.float32)
    y = longtail.hadamard_transform(x, n**-0.5)
    wide = longtail.hadamard_transform(x.double(), n**-0.5)
    assert (y - wide).abs().max() <= bound(n, torch.float32) * wide.abs().max()
    back = longtail.hadamard_transform(wide, n**-0.5, transpose=True)
    assert (back - x).abs().max() <= 4 * bound(n, torch.float64) * x.abs().max()
    column = torch.zeros(n, dtype=torch.float64)
    at = n // 3
    column[at] = 1
    base = base_of(n)
    block = n // base
    heads = torch.ones(1, 1) if base == 1 else torch.from_numpy(base_matrix(base))
    signs = [1 - 2 * ((i & (at % block)).bit_count() % 2) for i in range(block)]
    expected = torch.kron(heads[:, at // block].double(), torch.tensor(signs).double())
    assert torch.equal(longtail.hadamard_transform(column), expected)


def test_the_matrix_of_twenty_rows_by_two_calls() -> None:
    """What fast-hadamard-transform's 20N does where 40 divides n, as the docstring says."""
    x = sample(3, 20 * 8)
    inner = longtail.hadamard_transform(x.unflatten(-1, (20, -1)))
    ours = longtail.hadamard_transform(inner.transpose(-1, -2)).transpose(-1, -2).flatten(-2)
    h = torch.from_numpy(np.kron(base_matrix(20), sylvester(8))).double()
    torch.testing.assert_close(ours, x @ h.t(), rtol=0, atol=1e-12)


def test_sizes_agree_with_the_kernel() -> None:
    """Python's list of sizes and that of the C++ core."""
    for n in range(1, 700):
        x = torch.ones(1, n)
        if is_hadamard_size(n):
            assert torch.ops.longtail.hadamard_transform(x, 1.0, False).shape == x.shape
        else:
            with pytest.raises(ValueError, match=str(n)):
                torch.ops.longtail.hadamard_transform(x, 1.0, False)
        padded = hadamard_size_for(n)
        assert padded is not None and padded >= n and is_hadamard_size(padded)
    assert hadamard_size_for(32769) is None and not is_hadamard_size(65536)


@pytest.mark.parametrize("shape", [(8,), (1, 1, 8), (0, 8), (3, 0, 24), (2, 3, 5, 24), (193, 2)])
def test_leading_shapes(shape: tuple[int, ...]) -> None:
    x = sample(*shape)
    y = longtail.hadamard_transform(x)
    assert y.shape == x.shape
    torch.testing.assert_close(y, x @ matrix(shape[-1]).t(), rtol=0, atol=1e-13)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("n", [24, 64])
def test_layouts(n: int, layout: Callable[[Tensor], Tensor]) -> None:
    """Any strides give the same bits, and x stays as it was; opcheck; the fake agrees."""
    x = sample(7, n, dtype=torch.float32)
    expected = longtail.hadamard_transform(x, 0.3)
    moved = layout(x)
    before = moved.clone()
    assert same_bits(longtail.hadamard_transform(moved, 0.3), expected)
    assert torch.equal(moved, before)
    op = torch.ops.longtail.hadamard_transform.default
    torch.library.opcheck(op, (moved, 0.3, True))
    fake = op(moved.to("meta"), 0.3, True)
    assert (fake.shape, fake.stride(), fake.dtype) == (x.shape, expected.stride(), x.dtype)


def test_expanded_and_offset_views() -> None:
    x = sample(64, dtype=torch.float32)
    row = longtail.hadamard_transform(x)
    assert all(same_bits(each, row) for each in longtail.hadamard_transform(x.expand(5, 64)))
    long = sample(3 * 64 + 7, dtype=torch.bfloat16)
    view = long[5 : 5 + 128].view(2, 64)
    assert same_bits(longtail.hadamard_transform(view), longtail.hadamard_transform(view.clone()))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("n", [4, 20, 128, 4096, 5120])
def test_same_bits_on_any_number_of_threads(n: int, dtype: torch.dtype) -> None:
    x = sample(200_000 // n + 3, n, dtype=dtype)
    with threads(1):
        expected = longtail.hadamard_transform(x, 0.7)
    with threads(2), deterministic():
        assert same_bits(longtail.hadamard_transform(x, 0.7), expected)
        assert same_bits(longtail.hadamard_transform(x[-2:], 0.7), expected[-2:])


def test_float32_adds_in_the_order_of_the_stages() -> None:
    """Powers of two are the butterflies h = 1, 2, 4, ... of float32 tensors, bit for bit."""
    x = sample(9, 128, dtype=torch.float32)
    y = x
    for bit in range(7):
        low, high = y.unflatten(-1, (-1, 2, 1 << bit)).unbind(-2)
        y = torch.stack([low + high, low - high], -2).flatten(-3)
    assert same_bits(longtail.hadamard_transform(x), y)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_nan_and_inf_stay_in_their_row(dtype: torch.dtype) -> None:
    x = sample(5, 24, dtype=dtype)
    clean = longtail.hadamard_transform(x)
    x[1, 3], x[2, 7] = float("nan"), float("inf")
    y = longtail.hadamard_transform(x)
    assert y[1].isnan().all() and not y[2].isfinite().any()
    assert same_bits(y[[0, 3, 4]], clean[[0, 3, 4]])


def test_large_halves_do_not_overflow_inside() -> None:
    x = torch.full((2, 4096), 60000.0, dtype=torch.float16)
    y = longtail.hadamard_transform(x, 1 / 4096)
    assert y[0, 0] == 60000 and (y[:, 1:] == 0).all()


CASES = (
    BadInput("list", lambda: longtail.hadamard_transform([1.0]), Raises(TypeError, "x", "list")),
    BadInput(
        "integers",
        lambda: longtail.hadamard_transform(torch.ones(4, dtype=torch.int32)),
        Raises(TypeError, "x", "int32"),
    ),
    BadInput(
        "no dimension",
        lambda: longtail.hadamard_transform(torch.tensor(1.0)),
        Raises(ValueError, "x", "[]"),
    ),
    BadInput(
        "size",
        lambda: longtail.hadamard_transform(torch.ones(3, 44)),
        Raises(ValueError, "x", "44", "12, 20, 28, 36, 40, 52, 60, 108, 140, 156, 172", "32768"),
    ),
    BadInput(
        "nothing",
        lambda: longtail.hadamard_transform(torch.ones(3, 0)),
        Raises(ValueError, "x", "size 0"),
    ),
    BadInput(
        "too long",
        lambda: longtail.hadamard_transform(torch.ones(1 << 16)),
        Raises(ValueError, "x", "65536", "32768"),
    ),
    BadInput(
        "scale",
        lambda: longtail.hadamard_transform(torch.ones(4), torch.tensor(2.0)),
        Raises(TypeError, "scale", "Tensor"),
    ),
    BadInput(
        "transpose",
        lambda: longtail.hadamard_transform(torch.ones(4), transpose=1),
        Raises(TypeError, "transpose", "int"),
    ),
)


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    check(case)
