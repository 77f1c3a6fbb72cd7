"""pattention: values and gradients beside a twin, rows of any size, layouts, bits, memory,
DTensor."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import longtail
from attention.ntk_memory import peak_megabytes
from attention.ntk_oracle import pattention_twin
from kit.distributed import without_moving
from kit.layouts import deterministic, threads
from kit.tensors import same_bits
from kit.twins import DTYPES, VIEWS, close, compare, randn
from kit.twins import with_gradients as gradients_of

pytestmark = pytest.mark.usefixtures("one_thread")

# rows, inputs, tokens, outputs; one score alone has a gradient of 0
SHAPES = (
    ((5,), 3, 7, 2),
    ((2, 97), 65, 127, 63),
    ((193,), 1, 2, 1),
    ((63, 1), 300, 33, 17),
    ((1000,), 16, 600, 48),
    ((), 8, 65, 8),
)


def given(dtype: torch.dtype, shape: tuple) -> list[Tensor]:
    """x, key and value."""
    rows, inputs, tokens, outputs = shape
    g = torch.Generator().manual_seed(tokens)
    of_tokens = torch.float64 if dtype == torch.float64 else torch.float32
    return [
        randn(g, dtype, *rows, inputs),
        randn(g, of_tokens, tokens, inputs),
        randn(g, of_tokens, tokens, outputs),
    ]


def error_of(dtype: torch.dtype) -> float:
    """The docstring's."""
    return {torch.float64: 1e-12, torch.float32: 1e-5}.get(dtype, 2 * torch.finfo(dtype).eps)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_values_and_gradients(dtype: torch.dtype, shape: tuple) -> None:
    tensors = given(dtype, shape)
    if shape[1] == 1:  # u is +-tau |k| / |K| whatever x: dx and along K dkey are 0, twins too
        got = gradients_of(longtail.pattention, tensors)
        expected = gradients_of(pattention_twin, [each.double() for each in tensors])
        scale = float(expected[2].abs().max())
        assert got[1].abs().max() <= error_of(dtype) * max(1.0, scale)
        for k in (0, 2, 3):
            close(got[k], expected[k], error_of(got[k].dtype))
    else:
        compare(longtail.pattention, pattention_twin, tensors, error_of)
    result = longtail.pattention(*tensors)
    assert result.dtype == dtype and result.is_contiguous()
    assert result.shape == (*shape[0], shape[3])


@pytest.mark.parametrize("tau", [0.01, 3.0, 100.0])
def test_tau(tau: float) -> None:
    compare(
        lambda *t: longtail.pattention(*t, tau=tau),
        lambda *t: pattention_twin(*t, tau=tau),
        given(torch.float64, SHAPES[1]),
        error_of,
    )


def test_default_tau_is_that_of_the_released_models() -> None:
    tensors = given(torch.float64, SHAPES[0])
    assert same_bits(longtail.pattention(*tensors), longtail.pattention(*tensors, tau=math.sqrt(7)))


@pytest.mark.parametrize("size", [1e-34, 1e-25, 1e-10, 1e10, 1e25, 1e34])
def test_rows_of_any_size(size: float) -> None:
    """Only the direction of a row counts, though its square is out of range."""
    x, key, value = given(torch.float32, SHAPES[1])
    x = (x.double() * size).float()
    exact = pattention_twin(x.double(), key.double(), value.double())
    close(longtail.pattention(x, key, value), exact, 1e-5)
    close(longtail.pattention(key[:64] * 0 + 1, key * size, value),
          pattention_twin((key[:64] * 0 + 1).double(), (key * size).double(), value.double()),
          1e-5)  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_rows_without_direction(dtype: torch.dtype) -> None:
    """Scores of 0, and so small that they have no digits: result and gradients are 0, by the
    formulas for higher derivatives too; the rows beside them stay as they are."""
    x, key, value = given(dtype, SHAPES[1])
    clean = longtail.pattention(x, key, value)
    x[1, 5] = 0
    x[0, 7] = torch.finfo(dtype).tiny * 1e-3 if dtype == torch.float32 else 0
    result, dx, *_ = gradients_of(longtail.pattention, [x, key, value])
    for row in ((1, 5), (0, 7)):
        assert (result[row] == 0).all() and (dx[row] == 0).all()
        result[row] = clean[row]
    assert same_bits(result, clean)
    everything = gradients_of(longtail.pattention, [x * 0, key, value])
    assert all((each == 0).all() for each in everything)
    small = x[1, 4:6].double().requires_grad_()
    keys, values = key.double(), value.double()
    hessian = torch.func.jacrev(
        torch.func.jacrev(lambda x: longtail.pattention(x, keys, values).sum())
    )(small)
    assert hessian.isfinite().all() and (hessian[1] == 0).all()


