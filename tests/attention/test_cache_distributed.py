"""Caches over several processes: one of its own for each, or raw operators on sharded state."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch

import longtail
from attention.test_decode import FORMATS, make
from kit.processes import environment, run_script
from longtail._kv_cache_memory import make_room

# Sequences and heads that split by two and by four; some lengths of their own.
SHAPE = (4, 8, 4, 2, 70, 32, 32, 32)
APPEND, ATTEND = torch.ops.longtail.kv_append, torch.ops.longtail.kv_attend


def counted(placement: Any) -> Any:
    """How a tensor with a number for each sequence lies where keys lie so."""
    from torch.distributed.tensor import Replicate, Shard

    return Replicate() if placement == Shard(1) else placement


def distributed(cache: longtail.QuantizedKVCache, mesh: Any, placements: list[Any]) -> list[Any]:
    """The state of a cache as DTensors."""
    from torch.distributed.tensor import distribute_tensor

    numbers, state = cache._state()[:2], cache._state()[2:]
    of_numbers = [counted(each) for each in placements]
    return [
        *(distribute_tensor(each, mesh, of_numbers) for each in numbers),
        *(distribute_tensor(each, mesh, placements) for each in state),
    ]


@pytest.mark.parametrize("masked", [False, True], ids=["", "masked"])
@pytest.mark.parametrize(
    "dims", [(0,), (1,), (None,), (0, 1), (1, 0), (None, 1), (0, None)], ids=str
)
@pytest.mark.parametrize("k_format", FORMATS)
def test_no_collectives(
    k_format: str, dims: tuple[int | None, ...], masked: bool, fake_processes: int
) -> None:
    """Sequences and heads over every dimension of a mesh: shards are written where they are, each
    process has the bits of its own cache, and no data moves."""
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor, init_device_mesh
    from torch.distributed.tensor.debug import CommDebugMode

    from longtail.distributed import register_sharding_rules

    register_sharding_rules()
    mesh = init_device_mesh("cpu", (4,) if len(dims) == 1 else (2, 2))
    placements = [Replicate() if dim is None else Shard(dim) for dim in dims]
    q, k, v = make(SHAPE, torch.float32)
    cache = longtail.QuantizedKVCache(4, k_format)
    cache.append(k, v, lengths=[60, 64, 70, 3])
    make_room(cache._tensors, 150)
    state = distributed(cache, mesh, placements)
    local_state = [each.to_local().clone() for each in state]
    tensors = [distribute_tensor(each, mesh, placements) for each in (q, k, v)]
    counts = distribute_tensor(
        torch.tensor([70, 5, 0, 61]), mesh, [counted(each) for each in placements]
    )
    mask = None
    if masked:
        mask = distribute_tensor(torch.randn(4, 8, 2, 150), mesh, placements)
    options = (150, 0.2, True, *cache._code(), 32)
    with CommDebugMode() as communication:
        APPEND(*tensors[1:], counts, *state, *cache._code())
        results = ATTEND(tensors[0], *state, mask, *options)
    assert communication.get_total_counts() == 0, communication.get_comm_counts()
    own_q, own_k, own_v, own_counts = (each.to_local() for each in (*tensors, counts))
    own_mask = None if mask is None else mask.to_local()
    APPEND(own_k, own_v, own_counts, *local_state, *cache._code())
    expected = ATTEND(own_q, *local_state, own_mask, *options)
    for sharded, own in zip(state, local_state, strict=True):
        assert torch.equal(sharded.to_local(), own)
    for sharded, own in zip(results, expected, strict=True):
        assert list(sharded.placements) == placements
        assert torch.equal(sharded.to_local(), own)
    assert state[0].to_local()[0] == 130


def test_what_is_not_sharded_alike_is_refused(fake_processes: int) -> None:
    """An append to a redistributed copy would be lost."""
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor, init_device_mesh

    from longtail.distributed import register_sharding_rules

    register_sharding_rules()
    mesh = init_device_mesh("cpu", (4,))
    _, k, v = make(SHAPE, torch.float32)
    cache = longtail.QuantizedKVCache()
    cache.append(k[:, :, :5], v[:, :, :5])
    make_room(cache._tensors, 150)
    whole, split = ([each] for each in (Replicate(), Shard(0)))
    counts = distribute_tensor(torch.full((4,), 70), mesh, whole)
    for of_new, of_state in ((split, whole), (whole, split)):
        state = distributed(cache, mesh, of_state)
        new = [distribute_tensor(each, mesh, of_new) for each in (k, v)]
        before = [each.to_local().clone() for each in state]
        with pytest.raises(NotImplementedError, match="kv_append: .* must be sharded alike"):
            APPEND(*new, counts, *state, *cache._code())
        assert all(torch.equal(a.to_local(), b) for a, b in zip(state, before, strict=True))


def test_the_cache_takes_no_dtensor(fake_processes: int) -> None:
    """It says what to do instead."""
    from torch.distributed.tensor import Shard, distribute_tensor, init_device_mesh

    mesh = init_device_mesh("cpu", (4,))
    q, k, v = make(SHAPE, torch.float32)
    cache = longtail.QuantizedKVCache()
    sharded = [distribute_tensor(each, mesh, [Shard(1)]) for each in (q, k, v)]
    with pytest.raises(NotImplementedError, match=r"append: k is a DTensor.*to_local\(\)"):
        cache.append(*sharded[1:])
    cache.append(k, v)
    with pytest.raises(NotImplementedError, match=r"attend: q is a DTensor.*from_local"):
        cache.attend(sharded[0])


def test_imported_before_torch() -> None:
    """Rules are declared when the raw operators are there, and cost no import of DTensor's."""
    code = (
        "import sys, longtail; longtail.QuantizedKVCache\n"
        "late = ['torch.distributed.tensor', 'torch._dynamo']\n"
        "print([name for name in late if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_two_gloo_processes() -> None:
    """A cache of its own for each process, of its heads or of its sequences: together the bits of
    one."""
    run_script("attention.two_cache_processes")
