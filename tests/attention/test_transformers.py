"""What importing the integration registers, and what it refuses."""

import subprocess
import sys

import pytest
import torch

pytest.importorskip("transformers", minversion="5.5")

from transformers import AttentionInterface, AttentionMaskInterface

from attention.transformers_models import IMPLEMENTATIONS, logits, small, tokens
from longtail.integrations import transformers as integration
from longtail.integrations.transformers import LongtailCache


def test_names_are_registered_with_their_masks():
    for name in IMPLEMENTATIONS:
        assert name in AttentionInterface() and name in AttentionMaskInterface()
    integration.register()  # again, without harm
    assert small().config._attn_implementation == "longtail"


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


def test_without_transformers_the_import_says_what_to_install():
    code = (
        "import sys; sys.modules['transformers'] = None\n"
        "import longtail, longtail.integrations\n"
        "try: import longtail.integrations.transformers\n"
        "except ImportError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'transformers>=5.5'" in done.stdout