def test_nan_stays_in_its_row() -> None:
    x, key, value = given(torch.float32, SHAPES[1])
    clean = longtail.pattention(x, key, value)
    x[1, 5, 3] = math.nan
    x[0, 2, 1] = math.inf
    result = longtail.pattention(x, key, value)
    for row in ((1, 5), (0, 2)):
        assert result[row].isnan().all()
        result[row] = clean[row]
    assert same_bits(result, clean)


@pytest.mark.parametrize("dtype", DTYPES[:2], ids=str)
def test_tokens_with_keys_of_zero_add_nothing(dtype: torch.dtype) -> None:
    """With tau as it was; with the default the result is another one, by nearly half here."""
    x, key, value = given(dtype, SHAPES[1])
    before = longtail.pattention(x, key, value, tau=math.sqrt(127))
    keys = torch.cat([key, key.new_zeros(127, 65)])
    values = torch.cat([value, torch.randn(127, 63, dtype=dtype)])
    after = longtail.pattention(x, keys, values, tau=math.sqrt(127))
    close(after, before.double(), 1e-12 if dtype == torch.float64 else 1e-6)
    released = longtail.pattention(x, keys, values)
    assert (released - before).norm() > 0.3 * before.norm()


def test_no_rows() -> None:
    """Gradients of nothing are zeros."""
    for rows in ((0,), (3, 0)):
        result, *gradients = gradients_of(
            longtail.pattention, given(torch.float32, (rows, 4, 5, 3))
        )
        assert result.shape == (*rows, 3)
        assert all((each == 0).all() for each in gradients)


@pytest.mark.parametrize("layout", VIEWS.values(), ids=VIEWS)
def test_layouts(layout: Callable[[Tensor], Tensor]) -> None:
    """Any strides of tensors and gradient give the same bits; arguments stay; fakes and opcheck
    agree."""
    tensors = given(torch.float32, ((33,), 8, 45, 6))
    expected = gradients_of(longtail.pattention, tensors)
    moved = [layout(each) for each in tensors]
    leaves = [each.requires_grad_() for each in moved]
    result = longtail.pattention(*leaves)
    g = torch.Generator().manual_seed(3)
    grad = torch.randn(result.shape, generator=g, dtype=torch.float64).bfloat16().float()
    got = [result, *torch.autograd.grad(result, leaves, layout(grad))]
    assert result.is_contiguous() and all(map(same_bits, got, expected))
    assert all(map(same_bits, moved, tensors))
    ops = torch.ops.longtail
    x, key, value = (each.detach() for each in moved)
    for op, arguments in (
        (ops.pattention, (x, key, value, 2.0)),
        (ops.pattention_backward, (layout(grad), x, key, value, 2.0)),
    ):
        torch.library.opcheck(op.default, arguments)
        reals = op(*arguments)
        fakes = op(*(a.to("meta") if isinstance(a, Tensor) else a for a in arguments))
        if isinstance(reals, Tensor):
            reals, fakes = [reals], [fakes]
        for real, fake in zip(reals, fakes, strict=True):
            assert (real.shape, real.dtype) == (fake.shape, fake.dtype)
            assert real.stride() == fake.stride()
    with pytest.raises(NotImplementedError, match="longtail.pattention"):
        ops.pattention(x.clone().requires_grad_(), key, value, 2.0)


