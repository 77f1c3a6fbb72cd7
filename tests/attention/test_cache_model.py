"""Sequences of operations that hypothesis draws, beside a plain model of a cache."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import hypothesis
import pytest
import torch
from hypothesis import strategies
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from torch import Tensor

import longtail
from attention.cache_emulation import Attended
from attention.cache_model import CacheModel
from attention.test_decode import DTYPES, check
from kit.layouts import draw_view

FEW = strategies.integers(1, 3)


class Caches(RuleBasedStateMachine):
    """A cache and its model, to which the same is done."""

    @initialize(data=strategies.data(), seed=strategies.integers(0, 1 << 30))
    def start(self, data: strategies.DataObject, seed: int) -> None:
        self.g = torch.Generator().manual_seed(seed)
        draw = data.draw
        self.dtype = draw(strategies.sampled_from(DTYPES))
        self.batch, self.kv_heads, self.share = (
            draw(FEW),
            draw(strategies.integers(1, 2)),
            draw(FEW),
        )
        dims = strategies.sampled_from([1, 5, 24, 32, 40, 64, 96])
        self.k_dim, self.v_dim = draw(dims), draw(dims)
        kind = (
            draw(strategies.sampled_from([4, 8])),
            draw(strategies.sampled_from(["channel", "token_rotated"])),
            draw(strategies.sampled_from([32, 64, 128])),
        )
        self.cache = longtail.QuantizedKVCache(*kind)
        k, v = self.tokens(draw(strategies.sampled_from([0, 63, 150, 200])))
        self.cache.append(k, v)
        self.model = CacheModel(*kind, k, v)
        self.model.append(k, v, [k.shape[2]] * self.batch, "right")

    def tokens(self, count: int) -> tuple[Tensor, Tensor]:
        """Keys and values, each channel with a mean and a size of its own."""
        found = []
        for dim in (self.k_dim, self.v_dim):
            x = torch.randn(self.batch, self.kv_heads, count, dim, generator=self.g)
            wave = torch.arange(dim).sin()
            found.append((x * wave.exp() + 3 * wave.flip(0)).to(self.dtype))
        return found[0], found[1]

    @rule(
        data=strategies.data(),
        count=strategies.one_of(strategies.integers(0, 5), strategies.integers(50, 140)),
        side=strategies.sampled_from([None, "left", "right"]),
    )
    def append(self, data: strategies.DataObject, count: int, side: str | None) -> None:
        k, v = self.tokens(count)
        counts, options = [count] * self.batch, {}
        if side is not None:
            counts = [data.draw(strategies.integers(0, count)) for _ in range(self.batch)]
            options = {"lengths": counts, "padding_side": side}
        self.cache.append(draw_view(data, k), draw_view(data, v), **options)
        self.model.append(k, v, counts, side or "right")

    @precondition(lambda self: max(self.model.lengths) > 0)
    @rule(data=strategies.data(), each=strategies.booleans())
    def crop(self, data: strategies.DataObject, each: bool) -> None:
        most = max(self.model.lengths)
        near = strategies.one_of(
            strategies.just(0), strategies.integers(max(-most, -70), min(most, 130))
        )
        one = data.draw(near)
        wanted = [data.draw(near) for _ in range(self.batch)] if each else [one] * self.batch
        self.cache.crop(torch.tensor(wanted) if each else one)
        self.model.crop(wanted)

    @rule(data=strategies.data())
    def reorder(self, data: strategies.DataObject) -> None:
        chosen = data.draw(
            strategies.lists(strategies.integers(0, self.batch - 1), min_size=1, max_size=3)
        )
        self.cache.reorder(chosen)
        self.model.reorder(chosen)
        self.batch = len(chosen)

    @rule(way=strategies.sampled_from(["deepcopy", "pickle", "state_dict"]))
    def become_a_copy(self, way: str) -> None:
        old = self.cache
        if way == "deepcopy":
            self.cache = copy.deepcopy(old)
        elif way == "pickle":
            self.cache = pickle.loads(pickle.dumps(old))
        else:
            self.cache = longtail.QuantizedKVCache(old.bits, old.k_format, old.group)
            self.cache.load_state_dict(old.state_dict())

    @rule(data=strategies.data(), masked=strategies.booleans(), is_causal=strategies.booleans())
    def attend(self, data: strategies.DataObject, masked: bool, is_causal: bool) -> None:
        q = self.queries(data.draw(FEW))
        mask = None
        if masked:
            mask = torch.randn([*q.shape[:3], self.cache.length], generator=self.g)
            mask[torch.rand(mask.shape, generator=self.g) < 0.2] = -torch.inf
        found = self.cache.attend(
            draw_view(data, q), attn_mask=mask, is_causal=is_causal, return_lse=True
        )
        self.compare(found, self.model.attend(q, mask, is_causal))

    def queries(self, count: int) -> Tensor:
        heads = self.kv_heads * self.share
        q = torch.randn(self.batch, heads, count, self.k_dim, generator=self.g)
        return q.to(self.dtype)

    def compare(self, found: Any, expected: Attended) -> None:
        sizes = [each.v.double().abs().max() for each in self.model.sequences if each.v.numel()]
        largest = torch.stack([torch.tensor(1.0).double(), *sizes]).max()
        check(found, expected, largest, self.dtype)

    @invariant()
    def they_agree(self) -> None:
        if hasattr(self, "model"):
            assert self.cache.lengths.tolist() == self.model.lengths
            assert self.cache._tensors["lengths"].tolist() == self.model.lengths
            q = self.queries(1)
            found = self.cache.attend(q, return_lse=True)
            self.compare(found, self.model.attend(q, None, True))


@pytest.mark.parametrize("examples", [40, pytest.param(300, marks=pytest.mark.full)])
def test_operations_in_any_order(examples: int) -> None:
    """Appends in portions and with padding, crops, beams, copies; attention in between."""
    options: dict[str, Any] = {
        "deadline": None, "derandomize": True, "database": None, "max_examples": examples,
        "stateful_step_count": 12,
    }  # fmt: skip
    hypothesis.stateful.run_state_machine_as_test(Caches, settings=hypothesis.settings(**options))
