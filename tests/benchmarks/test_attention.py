"""What bench/peers/attention.py says beside times."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from bench.kit import relative  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from bench.peers import _attention_prefill as prefill  # noqa: E402


@pytest.mark.parametrize("causal", [0, 1])
def test_providers_compute_the_same(causal: int) -> None:
    """Attention, each to the precision of its codes."""
    generator = torch.Generator().manual_seed(0)
    tensors = [torch.randn(1, 2, 300, 64, generator=generator) for _ in range(3)]
    most = {
        "longtail int4": 0.3,
        "longtail int8": 0.02,
        "SDPA float32": 1e-5,
        "SDPA bfloat16": 0.02,
    }
    for name, call in prefill.attentions(bool(causal)).items():
        largest, median = prefill.errors(call, tensors, bool(causal))
        assert 0 < median <= largest < most[name], name


def test_operations() -> None:
    """Two products of L x L x D multiply-adds; half under a causal mask."""
    assert prefill.operations(64, 100, 0) == 2 * 2 * prefill.HEADS * 100 * 100 * 64
    assert prefill.operations(64, 100, 1) == prefill.operations(64, 100, 0) / 2


def test_a_table_for_each_kernel() -> None:
    """Rivals of one kernel are no columns of another."""

    def record(kernel: str, provider: str) -> Record:
        return Record("attention", kernel, "case", provider, 1, 10, 2.0, 1.0, 3.0, repeats=3)

    environment = {"cpu": "x", "cores": 2, "versions": {}, "commit": "c", "date": "d"}
    rows = [record("prefill", "SDPA"), record("prefill", "ours"), record("decode", "cache")]
    text = relative.by_part(environment, rows)
    first, second, *_ = text.split("\n\n")
    assert "SDPA" in first and "cache" not in first and "cache" in second
