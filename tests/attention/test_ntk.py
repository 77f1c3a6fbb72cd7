"""ntk_attention: values and gradients beside a twin, extremes, layouts, bits, memory, DTensor."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor

import longtail
from attention.ntk_memory import peak_megabytes
from attention.ntk_oracle import ntk_twin, phi
from kit.distributed import without_moving
from kit.layouts import deterministic, threads
from kit.tensors import same_bits
from kit.twins import DTYPES, VIEWS, close, compare, randn, with_gradients

pytestmark = pytest.mark.usefixtures("one_thread")

# batch, heads, queries, keys, channels, values
SHAPES = (
    (2, 3, 65, 127, 16, 24),
    (1, 2, 193, 63, 64, 64),
    (2, 1, 1, 193, 5, 3),
    (1, 1, 127, 1, 1, 7),
    (1, 2, 400, 300, 33, 65),
    (1, 1, 3, 2, 256, 256),
)


def given(dtype: torch.dtype, shape: tuple[int, ...], own_prefix: bool = False) -> list[Tensor]:
    """q, k, v, z and kappa."""
    batch, heads, queries, keys, channels, values = shape
    g = torch.Generator().manual_seed(sum(shape))
    of_prefix = torch.float64 if dtype == torch.float64 else torch.float32
    lead = (batch, heads) if own_prefix else (heads,)
    return [
        randn(g, dtype, batch, heads, queries, channels),
        randn(g, dtype, batch, heads, keys, channels),
        randn(g, dtype, batch, heads, keys, values),
        randn(g, of_prefix, *lead, channels, values),
        randn(g, of_prefix, *lead, channels),
    ]


def error_of(dtype: torch.dtype) -> float:
    """The docstring's."""
    return {torch.float64: 1e-12, torch.float32: 1e-5}.get(dtype, 4 * torch.finfo(dtype).eps)


def call(is_causal: bool, scale: float | None = None) -> Callable[..., Tensor]:
    return lambda *t: longtail.ntk_attention(*t, is_causal=is_causal, scale=scale)


def twin(is_causal: bool, scale: float | None = None) -> Callable[..., Tensor]:
    return lambda *t: ntk_twin(*t, is_causal=is_causal, scale=scale)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_values_and_gradients(dtype: torch.dtype, is_causal: bool, shape: tuple) -> None:
    tensors = given(dtype, shape, own_prefix=is_causal)
    # Also of the float32 gradients of z and kappa: backward reads the rounded output.
    compare(call(is_causal), twin(is_causal), tensors, lambda _: error_of(dtype))
    result = call(is_causal)(*tensors)
    assert result.dtype == dtype and result.is_contiguous()


@pytest.mark.parametrize("scale", [0.3, -0.2, 1e-30])
def test_scale(scale: float) -> None:
    compare(call(True, scale), twin(True, scale), given(torch.float64, SHAPES[0]), error_of)


@pytest.mark.parametrize("dtype", DTYPES[:2], ids=str)
def test_scores_between_large_limits(dtype: torch.dtype) -> None:
    """From -200 to 200 in every row: the output to 1e-5, gradients too, or as near as the same
    formulas come in torch in float32, where scores of that size have errors of 1e-5 themselves."""
    g = torch.Generator().manual_seed(1)
    q, k, v = (randn(g, dtype, 1, 2, n, 16) for n in (40, 50, 50))
    z, kappa = randn(g, dtype, 2, 16, 16), randn(g, dtype, 2, 16)
    scores = (q @ k.mT).double() / 4
    q = (q * 200 / scores.abs().amax(-1, keepdim=True)).to(dtype)
    scores = (q @ k.mT).double() / 4
    assert scores.min() < -190 and scores.max() > 190
    tensors = [q, k, v, z, kappa]
    exact = with_gradients(twin(False), [each.double() for each in tensors])
    plain = with_gradients(twin(False), tensors)
    got = with_gradients(call(False), tensors)
    close(got[0], exact[0], error_of(dtype))
    for mine, theirs, expected in zip(got, plain, exact, strict=True):
        error = float((theirs.double() - expected).abs().max() / expected.abs().max())
        close(mine, expected, max(error_of(dtype), 1.2 * error))


