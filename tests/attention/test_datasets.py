"""The data sets are what their names say, and 4 bits fail and recover on them as they should."""

import pytest
import torch

from attention import datasets, emulation
from attention.datasets import Shape, cosine
from kit.installed import read
from longtail.attention import quantized_attention

SMALL = Shape(batch=2, heads=4, length=65, dim=24, kv_heads=2, keys=127)
WIDE = Shape(heads=2, length=512)


def codes_only(inputs, smooth, rotate=False):
    """The cosine of INT4 scores with exact weights and values."""
    variant = emulation.Variant(smooth=smooth, rotate=rotate, weights="exact")
    found = emulation.attend(*inputs, variant=variant)[0]
    return cosine(found, emulation.exact(*inputs))


@pytest.mark.parametrize("name", datasets.SYNTHETIC)
def test_shapes_and_seeds(name):
    make = datasets.SYNTHETIC[name]
    q, k, v = make(SMALL, 3)
    assert q.shape == (2, 4, 65, 24) and k.shape == v.shape == (2, 2, 127, 24)
    again, other = make(SMALL, 3), make(SMALL, 4)
    assert all(torch.equal(a, b) for a, b in zip((q, k, v), again))
    assert not any(torch.equal(a, b) for a, b in zip((q, k, v), other))


def test_bias_is_shared_by_a_head_and_its_queries():
    q, k, _ = datasets.qk_biased(SMALL, 0)
    plain_q, plain_k, _ = datasets.normal(SMALL, 0)
    assert int(((k - plain_k).mean((0, 2)).abs() > 5).sum()) == 2  # one channel of each kv head
    added = (q - plain_q)[0, :, 0]
    assert torch.equal(added[0] != 0, added[1] != 0) and torch.equal(added[2] != 0, added[3] != 0)


def test_rope_keeps_distances_and_products_of_equal_shifts():
    x, y = torch.randn(2, 1, 1, 1, 32).unbind(0)
    turned = datasets.rope(x.expand(1, 1, 9, 32))
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1).expand(1, 1, 9))
    other = datasets.rope(y.expand(1, 1, 9, 32))
    torch.testing.assert_close(
        (turned[0, 0, 3] * other[0, 0, 1]).sum(), (turned[0, 0, 8] * other[0, 0, 6]).sum()
    )
    torch.testing.assert_close(datasets.rope(x, 5), turned[:, :, 5:6])


def test_the_sink_takes_most_of_the_weight():
    q, k, _ = datasets.sink(WIDE, 0)
    weights = torch.softmax(q @ k.mT / 128**0.5, -1)
    assert float(weights[..., 0].mean()) > 0.5


def test_means_of_v_stay_in_the_output():
    q, k, v = datasets.v_mean(WIDE, 0)
    out = emulation.exact(q, k, v)
    torch.testing.assert_close(out.mean(2), v.mean(2).double(), atol=0.2, rtol=0)
    assert float(v.mean(2).std()) == pytest.approx(datasets.V_MEAN, rel=0.2)


def test_peaky_weights_have_few_keys():
    q, k, _ = datasets.peaky(WIDE, 0)
    assert float(torch.softmax(q @ k.mT / 128**0.5, -1).amax(-1).mean()) > 0.4


def test_empty_rows_are_empty():
    mask = datasets.mask_with_empty_rows(SMALL)
    assert mask.shape == (2, 1, 65, 127)
    empty = ~mask.any(-1)[:, 0]
    assert torch.equal(empty, (torch.arange(65) % 5 == 1).expand(2, 65))


def test_smoothing_recovers_biased_data():
    inputs = datasets.qk_biased(WIDE, 0)
    naive, k, qk = (codes_only(inputs, smooth) for smooth in ("none", "k", "qk"))
    assert naive < 0.75 and 0.8 < k < 0.95 and qk > 0.98


def test_rotation_recovers_rope():
    inputs = datasets.rope_biased(WIDE, 0)
    naive, k, qk = (codes_only(inputs, smooth) for smooth in ("none", "k", "qk"))
    assert k - naive < 0.03 and qk < 0.93
    assert codes_only(inputs, "qk", rotate=True) > 0.955


def test_minilm_on_real_text():
    layers = read(datasets.minilm_layers, 128)
    assert len(layers) == 6 and all(x.shape == (1, 12, 128, 32) for each in layers for x in each)
    found = [codes_only(each, "qk") for each in layers]
    assert min(found) > 0.985 and sum(found) / 6 > 0.993


def test_minilm_on_single_sentences():
    layers = read(datasets.minilm_sentences)
    found = []
    for q, k, v, mask in layers:
        assert q.shape == k.shape == v.shape == (36, 12, 18, 32) and mask.shape == (36, 1, 1, 18)
        # The shortest sentences: [CLS] and [SEP] beside at least eight words.
        assert int(mask.sum(-1).min()) >= 10
        text = mask[:, 0, 0]
        pair = (
            quantized_attention(q, k, v, mask).transpose(1, 2)[text],
            emulation.exact(q, k, v, mask).transpose(1, 2)[text],
        )
        found.append(cosine(*pair))
    assert min(found) > 0.993 and sum(found) / 6 > 0.996


def test_cosines_of_heads():
    a = torch.randn(2, 3, 5, 7)
    b = a * torch.arange(1.0, 4)[None, :, None, None]
    torch.testing.assert_close(datasets.cosines_of_heads(b, a), torch.ones(6, dtype=torch.float64))
    assert cosine(b, a) < 0.99