def test_expanded_gradients() -> None:
    tensors = given(torch.float32, SHAPES[1])
    leaves = [each.requires_grad_() for each in tensors]
    result = longtail.pattention(*leaves)
    one = torch.ones((), dtype=result.dtype)
    got = torch.autograd.grad(result, leaves, one.expand(result.shape), retain_graph=True)
    expected = torch.autograd.grad(result, leaves, torch.ones_like(result))
    assert all(map(same_bits, got, expected))


@pytest.mark.parametrize("rows", [1, 97, 2000])
def test_same_bits_on_any_number_of_threads(rows: int) -> None:
    """And on repeat."""
    tensors = given(torch.float32, ((rows,), 16, 300, 24))
    with threads(1):
        expected = gradients_of(longtail.pattention, tensors)
    with threads(2), deterministic():
        for _ in range(2):
            assert all(map(same_bits, gradients_of(longtail.pattention, tensors), expected))


def test_rows_do_not_mix() -> None:
    """A row's bits do not depend on the rows around it."""
    x, key, value = given(torch.float32, ((500,), 16, 300, 24))
    whole = longtail.pattention(x, key, value)
    for rows in (slice(0, 1), slice(7, 9), slice(100, 499)):
        assert same_bits(longtail.pattention(x[rows], key, value), whole[rows])


def test_no_score_matrix_in_memory() -> None:
    """Forward and backward of 8192 rows and 4096 tokens: the largest memory of the process grows
    by far less than the 128 MB of one matrix of scores. (Eager, several.)"""
    assert peak_megabytes("eager_pattention") > 128
    assert peak_megabytes("pattention") < 64


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_autocast_keeps_the_dtype(dtype: torch.dtype) -> None:
    tensors = given(torch.float32, SHAPES[0])
    with torch.autocast("cpu", dtype=dtype):
        assert longtail.pattention(*tensors).dtype == torch.float32
        assert longtail.pattention(*(each.to(dtype) for each in tensors)).dtype == dtype


def test_vmap() -> None:
    """Batches of rows and of tokens."""
    x, key, value = given(torch.float64, ((3, 5), 4, 6, 2))
    expected = longtail.pattention(x, key, value)
    rows = torch.vmap(lambda each: longtail.pattention(each, key, value))(x)
    torch.testing.assert_close(rows, expected, rtol=0, atol=0)
    keys = torch.stack([key, key.flip(0)])
    both = torch.vmap(lambda key: longtail.pattention(x, key, value))(keys)
    torch.testing.assert_close(both[0], expected, rtol=0, atol=0)


@pytest.mark.parametrize("sharded", ["rows", "outputs"])
def test_no_collectives(sharded: str, fake_processes: int) -> None:
    """Rows or outputs are cut; nothing moves."""
    from torch.distributed.tensor import Partial, Replicate, Shard

    by_row = sharded == "rows"
    whole, share = Replicate(), Partial()
    places = [Shard(0), whole, whole] if by_row else [whole, whole, Shard(1)]
    tensors = given(torch.float32, ((8,), 6, 9, 8))
    y, gradients = without_moving(longtail.pattention, tensors, places)
    assert list(y.placements) == [Shard(0) if by_row else Shard(1)]
    wanted = [Shard(0), share, share] if by_row else [share, share, Shard(1)]
    for gradient, at in zip(gradients, wanted, strict=True):
        assert list(gradient.placements) == [at]


def test_gelu_is_the_exact_one() -> None:
    """One score, so that u is tau times a sign: far from the tanh approximation in float64."""
    x, key, value = (torch.ones(1, 1, dtype=torch.float64) for _ in range(3))
    for tau in (0.3, 1.0, 2.5, 9.0):
        for sign in (-1, 1):
            got = float(longtail.pattention(sign * x, key, value, tau=tau))
            exact = sign * tau * math.erfc(-sign * tau / math.sqrt(2)) / 2
            assert abs(got - exact) <= 1e-14 * abs(exact)
