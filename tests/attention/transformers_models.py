"""Small transformers models with random weights, and their logits with a cache."""

import pytest
import torch
from torch.nn import functional

pytest.importorskip("transformers", minversion="5.5")

from transformers import LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

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