@pytest.mark.parametrize("dtype", DTYPES[:2], ids=str)
@pytest.mark.parametrize("level", [-200.0, 200.0])
def test_scores_beyond_the_range_of_exp(level: float, dtype: torch.dtype) -> None:
    """All scores of a row near +-200, where exp is out of the range of float32. With a prefix that
    weighs e^level, neither part is lost. Scores of that size have rounding errors of 200 eps."""
    g = torch.Generator().manual_seed(1)
    channels = 16
    q = randn(g, dtype, 1, 2, 40, channels) * 0.1
    k = randn(g, dtype, 1, 2, 50, channels)
    q[..., 0], k[..., 0] = level / 10, 10 * math.sqrt(channels)
    v = randn(g, dtype, 1, 2, 50, 8)
    z, kappa = randn(g, dtype, 2, channels, 8), randn(g, dtype, 2, channels)
    cases = [[q, k, v, z, kappa]]
    if dtype == torch.float64:
        weight = math.exp(level)
        cases.append([q, k, v, z * weight, kappa * weight])
    for tensors in cases:
        got = with_gradients(call(False), tensors)
        exact = with_gradients(twin(False), [each.double() for each in tensors])
        for mine, expected in zip(got, exact, strict=True):
            if expected.abs().max() > torch.finfo(dtype).tiny:
                close(mine, expected, 2 * 200 * torch.finfo(dtype).eps)
            else:
                assert (mine.abs() <= torch.finfo(dtype).tiny).all()


@pytest.mark.parametrize("size", [1e-37, 1e-30, 1e30, 1e37])
def test_extreme_prefixes(size: float) -> None:
    """As large and as small as float32 allows: the mean of the prefix, or the attention alone."""
    q, k, v, z, kappa = given(torch.float32, (1, 2, 65, 63, 16, 8))
    got = longtail.ntk_attention(q, k, v, z * size, kappa * size)
    exact = ntk_twin(*(each.double() for each in (q, k, v, z * size, kappa * size)))
    close(got, exact, 1e-5)
    assert all(each.isfinite().all() for each in with_gradients(call(False), [q, k, v, z, kappa]))
    parts = with_gradients(call(True), [q, k, v, z * size, kappa * size])
    assert not any(each.isnan().any() for each in parts)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shift", [0.0, -400.0, 400.0])
def test_without_a_prefix_it_is_attention(shift: float, dtype: torch.dtype) -> None:
    """z = 0 and kappa = 0, also where e^-m would be infinite: 0 times infinity is no result."""
    q, k, v, z, kappa = given(dtype, SHAPES[0])
    q[..., 0], k[..., 0] = shift / 10, 10
    none = [q, k, v, z * 0, kappa * 0]
    got = with_gradients(call(False), none)
    exact = with_gradients(
        lambda q, k, v, *_: (
            functional.scaled_dot_product_attention(q, k, v) + 0 * sum(each.sum() for each in _)
        ),
        [each.double() for each in none],
    )
    for mine, expected in zip(got[:4], exact[:4], strict=True):
        bound = error_of(mine.dtype) + abs(shift) * torch.finfo(torch.float32).eps
        close(mine, expected, bound)
    assert all(each.isfinite().all() for each in got)
    assert (got[5] == 0).all()


def test_negative_kappa_is_its_absolute_value() -> None:
    q, k, v, z, kappa = given(torch.float32, SHAPES[0])
    got = with_gradients(call(False), [q, k, v, z, kappa])
    turned = with_gradients(call(False), [q, k, v, z, -kappa])
    assert all(map(same_bits, got[:5], turned[:5]))
    assert torch.equal(got[5], -turned[5])


def test_nan_and_infinity_stay_in_their_rows() -> None:
    q, k, v, z, kappa = given(torch.float32, SHAPES[0])
    clean = longtail.ntk_attention(q, k, v, z, kappa)
    q[0, 1, 5, 3] = math.nan
    result = longtail.ntk_attention(q, k, v, z, kappa)
    assert result[0, 1, 5].isnan().all()
    result[0, 1, 5] = clean[0, 1, 5]
    assert same_bits(result, clean)
    kappa[2] = math.nan
    assert longtail.ntk_attention(q, k, v, z, kappa)[:, 2].isnan().all()


