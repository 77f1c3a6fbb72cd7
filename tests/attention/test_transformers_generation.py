"""transformers models generate with a `LongtailCache`: greedy, beams, padding, guessed tokens."""

import pytest
import torch
from torch.nn import functional

pytest.importorskip("transformers", minversion="5.5")

from transformers import DynamicCache, Qwen2Config, Qwen2ForCausalLM

from attention.transformers_models import (
    IMPLEMENTATIONS,
    VOCABULARY,
    cosines,
    forced,
    logits,
    small,
    tokens,
)
from longtail.integrations.transformers import LongtailCache


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("bits", [4, 8])
def test_greedy_generation_is_what_its_own_logits_say(implementation, bits):
    made = small(implementation=implementation)
    ids = tokens(2, 70)
    cache = LongtailCache(made.config, bits)
    out = made.generate(ids, past_key_values=cache, max_new_tokens=12, do_sample=False)
    assert out.shape == (2, 82) and torch.equal(out[:, :70], ids)
    again = forced(made, out, LongtailCache(made.config, bits), prompt=70)
    assert torch.equal(again.argmax(-1), out[:, 70:])
    assert cache.get_seq_length() == 81 and "longtail" in made.config._attn_implementation


def test_generation_without_our_cache():
    """transformers' own cache: quantised prompt, exact single queries."""
    made = small(implementation="longtail_int8")
    ids = tokens(2, 70)
    out = made.generate(ids, max_new_tokens=4, do_sample=False)
    assert out.shape == (2, 74)
    found = forced(made, out, DynamicCache(), prompt=70)
    made.set_attn_implementation("sdpa")
    expected = forced(made, out, DynamicCache(), prompt=70)
    assert not torch.equal(found, expected) and cosines(found, expected).min() > 0.9999


def test_left_padding():
    """A shorter sequence beside a longer one: as by itself, but for the scales it shares."""
    made = small()
    long, short = tokens(1, 100, 1), tokens(1, 70, 2)
    ids = torch.cat([long, functional.pad(short, (30, 0))])
    mask = (torch.arange(100) >= torch.tensor([[0], [30]])).long()
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    cache, alone = LongtailCache(made.config, 8), LongtailCache(made.config, 8)
    first = logits(made, ids, cache, attention_mask=mask, position_ids=positions)
    torch.testing.assert_close(first[1, 30:], logits(made, short, alone)[0], rtol=1e-4, atol=1e-4)
    for step in range(3):
        one = tokens(1, 1, 10 + step)
        mask = functional.pad(mask, (0, 1), value=1)
        both = logits(
            made,
            one.expand(2, 1),
            cache,
            attention_mask=mask,
            position_ids=mask.sum(1, keepdim=True) - 1,
        )
        assert cosines(both[1], logits(made, one, alone)[0]).min() > 0.9999
    out = made.generate(
        ids,
        attention_mask=mask[:, :100],
        past_key_values=LongtailCache(made.config, 8),
        max_new_tokens=3,
        do_sample=False,
    )
    assert out.shape == (2, 103)


def test_beam_search_reorders_the_cache():
    made = small()
    ids = tokens(2, 70)
    out = made.generate(
        ids, past_key_values=LongtailCache(made.config, 8), max_new_tokens=8, num_beams=3
    )
    assert out.shape == (2, 78)
    cache = LongtailCache(made.config, 4)
    logits(made, tokens(3, 130), cache)
    turned = LongtailCache(made.config, 4)
    logits(made, tokens(3, 130)[[2, 2, 0]], turned)
    cache.reorder_cache(torch.tensor([2, 2, 0]))
    following = tokens(3, 1, 5)
    assert torch.equal(logits(made, following, cache), logits(made, following, turned))


def test_prompt_lookup_decoding_crops_back():
    made = small(implementation="longtail")
    ids = tokens(1, 20).repeat(1, 4)
    # An end that never comes: up to transformers 5.12 guessing needs to have one.
    options = {"max_new_tokens": 10, "do_sample": False, "eos_token_id": VOCABULARY + 1}
    cache = LongtailCache(made.config, 8, k_format="token_rotated")
    guessed = made.generate(ids, past_key_values=cache, prompt_lookup_num_tokens=4, **options)
    plain = made.generate(ids, past_key_values=LongtailCache(made.config, 8), **options)
    assert guessed.shape == plain.shape
    assert (guessed == plain).float().mean() > 0.9


def test_prompt_in_pieces():
    """A second piece attends over the quantised first one; causally among itself."""
    made = small()
    ids = tokens(2, 130)
    whole = logits(made, ids, LongtailCache(made.config, 8))
    cache = LongtailCache(made.config, 8)
    pieces = torch.cat([logits(made, piece, cache) for piece in ids.split(50, 1)], 1)
    assert cosines(pieces, whole).min() > 0.9999
    with_mask = LongtailCache(made.config, 8)
    ones = torch.ones(2, 130)
    first = logits(made, ids[:, :50], with_mask, attention_mask=ones[:, :50])
    second = logits(made, ids[:, 50:], with_mask, attention_mask=ones)
    assert cosines(torch.cat([first, second], 1), whole).min() > 0.9999


def test_sliding_layers_stay_transformers_own():
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        use_sliding_window=True,
        sliding_window=32,
        max_window_layers=1,
        pad_token_id=0,
    )
    assert config.layer_types == ["full_attention", "sliding_attention"]
    torch.manual_seed(0)
    made = Qwen2ForCausalLM(config).eval()
    ids = tokens(2, 110)
    expected = forced(made, ids, DynamicCache(config=config))
    made.set_attn_implementation("longtail")
    cache = LongtailCache(config, 8)
    assert [type(layer).__name__ for layer in cache.layers] == [
        "LongtailLayer",
        "DynamicSlidingWindowLayer",
    ]
    assert cosines(forced(made, ids, cache), expected).min() > 0.9999
