"""What a cache is after appending in portions, cropping, reordering and copying."""

from __future__ import annotations

import copy
import io
import itertools
import pickle

import pytest
import torch
from torch import Tensor

import longtail
from attention import cache_emulation as emulation
from attention import cache_oracle as oracle
from attention.test_decode import FORMATS, KINDS, check, make

SHAPE = (2, 4, 2, 1, 300, 64, 64, 32)


def filled(bits: int, k_format: str, *portions: tuple[Tensor, Tensor]) -> longtail.QuantizedKVCache:
    cache = longtail.QuantizedKVCache(bits, k_format)
    for k, v in portions:
        cache.append(k, v)
    return cache


def same(a: longtail.QuantizedKVCache, b: longtail.QuantizedKVCache, q: Tensor) -> None:
    """The same tensors where anything is stored, and so the same results."""
    first, second = a.state_dict(), b.state_dict()
    assert first.keys() == second.keys()
    for key, value in first.items():
        if key == "tail":
            continue  # rows behind the end are whatever was there
        equal = (
            torch.equal(value, second[key]) if isinstance(value, Tensor) else value == second[key]
        )
        assert equal, key
    assert torch.equal(a.attend(q), b.attend(q))


@pytest.mark.parametrize(("bits", "k_format"), KINDS)
def test_portions_do_not_matter(bits: int, k_format: str) -> None:
    """Token by token, some at a time and all at once: the same codes, means and bits."""
    q, k, v = make(SHAPE, torch.bfloat16)
    whole = filled(bits, k_format, (k, v))
    single = filled(bits, k_format, *zip(k.split(1, 2), v.split(1, 2), strict=True))
    same(whole, single, q)
    sizes = [0, 50, 13, 1, 64, 100, 0, 72]
    same(whole, filled(bits, k_format, *zip(k.split(sizes, 2), v.split(sizes, 2), strict=True)), q)


def test_sequences_do_not_matter_to_each_other() -> None:
    """Appending with lengths of their own, in turns, is appending to each alone."""
    q, k, v = make((3, 2, 2, 1, 200, 64, 64, 32), torch.float32)
    for k_format in FORMATS:
        cache = longtail.QuantizedKVCache(4, k_format)
        at = torch.zeros(3, dtype=torch.int64)
        for counts in ([60, 1, 130], [5, 0, 3], [70, 64, 60]):
            start = [int(each) for each in at]
            parts = [
                torch.stack([x[b, :, s : s + 130].contiguous() if s + 130 <= 200
                             else torch.cat([x[b, :, s:], x[b, :, : s - 70]], 1)
                             for b, s in enumerate(start)])
                for x in (k, v)
            ]  # fmt: skip
            cache.append(*parts, lengths=torch.tensor(counts))
            at += torch.tensor(counts)
        out = cache.attend(q)
        for b in range(3):
            n = int(at[b])
            alone = filled(4, k_format, (k[b : b + 1, :, :n], v[b : b + 1, :, :n]))
            assert torch.equal(alone.attend(q[b : b + 1]), out[b : b + 1])


@pytest.mark.parametrize("bits", [4, 8])
def test_mean_drifts(bits: int) -> None:
    """The frozen mean of 64 tokens fits the others less and less; results stay right."""
    q, k, v = make((1, 2, 1, 1, 2000, 64, 64, 32), torch.float32)
    k = k + torch.linspace(0, 30, 2000)[:, None] * torch.randn(64)
    cache = longtail.QuantizedKVCache(bits, "token_rotated")
    for k_part, v_part in zip(k.split(333, 2), v.split(333, 2), strict=True):
        cache.append(k_part, v_part)
    frozen = k[:, :, :64].double().mean(2).float()
    assert torch.equal(cache._tensors["mean"], frozen)
    out, lse = cache.attend(q, scale=0.002, return_lse=True)
    expected = emulation.attend(q, k, v, bits, "token_rotated", scale=0.002)
    check((out, lse), expected, v, torch.float32)


@pytest.mark.parametrize("bits", [4, 8])
def test_crop_of_rotated_tokens_is_exact(bits: int) -> None:
    """What stays is as if nothing else had come, down to fewer tokens than the mean is of."""
    q, k, v = make(SHAPE, torch.float32)
    for length in (299, 192, 100, 64):
        cache = filled(bits, "token_rotated", (k, v))
        cache.crop(length)
        part = (k[:, :, :length], v[:, :, :length])
        assert torch.equal(cache.attend(q), filled(bits, "token_rotated", part).attend(q))
    cache = filled(bits, "token_rotated", (k, v))
    cache.crop(10)  # the mean stays frozen
    expected = emulation.attend_head(
        q[0, 0],
        k[0, 0, :10],
        v[0, 0, :10],
        bits,
        "token_rotated",
        mean=emulation.frozen_mean(k[0, 0]),
    )
    out, lse = cache.attend(q, return_lse=True)
    check((out[0, 0], lse[0, 0]), expected, v, torch.float32)
    cache.append(k[:, :, 10:], v[:, :, 10:])
    assert torch.equal(cache.attend(q), filled(bits, "token_rotated", (k, v)).attend(q))
    cache.crop(0)  # forgets the mean
    cache.append(k[:, :, 5:], v[:, :, 5:])
    again = filled(bits, "token_rotated", (k[:, :, 5:], v[:, :, 5:]))
    assert torch.equal(cache.attend(q), again.attend(q))