def test_nothing_to_attend_to() -> None:
    """Without keys the prefix is all; without both the result is 0, and so are gradients."""
    q, k, v, z, kappa = given(torch.float64, (2, 2, 5, 0, 4, 3))
    got = with_gradients(call(True), [q, k, v, z, kappa])
    mean = (phi(q) @ z) / (phi(q) @ kappa.abs()[..., None])
    close(got[0], mean, 1e-12)
    for each in with_gradients(call(True), [q, k, v, z, kappa * 0]):
        assert (each == 0).all()


@pytest.mark.parametrize(
    "shape", [(0, 2, 5, 7, 4, 3), (2, 0, 5, 7, 4, 3), (2, 2, 0, 7, 4, 3)], ids=str
)
def test_empty(shape: tuple) -> None:
    """No batch, heads or queries: gradients are 0."""
    for own in (False, True):
        result, *gradients = with_gradients(call(False), given(torch.float32, shape, own))
        assert result.shape == (*shape[:3], shape[5])
        assert all((each == 0).all() for each in gradients)


def test_leading_dimensions() -> None:
    """None, one or more of them, with one prefix for all and with one for each."""
    g = torch.Generator().manual_seed(0)
    q, k, v = (randn(g, torch.float64, 2, 3, 4, n, 5) for n in (6, 7, 7))
    z, kappa = randn(g, torch.float64, 2, 3, 4, 5, 5), randn(g, torch.float64, 2, 3, 4, 5)
    compare(call(True), twin(True), [q, k, v, z, kappa], error_of)
    compare(call(True), twin(True), [q, k, v, z[0, 0], kappa[0, 0]], error_of)
    alone = [each[0, 0] for each in (q, k, v, z, kappa)]
    compare(call(True), twin(True), alone, error_of)
    assert call(True)(*alone).shape == (4, 6, 5)


@pytest.mark.parametrize("layout", VIEWS.values(), ids=VIEWS)
def test_layouts(layout: Callable[[Tensor], Tensor]) -> None:
    """Any strides of the tensors and the gradient give the same bits; arguments stay as they are;
    fakes and opcheck agree."""
    tensors = given(torch.float32, (2, 2, 33, 45, 8, 6))
    expected = with_gradients(call(True), tensors)
    moved = [layout(each) for each in tensors]
    before = [each.clone() for each in moved]
    leaves = [each.requires_grad_() for each in moved]
    result = call(True)(*leaves)
    g = torch.Generator().manual_seed(3)
    grad = torch.randn(result.shape, generator=g, dtype=torch.float64).bfloat16().float()
    got = [result, *torch.autograd.grad(result, leaves, layout(grad))]
    assert result.is_contiguous() and all(map(same_bits, got, expected))
    assert all(map(same_bits, moved, before))


