"""Caches under torch's modes and transforms: vmap, autocast, inference, meta, repeats."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.func import vmap

import longtail
from attention.test_decode import FORMATS, make
from kit.layouts import deterministic, threads

SHAPE = (2, 6, 2, 3, 150, 40, 48, 32)
MANY = 5


def filled(k_format: str, k: Tensor, v: Tensor) -> longtail.QuantizedKVCache:
    cache = longtail.QuantizedKVCache(4, k_format)
    cache.append(k, v, lengths=[k.shape[2], k.shape[2] // 2])
    return cache


@pytest.fixture
def no_fallback() -> Iterator[None]:
    """A transform must not call the operator once for each element."""
    torch._C._functorch._set_vmap_fallback_enabled(False)
    yield
    torch._C._functorch._set_vmap_fallback_enabled(True)


@pytest.mark.usefixtures("no_fallback")
@pytest.mark.parametrize("k_format", FORMATS)
@pytest.mark.parametrize("dim", [0, 2, 4])
def test_vmap_over_queries(k_format: str, dim: int) -> None:
    """One call that gives the bits of single calls, out and LSE."""
    q, k, v = make(SHAPE, torch.float32)
    cache = filled(k_format, k, v)
    many = torch.randn(MANY, *q.shape).movedim(0, dim)
    out, lse = vmap(lambda q: cache.attend(q, return_lse=True), dim)(many)
    for i in range(MANY):
        one, one_lse = cache.attend(many.select(dim, i), return_lse=True)
        assert torch.equal(out[i], one) and torch.equal(lse[i], one_lse)


@pytest.mark.usefixtures("no_fallback")
@pytest.mark.parametrize("of_bools", [False, True])
@pytest.mark.parametrize("dims", [(0, 0), (0, None), (None, 1)], ids=str)
def test_vmap_over_masks(dims: tuple[int | None, int | None], of_bools: bool) -> None:
    q, k, v = make(SHAPE, torch.float32)
    cache = filled("channel", k, v)
    queries = q if dims[0] is None else torch.randn(MANY, *q.shape)
    sizes = [2, 1, 3, 150]
    if dims[1] is not None:
        sizes.insert(dims[1], MANY)
    masks = torch.randn(sizes)
    masks = masks > 0 if of_bools else masks
    out = vmap(lambda q, mask: cache.attend(q, attn_mask=mask), dims)(queries, masks)
    for i in range(MANY):
        one_q, one_mask = (
            each if dim is None else each.select(dim, i)
            for each, dim in zip((queries, masks), dims, strict=True)
        )
        assert torch.equal(out[i], cache.attend(one_q, attn_mask=one_mask))


@pytest.mark.usefixtures("no_fallback")
def test_nested_vmap() -> None:
    q, k, v = make(SHAPE, torch.float32)
    cache = filled("channel", k, v)
    many = torch.randn(2, 3, *q.shape)
    out = vmap(vmap(cache.attend))(many)
    assert all(torch.equal(out[i, j], cache.attend(many[i, j])) for i in range(2) for j in range(3))


@pytest.mark.usefixtures("no_fallback")
@pytest.mark.parametrize("k_format", FORMATS)
def test_vmap_over_whole_caches(k_format: str) -> None:
    """A cache made inside is many of them, with as many states."""
    q, k, v = (torch.stack([each, each.flip(2)]) for each in make(SHAPE, torch.float32))

    def whole(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        cache = filled(k_format, k, v)
        cache.append(k[:, :, :7], v[:, :, :7])
        found = cache.attend(q)
        assert isinstance(found, Tensor)
        return found

    for dims in ((0, 0, 0), (None, 0, 0), (0, 0, None)):
        given = [x[0] if d is None else x for x, d in zip((q, k, v), dims, strict=True)]
        out = vmap(whole, dims)(*given)
        for i in range(2):
            assert torch.equal(out[i], whole(*(x[i] if x.dim() == 5 else x for x in given)))


def test_vmap_does_not_append_to_one_cache() -> None:
    """The cache cannot become several, and stays as it was."""
    q, k, v = make(SHAPE, torch.float32)
    cache = filled("channel", k, v)
    before = cache.attend(q)
    with pytest.raises(NotImplementedError, match=r"append: under vmap .* append outside of vmap"):
        vmap(lambda k: cache.append(k, v))(torch.stack([k, k]))
    assert cache.lengths.tolist() == [150, 75] and torch.equal(cache.attend(q), before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_autocast_changes_nothing(dtype: torch.dtype) -> None:
    """Everything keeps its dtype."""
    q, k, v = make(SHAPE, dtype)
    expected = filled("token_rotated", k, v).attend(q)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = filled("token_rotated", k, v).attend(q)
    assert out.dtype == dtype and torch.equal(out, expected)


@pytest.mark.parametrize("k_format", FORMATS)
def test_inference_mode(k_format: str) -> None:
    """What is made inside can be written to outside, by every method, and the other way round."""
    q, k, v = make(SHAPE, torch.float32)

    def change(cache: longtail.QuantizedKVCache, step: int) -> None:
        if step == 0:
            cache.append(k, v)  # which grows
        elif step == 1:
            cache.crop([70, 40])
        elif step == 2:
            cache.reorder([1, 0])
        elif step == 3:
            cache.load_state_dict(cache.state_dict())
        else:
            cache.append(k[:, :, :100], v[:, :, :100])

    expected = longtail.QuantizedKVCache(4, k_format)
    for step in range(5):
        change(expected, step)
    for first in (0, 1):
        cache = longtail.QuantizedKVCache(4, k_format)
        for step in range(5):
            with torch.inference_mode(step % 2 == first):
                change(cache, step)
        with torch.inference_mode():
            assert torch.equal(cache.attend(q), expected.attend(q))
        assert torch.equal(cache.attend(q), expected.attend(q))


@pytest.mark.parametrize("k_format", FORMATS)
def test_meta(k_format: str) -> None:
    """Shapes without numbers, as large as they like."""
    cache = longtail.QuantizedKVCache(4, k_format)
    k = torch.empty(2, 8, 1 << 20, 128, dtype=torch.bfloat16, device="meta")
    cache.append(k, k)
    cache.append(k[:, :, :3], k[:, :, :3], lengths=[1, 3])
    assert cache.lengths.tolist() == [(1 << 20) + 1, (1 << 20) + 3]
    assert cache.device == torch.device("meta") and cache.nbytes > 1 << 31
    q = torch.empty(2, 128, 2, 16, dtype=torch.float16, device="meta").transpose(1, 3)
    out, lse = cache.attend(q, return_lse=True, attn_mask=torch.empty(1, device="meta"))
    assert out.is_meta and out.is_contiguous() and out.dtype == torch.float16
    assert out.shape == (2, 16, 2, 128) and lse.shape == (2, 16, 2)
    cache.crop(1000)
    cache.reorder([1, 1, 0])
    assert cache.lengths.tolist() == [1000] * 3


@pytest.mark.parametrize("k_format", FORMATS)
def test_threads_and_deterministic_repeats(k_format: str) -> None:
    """State and results have the same bits; attend alone on more splits: test_decode.py."""
    q, k, v = make((2, 4, 2, 1, 1500, 64, 64, 32), torch.bfloat16)
    found = []
    for count in (1, 2, 2):
        with threads(count), deterministic():
            cache = filled(k_format, k, v)
            found.append((cache.attend(q), *cache._state()))
    for other in found[1:]:
        assert all(map(torch.equal, found[0], other))


def test_to() -> None:
    """Moved tensors are new ones; on the same device nothing changes."""
    q, k, v = make(SHAPE, torch.float32)
    cache = filled("channel", k, v)
    expected = cache.attend(q)
    assert cache.to("cpu", non_blocking=True) is cache
    assert torch.equal(cache.attend(q), expected)
    assert cache.to("meta").device == torch.device("meta")
    assert cache.attend(q.to("meta")).is_meta
    with pytest.raises(ValueError, match="q is on cpu and the cache on meta"):
        cache.attend(q)
