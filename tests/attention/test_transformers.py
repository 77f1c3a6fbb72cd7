"""transformers models on the quantised cache and attention, with random weights."""

import copy
import subprocess
import sys

import pytest
import torch
from torch.nn import functional

pytest.importorskip("transformers", minversion="5.5")

from transformers import (
    AttentionInterface,
    AttentionMaskInterface,
    DynamicCache,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

import longtail
from longtail.integrations import transformers as integration
from longtail.integrations.transformers import LongtailCache

VOCABULARY, PROMPT, STEPS = 512, 96, 64
KINDS = {"llama": (LlamaConfig, LlamaForCausalLM), "qwen3": (Qwen3Config, Qwen3ForCausalLM)}
IMPLEMENTATIONS = ("longtail", "longtail_int8", "longtail_int4")


def model(kind="llama", seed=0, implementation="longtail", dtype=torch.float32, **options):
    """Four layers of eight heads that share two of keys; weights rounded to bfloat16."""
    config, kind_of_model = KINDS[kind]
    settings = {
        "vocab_size": VOCABULARY,
        "hidden_size": 256,
        "intermediate_size": 512,
        "num_hidden_layers": 4,
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "head_dim": 64,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": None,
        "tie_word_embeddings": False,
        **options,
    }
    torch.manual_seed(seed)
    made = kind_of_model(config(**settings)).eval().to(torch.bfloat16).to(dtype)
    made.set_attn_implementation(implementation)
    return made


def small(**options):
    return model(hidden_size=64, num_hidden_layers=2, num_attention_heads=4, head_dim=32, **options)


def tokens(batch, length, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(2, VOCABULARY, (batch, length), generator=generator)


@torch.no_grad()
def logits(made, ids, cache, **options):
    return made(ids, past_key_values=cache, **options).logits.float()


def forced(made, ids, cache, prompt=PROMPT):
    """Logits after the prompt and after each further token that is given: [B, steps, words]."""
    found = [logits(made, ids[:, :prompt], cache)[:, -1:]]
    found += [logits(made, ids[:, t : t + 1], cache) for t in range(prompt, ids.shape[1] - 1)]
    return torch.cat(found, 1)


def cosines(found, expected):
    return functional.cosine_similarity(found, expected, dim=-1)


@pytest.fixture(autouse=True)
def single_thread(one_thread):
    """Such small models gain nothing from more."""


def test_names_are_registered_with_their_masks():
    for name in IMPLEMENTATIONS:
        assert name in AttentionInterface() and name in AttentionMaskInterface()
    integration.register()  # again, without harm
    assert small().config._attn_implementation == "longtail"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "seeds", [range(2), pytest.param(range(10), marks=pytest.mark.full)], ids=["two", "ten"]
)
def test_teacher_forced_beside_exact_attention_in_bfloat16(kind, seeds):
    """64 steps of two sequences, beside what two exact kernels disagree on in bfloat16.

    Logits in bfloat16 nearly tie for the top now and then, and whatever moves a last bit flips
    them: torch's kernel and transformers' eager one agree on 98.9 to 99.2 % of the top tokens. So
    the bar of 99 % is held where nothing else is rounded, in the test below; here 8 bits may flip
    no more than an exact kernel does, within the 1 % that 1280 tokens can tell (3 deviations).
    """
    same = {"eager": [], "longtail": []}
    for seed in seeds:
        made = model(kind, seed, "sdpa", torch.bfloat16)
        ids = tokens(2, PROMPT + STEPS, seed)
        expected = forced(made, ids, DynamicCache())
        made.set_attn_implementation("eager")
        found = {"eager": forced(made, ids, DynamicCache())}
        made.set_attn_implementation("longtail")
        found["longtail"] = forced(made, ids, LongtailCache(made.config, 8))
        assert expected.shape == (2, STEPS, VOCABULARY)
        for name, each in found.items():
            assert cosines(each, expected).min() >= 0.9999, (seed, name)
            same[name].append(each.argmax(-1) == expected.argmax(-1))
        for implementation in ("longtail", "longtail_int4"):
            made.set_attn_implementation(implementation)
            four = forced(made, ids, LongtailCache(made.config, 4))
            assert cosines(four, expected).min() >= 0.99, (seed, implementation)
        made.set_attn_implementation("longtail_int8")
        eight = forced(made, ids, LongtailCache(made.config, 8))
        assert cosines(eight, expected).min() >= 0.9998, seed
    share = {name: float(torch.stack(each).float().mean()) for name, each in same.items()}
    print(f"{kind}: top-1 agreement {share}")
    # Two seeds have 256 tokens: one of them is 0.4 %.
    assert share["longtail"] >= share["eager"] - (0.01 if len(seeds) == 10 else 0.02)


@pytest.mark.parametrize("k_format", ["channel", "token_rotated"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "seeds", [range(1), pytest.param(range(10), marks=pytest.mark.full)], ids=["one", "ten"]
)
def test_teacher_forced_with_nothing_else_rounded(kind, k_format, seeds):
    """The same with weights of bfloat16 and arithmetic in float32: only the cache differs."""
    same = []
    for seed in seeds:
        made = model(kind, seed, "sdpa")
        ids = tokens(2, PROMPT + STEPS, seed)
        expected = forced(made, ids, DynamicCache())
        made.set_attn_implementation("longtail")
        eight = forced(made, ids, LongtailCache(made.config, 8, k_format=k_format))
        assert cosines(eight, expected).min() >= 0.99999
        same.append(eight.argmax(-1) == expected.argmax(-1))
        four = forced(made, ids, LongtailCache(made.config, 4, k_format=k_format))
        assert 0.99 <= cosines(four, expected).min() < 0.99999
    # The bar: 99 % over ten seeds. One seed has 128 tokens: one of them is 0.8 %.
    share = float(torch.stack(same).float().mean())
    print(f"{kind}, {k_format}: top-1 agreement {share}")
    assert share >= (0.99 if len(seeds) == 10 else 0.98)


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


def test_gradients_without_a_cache():
    """Training with quantised attention: close to the exact gradient."""
    ids, gradients = tokens(2, 70), {}
    for implementation in ("sdpa", "longtail_int8"):
        made = small(implementation=implementation).train()
        made(ids, labels=ids, use_cache=False).loss.backward()
        weight = made.model.layers[0].self_attn.q_proj.weight
        gradients[implementation] = weight.grad.flatten()
    assert functional.cosine_similarity(*gradients.values(), dim=0) > 0.99


def test_refusals():
    made = small()
    ids, cache = tokens(1, 70), LongtailCache(made.config, 8)
    with pytest.raises(NotImplementedError, match="requires a gradient"):
        made(ids, past_key_values=cache)
    cache.reset()
    logits(made, ids, cache)
    layer, q = made.model.layers[0].self_attn, torch.randn(1, 4, 1, 32)
    states = integration.PackedStates(cache.layers[0].packed, None)
    with pytest.raises(NotImplementedError, match="no dropout"), torch.no_grad():
        integration.attention(layer, q, states, states, None, dropout=0.1)
    for name in ("softcap", "s_aux", "position_bias"):
        with pytest.raises(NotImplementedError, match=f"has no {name}"):
            integration.attention(layer, q, q, q, None, **{name: 1.0})
    made.set_attn_implementation("sdpa")
    with pytest.raises(TypeError, match="needs attn_implementation to be one of longtail, "):
        logits(made, ids, cache)
    with pytest.raises(NotImplementedError, match="offloading"):
        cache.layers[0].offload()


def test_without_transformers_the_import_says_what_to_install():
    code = (
        "import sys; sys.modules['transformers'] = None\n"
        "import longtail, longtail.integrations\n"
        "try: import longtail.integrations.transformers\n"
        "except ImportError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'transformers>=5.5'" in done.stdout