@pytest.mark.parametrize("layout", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_opcheck(dtype: torch.dtype, layout: Callable[[Tensor], Tensor]) -> None:
    """Schema, fake and tracing of both raw ops; the meta device has the same results."""
    ops = torch.ops.longtail
    q, k, v, z, kappa = map(layout, given(dtype, (2, 2, 7, 13, 4, 3)))
    tensors = (q, k, v, z.unsqueeze(0), kappa.unsqueeze(0))
    out, lse = ops.ntk_attention(*tensors, True, 0.5)
    for op, arguments in (
        (ops.ntk_attention, (*tensors, True, 0.5)),
        (ops.ntk_attention_backward, (layout(out), *tensors, True, 0.5, layout(out), layout(lse))),
    ):
        torch.library.opcheck(op.default, arguments)
        fakes = op(*(a.to("meta") if isinstance(a, Tensor) else a for a in arguments))
        for real, fake in zip(op(*arguments), fakes, strict=True):
            assert (real.shape, real.dtype) == (fake.shape, fake.dtype)
            assert real.stride() == fake.stride()
    with pytest.raises(NotImplementedError, match="longtail.ntk_attention"):
        ops.ntk_attention(q.clone().requires_grad_(), *tensors[1:], True, 0.5)


@pytest.mark.parametrize("shape", [(1, 1, 500, 700, 16, 8), (2, 3, 97, 129, 8, 8)], ids=str)
def test_same_bits_on_any_number_of_threads(shape: tuple) -> None:
    """And on repeat; one head cuts its keys into groups."""
    tensors = given(torch.float32, shape)
    with threads(1):
        expected = with_gradients(call(True), tensors)
    with threads(2), deterministic():
        for _ in range(2):
            assert all(map(same_bits, with_gradients(call(True), tensors), expected))


def test_rows_do_not_mix() -> None:
    """A row's bits do not depend on the rows around it."""
    q, *rest = given(torch.float32, (1, 2, 500, 300, 16, 8))
    whole = longtail.ntk_attention(q, *rest)
    for rows in (slice(0, 1), slice(7, 9), slice(100, 499)):
        assert same_bits(longtail.ntk_attention(q[:, :, rows], *rest), whole[:, :, rows])


def test_no_score_matrix_in_memory() -> None:
    """Forward and backward at 4096 queries and keys, in a process of its own: its largest memory
    grows by far less than the 64 MB of one matrix of scores. (Eager attention needs several.)"""
    assert peak_megabytes("eager_attention") > 64
    assert peak_megabytes("ntk_attention") < 32


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_autocast_keeps_the_dtype(dtype: torch.dtype) -> None:
    tensors = given(torch.float32, SHAPES[2])
    with torch.autocast("cpu", dtype=dtype):
        assert call(False)(*tensors).dtype == torch.float32
        assert call(False)(*(each.to(dtype) for each in tensors)).dtype == dtype


def test_vmap() -> None:
    """Over everything, and over the prefix alone."""
    tensors = given(torch.float64, (3, 2, 5, 6, 4, 3), own_prefix=True)
    expected = call(True)(*tensors)
    torch.testing.assert_close(torch.vmap(call(True))(*tensors), expected, rtol=0, atol=0)
    q, k, v, z, kappa = tensors
    several = torch.vmap(lambda z, kappa: call(True)(q[0], k[0], v[0], z, kappa))(z, kappa)
    for each, own, its in zip(several, z, kappa, strict=True):
        torch.testing.assert_close(each, call(True)(q[0], k[0], v[0], own, its), rtol=0, atol=0)
    grads = torch.vmap(torch.func.grad(lambda *t: call(True)(*t).sum(), 3))(*tensors)
    leaf = z.clone().requires_grad_()
    (whole,) = torch.autograd.grad(call(True)(q, k, v, leaf, kappa).sum(), leaf)
    torch.testing.assert_close(grads, whole, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("own_prefix", [False, True])
@pytest.mark.parametrize("dim", [0, 1])
def test_no_collectives(dim: int, own_prefix: bool, fake_processes: int) -> None:
    """Batches or heads are cut; nothing moves. A prefix that batches share gets shares of its
    gradient."""
    from torch.distributed.tensor import Partial, Replicate, Shard

    tensors = given(torch.float32, (4, 8, 5, 6, 4, 3), own_prefix)
    of_prefix = Shard(dim) if own_prefix else Shard(0) if dim == 1 else Replicate()
    places = [Shard(dim)] * 3 + [of_prefix] * 2
    y, gradients = without_moving(call(True), tensors, places)
    assert list(y.placements) == [Shard(dim)]
    shared = Partial() if of_prefix == Replicate() else of_prefix
    for gradient, at in zip(gradients, [Shard(dim)] * 3 + [shared] * 2, strict=True):
        assert list(gradient.placements) == [at]


def test_prefix_approximates_a_real_one() -> None:
    """Attention over 64 keys and a prefix of 256 more: z and kappa come closer to it with the
    factor 1/D than without, and than no prefix at all."""
    g = torch.Generator().manual_seed(5)
    channels = 32
    shift = randn(g, torch.float64, 4, 1, channels)  # values that differ from those of the keys
    q, k = randn(g, torch.float64, 4, 50, channels), randn(g, torch.float64, 4, 64, channels)
    v = randn(g, torch.float64, 4, 64, channels)
    keys, values = randn(g, torch.float64, 4, 256, channels), randn(g, torch.float64, 4, 256, 32)
    values = values + shift
    q, keys = q * 0.7, keys * 0.7
    real = functional.scaled_dot_product_attention(
        q, torch.cat([keys, k], -2), torch.cat([values, v], -2)
    )
    error = {}
    for normalize in (True, False):
        z, kappa = longtail.ntk_prefix(keys, values, normalize=normalize)
        error[normalize] = float((longtail.ntk_attention(q, k, v, z, kappa) - real).norm())
    without = float((functional.scaled_dot_product_attention(q, k, v) - real).norm())
    assert error[True] < 0.6 * error[False]
    assert error[True] < 0.25 * without
