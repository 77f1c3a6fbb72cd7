"""`LongtailCache` behind the names that transformers calls: select, crop, copy, bits of layers."""

import copy

import pytest
import torch

pytest.importorskip("transformers", minversion="5.5")

import longtail
from attention.transformers_models import cosines, logits, small, tokens
from kit.tensors import cuda_problem
from longtail.integrations.transformers import LongtailCache, LongtailLayer


def test_sequences_are_repeated_and_selected():
    made = small()
    cache = LongtailCache(made.config, 8)
    logits(made, tokens(2, 70), cache)
    cache.batch_repeat_interleave(2)
    following = tokens(1, 1, 5).expand(4, 1)
    found = logits(made, following, cache)
    assert torch.equal(found[0], found[1]) and torch.equal(found[2], found[3])
    assert not torch.equal(found[0], found[2])
    cache.crop(-1)
    cache.batch_select_indices(torch.tensor([False, True, True, False]))
    again = logits(made, following[:2], cache)
    torch.testing.assert_close(again, found[[1, 2]])


@pytest.mark.parametrize("k_format", ["channel", "token_rotated"])
def test_crop(k_format):
    """Tokens that were cut leave no trace beyond a second rounding."""
    made = small()
    ids, following = tokens(2, 150), tokens(2, 20, 5)
    cache, fresh = (LongtailCache(made.config, 8, k_format=k_format) for _ in range(2))
    for given, length in ((cache, 150), (fresh, 120)):
        logits(made, ids[:, :length], given)
    cache.crop(-30)
    assert cache.get_seq_length() == 120
    found, expected = (logits(made, following, each) for each in (cache, fresh))
    assert cosines(found, expected).min() > 0.9999
    if k_format == "token_rotated":
        assert cache.layers[0].is_croppable and torch.equal(found, expected)
    cache.crop(0)
    assert cache.get_seq_length() == 140
    cache.layers[0].crop(30)
    assert cache.get_seq_length() == 30
    cache.crop(-1000)
    assert cache.get_seq_length() == 0


def test_reset_and_copy():
    made = small()
    ids, cache = tokens(2, 70), LongtailCache(made.config, 4)
    found = logits(made, ids, cache)
    twin = copy.deepcopy(cache)
    following = tokens(2, 1, 5)
    after = logits(made, following, cache)
    assert torch.equal(after, logits(made, following, twin))
    cache.reset()
    assert cache.get_seq_length() == 0 and cache.nbytes == 0
    assert torch.equal(found, logits(made, ids, cache))


def test_size():
    made = small(dtype=torch.bfloat16)
    exact = 2 * 2 * 2 * 640 * 32 * 2  # layers, k and v, heads, tokens, channels, bytes
    sizes = {}
    for bits in (4, 8):
        cache = LongtailCache(made.config, bits)
        logits(made, tokens(1, 640), cache)
        sizes[bits] = cache.nbytes / exact
    assert sizes[4] < 0.42 and sizes[8] < 0.67


def test_bits_of_each_layer():
    made = small()
    for bits in ([4, 8], {"model.layers.0.self_attn": 4, "model.layers.1.self_attn": 8}):
        cache = LongtailCache(made.config, bits)
        assert [layer.packed.bits for layer in cache.layers] == [4, 8]
        logits(made, tokens(1, 70), cache)
    with pytest.raises(ValueError, match="LongtailCache: bits: got 3 numbers, expected 2"):
        LongtailCache(made.config, [4, 8, 8])
    with pytest.raises(ValueError, match="bits is 5, expected 4 or 8"):
        LongtailCache(made.config, 5)


@pytest.mark.parametrize("padding", [0, 20])
def test_calibrated_bits_go_into_the_cache(padding):
    """Whether or not transformers repeats the keys for a mask, a token has the same bytes."""
    made = small(implementation="sdpa")
    mask = (torch.arange(100) >= torch.tensor([[0], [padding]])).long()
    batch = {"input_ids": tokens(2, 100), "attention_mask": mask, "use_cache": False}
    chosen = longtail.calibrate(made, [batch], through="cache")
    assert list(chosen) == ["model.layers.0.self_attn", "model.layers.1.self_attn"]
    assert chosen.bytes == 2 * 64 * 4 // 8 + 2 * 64 and sorted(chosen.values()) == [4, 8]
    made.set_attn_implementation("longtail")
    cache = LongtailCache(made.config, chosen)
    assert [layer.packed.bits for layer in cache.layers] == list(chosen.values())
    assert made.generate(tokens(1, 70), past_key_values=cache, max_new_tokens=2).shape == (1, 72)


def test_offloading_on_the_host_moves_nothing():
    """The model's device is where the codes would go."""
    made = small()
    cache = LongtailCache(made.config, 4)
    for layer in cache.layers:  # before there is anything
        layer.offload()
        layer.prefetch()
    logits(made, tokens(2, 70), cache)
    packed = cache.layers[0].packed
    for layer in cache.layers:
        layer.offload()
        layer.prefetch()
    assert cache.layers[0].packed is packed
    twin = LongtailCache(made.config, 4)
    logits(made, tokens(2, 70), twin)
    following = tokens(2, 1, 5)
    assert torch.equal(logits(made, following, cache), logits(made, following, twin))


def test_what_was_returned_stays_where_it_is():
    """Layers are offloaded between update and attention. A device without memory stands for one."""
    layer = LongtailLayer(4)
    k, q = torch.randn(2, 1, 70, 32), torch.randn(2, 2, 1, 32)
    states, _ = layer.update(k, k)
    expected = states.packed.attend(q)
    layer.device = torch.device("meta")
    layer.prefetch()
    assert layer.packed.device == layer.device and layer.get_seq_length() == 70
    assert torch.equal(states.packed.attend(q), expected)
    layer.reset()
    assert layer.packed.device is None


@pytest.mark.skipif(bool(cuda_problem()), reason=cuda_problem() or "")
def test_cuda_offloading():
    """The same logits; between steps the codes are on the host."""
    made = small().cuda()
    ids = tokens(2, 90).cuda()
    cache, plain = (LongtailCache(made.config, 4, offloading=each) for each in (True, False))
    for part in (ids[:, :70], *ids[:, 70:].split(1, 1)):
        assert torch.equal(logits(made, part, cache), logits(made, part, plain))
    assert cache.layers[1].packed.device == torch.device("cpu")
    cache.crop(-3)
    plain.crop(-3)
    assert torch.equal(logits(made, ids[:, :1], cache), logits(made, ids[:, :1], plain))
