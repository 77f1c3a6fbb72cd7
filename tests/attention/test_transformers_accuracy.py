"""transformers models on the quantised cache and attention: how close their logits are."""

import pytest
import torch
from torch.nn import functional

pytest.importorskip("transformers", minversion="5.5")

from transformers import DynamicCache

from attention.transformers_models import (
    KINDS,
    PROMPT,
    STEPS,
    VOCABULARY,
    cosines,
    forced,
    model,
    small,
    tokens,
)
from longtail.integrations.transformers import LongtailCache


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


def test_gradients_without_a_cache():
    """Training with quantised attention: close to the exact gradient."""
    ids, gradients = tokens(2, 70), {}
    for implementation in ("sdpa", "longtail_int8"):
        made = small(implementation=implementation).train()
        made(ids, labels=ids, use_cache=False).loss.backward()
        weight = made.model.layers[0].self_attn.q_proj.weight
        gradients[implementation] = weight.grad.flatten()
    assert functional.cosine_similarity(*gradients.values(), dim=0) > 0.99
