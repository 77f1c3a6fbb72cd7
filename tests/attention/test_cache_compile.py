"""Caches inside of torch.compile, torch.export and AOTInductor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import longtail
from attention.test_decode import FORMATS, make
from longtail._kv_cache_memory import COUNTED, STORED, make_room

pytestmark = pytest.mark.usefixtures("fresh_dynamo")


class Counter:
    """A backend that runs graphs as they are and counts them."""

    def __init__(self) -> None:
        self.graphs = 0

    def __call__(self, graph: torch.fx.GraphModule, inputs: list[Any]) -> Callable[..., Any]:
        self.graphs += 1
        return graph.forward


def step(cache: longtail.QuantizedKVCache, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """What a model's layer does for new tokens."""
    cache.append(k * 1.5, v)
    found = cache.attend(q + 1)
    assert isinstance(found, Tensor)
    return found * 2


def steps(
    compiled: Callable[..., Tensor], k_format: str, sizes: list[int], first: list[int]
) -> None:
    """Compiled and eager steps side by side, after a first append in eager mode."""
    caches = [longtail.QuantizedKVCache(4, k_format) for _ in range(2)]
    _, k, v = make((3, 4, 2, 1, 60, 48, 32, 32), torch.float32)
    for cache in caches:
        if max(first) > 0:
            cache.append(k, v, lengths=first)
    for i, size in enumerate(sizes):
        new = make((3, 4, 2, size, size, 48, 32, 32), torch.float32, seed=i)
        assert torch.equal(compiled(caches[0], *new), step(caches[1], *new))
    states = [cache.state_dict() for cache in caches]
    for key, value in states[0].items():
        other = states[1][key]
        assert torch.equal(value, other) if isinstance(value, Tensor) else value == other, key


FULL = pytest.mark.full


@pytest.mark.parametrize(
    ("k_format", "dynamic"),
    [
        ("channel", True),
        pytest.param("channel", False, marks=FULL),
        pytest.param("token_rotated", False, marks=FULL),
        pytest.param("token_rotated", True, marks=FULL),
    ],
)
def test_inductor(k_format: str, dynamic: bool) -> None:
    """In one graph, from the first tokens on; state is written as in eager mode."""
    compiled = torch.compile(step, fullgraph=True, dynamic=dynamic)
    steps(compiled, k_format, [60, 1] if dynamic else [60], [0, 0, 0])


@pytest.mark.parametrize("first", [[58, 58, 58], [3, 59, 2]], ids=["even", "uneven"])
@pytest.mark.parametrize("k_format", FORMATS)
def test_one_compile_serves_all_lengths(k_format: str, first: list[int]) -> None:
    counter = Counter()
    compiled = torch.compile(step, fullgraph=True, dynamic=True, backend=counter)
    # 5 is no other size here: torch takes equal ones for the same.
    steps(compiled, k_format, [5], first)
    assert counter.graphs == 1
    for others in ([20, 30, 5], [40, 2, 55], [7, 7, 7]):
        steps(compiled, k_format, [3, 6], others)
    assert counter.graphs == 1


def test_a_long_generation_compiles_few_times() -> None:
    """Once for tokens that there is room for, and a few times for those that need more."""
    counter = Counter()
    compiled = torch.compile(step, fullgraph=True, backend=counter)
    steps(compiled, "channel", [1] * 400, [60, 60, 60])
    assert counter.graphs <= 6


class Step(torch.nn.Module):
    """The same made of raw operators, with a cache of fixed room as buffers."""

    def __init__(self, cache: longtail.QuantizedKVCache) -> None:
        super().__init__()
        self.names = (*COUNTED, *STORED)
        for name in self.names:
            self.register_buffer(name, cache._tensors[name].clone())
        self.code, self.v_dim = cache._code(), cache._v_dim
        self.room = cache._tensors["k_codes"].shape[2] * 64
        self.scale = cache._tensors["tail"].shape[3] ** -0.5

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        state = [self.get_buffer(name) for name in self.names]
        counts = state[0].new_full([k.shape[0]], k.shape[2])
        torch.ops.longtail.kv_append(k, v, counts, *state, *self.code)
        return torch.ops.longtail.kv_attend(
            q, *state, None, self.room, self.scale, True, *self.code, self.v_dim
        )


def test_exported_step(tmp_path: Path) -> None:
    """torch.export and an AOTInductor package that is loaded again: both go on where the buffers
    are, for as many tokens at a time as come."""
    cache = longtail.QuantizedKVCache()
    _, k, v = make((2, 4, 2, 2, 60, 48, 32, 32), torch.float32)
    cache.append(k, v)
    make_room(cache._tensors, 192)
    tokens = torch.export.Dim("tokens", min=1, max=64)
    given = make((2, 4, 2, 2, 2, 48, 32, 32), torch.float32)
    program = torch.export.export(Step(cache), given, dynamic_shapes=({2: tokens},) * 3)
    called = [str(node.target) for node in program.graph.nodes if node.op == "call_function"]
    assert {"longtail.kv_append.default", "longtail.kv_attend.default"} <= set(called)
    package = torch._inductor.aoti_compile_and_package(
        program, package_path=str(tmp_path / "step.pt2")
    )
    loaded, module = torch._inductor.aoti_load_package(package), program.module()
    for seed, size in enumerate((1, 3, 1, 64, 2)):
        new = make((2, 4, 2, size, size, 48, 32, 32), torch.float32, seed)
        cache.append(*new[1:])
        expected = cache.attend(new[0], return_lse=True)
        for run in (loaded, module):
            assert all(map(torch.equal, run(*new), expected))