@pytest.mark.parametrize("bits", [4, 8])
def test_crop_of_a_quantised_group(bits: int) -> None:
    """Format "channel": on a boundary exact; inside 64, what stays is what the codes stood for, as
    exact tokens, and becomes new codes when the group is full again."""
    q, k, v = make(SHAPE, torch.float32)
    cache = filled(bits, "channel", (k, v))
    cache.crop(-44)
    part = (k[:, :, :256], v[:, :, :256])
    assert torch.equal(cache.attend(q), filled(bits, "channel", part).attend(q))
    cache.crop(70)
    decoded = oracle.channel_keys(k[1, 1], bits)[64:70].float()
    for rest in (k[1, 1, :0], k[1, 1, 70:]):
        keys = torch.cat([k[1, 1, :64], decoded, rest])
        expected = emulation.attend_head(q[1, 2], keys, v[1, 1, : len(keys)], bits, "channel")
        out, lse = cache.attend(q, return_lse=True)
        check((out[1, 2], lse[1, 2]), expected, v, torch.float32)
        cache.append(k[:, :, 70:], v[:, :, 70:])


@pytest.mark.parametrize("k_format", FORMATS)
def test_crop_each(k_format: str) -> None:
    """Lengths of their own; nothing grows."""
    q, k, v = make(SHAPE, torch.float32)
    cache = filled(4, k_format, (k, v))
    cache.crop([500, 128])
    assert cache.lengths.tolist() == [300, 128]
    whole = filled(4, k_format, (k, v)).attend(q)
    assert torch.equal(cache.attend(q)[0], whole[0])
    part = filled(4, k_format, (k[:, :, :128], v[:, :, :128])).attend(q)
    assert torch.equal(cache.attend(q)[1], part[1])


@pytest.mark.parametrize("k_format", FORMATS)
def test_reorder(k_format: str) -> None:
    """Beams: sequences exchanged, repeated, more than before; then they go their own ways."""
    q, k, v = make(SHAPE, torch.float32)
    cache = longtail.QuantizedKVCache(4, k_format)
    cache.append(k, v, lengths=[300, 70])
    before = cache.attend(q)
    cache.reorder(torch.tensor([1, 0, 1]))
    assert cache.lengths.tolist() == [70, 300, 70]
    after = cache.attend(q[[1, 0, 1]])
    assert torch.equal(after, before[[1, 0, 1]])
    cache.append(k[[0, 0, 1], :, :1], v[[0, 0, 1], :, :1])
    out = cache.attend(q[[1, 1, 1]])
    assert not torch.equal(out[0], out[2])


@pytest.mark.parametrize("length", [0, 30, 300])
@pytest.mark.parametrize("k_format", FORMATS)
def test_copies(k_format: str, length: int) -> None:
    """deepcopy, pickle, torch.save, state_dict: the same cache, and one of its own."""
    q, k, v = make(SHAPE, torch.bfloat16)
    cache = filled(4, k_format, (k[:, :, :length], v[:, :, :length]))
    loaded = longtail.QuantizedKVCache(4, k_format)
    loaded.load_state_dict(cache.state_dict())
    file = io.BytesIO()
    torch.save(cache, file)
    file.seek(0)
    saved = torch.load(file, weights_only=False)
    file = io.BytesIO()
    torch.save(cache.state_dict(), file)
    file.seek(0)
    plain = longtail.QuantizedKVCache(4, k_format)
    plain.load_state_dict(torch.load(file, weights_only=True))
    copies = [loaded, saved, plain, copy.deepcopy(cache), pickle.loads(pickle.dumps(cache))]
    for each in copies:
        same(cache, each, q)
    cache.append(k, v)
    for each in copies:
        assert each.lengths.tolist() == [length] * 2
        each.append(k, v)
        same(cache, each, q)


def test_growth_is_amortised() -> None:
    """Memory grows rarely, and by no more than half of itself."""
    cache = longtail.QuantizedKVCache()
    x = torch.randn(1, 1, 64, 32)
    sizes = []
    for _ in range(100):
        cache.append(x, x)
        sizes.append(cache.nbytes)
    assert len(set(sizes)) <= 14
    assert all(b <= 1.5 * a + 2000 for a, b in itertools.pairwise(sizes[3:]))
    assert "lengths=[6400]" in repr(cache)


def test_no_tokens_and_no_heads() -> None:
    """Empty dimensions."""
    cache = longtail.QuantizedKVCache()
    cache.append(torch.zeros(2, 1, 0, 8), torch.zeros(2, 1, 0, 8))
    out, lse = cache.attend(torch.ones(2, 2, 3, 8), return_lse=True)
    assert (out == 0).all() and (lse == -torch.inf).all()
    assert cache.attend(torch.ones(2, 2, 0, 8)).shape == (2, 2, 0, 8)
    for batch, heads in ((0, 2), (2, 0)):
        cache = longtail.QuantizedKVCache()
        cache.append(torch.zeros(batch, heads, 3, 8), torch.zeros(batch, heads, 3, 8))
        assert cache.attend(torch.zeros(batch, heads, 1, 8)).shape == (batch, heads, 1, 8)
