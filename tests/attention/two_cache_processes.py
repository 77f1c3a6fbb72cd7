"""``python -m attention.two_cache_processes``: a cache for each of two gloo processes, with half of
the heads or of the sequences, beside one with all."""

from __future__ import annotations

import os
import tempfile

import torch
import torch.multiprocessing
from torch import Tensor, distributed

import longtail
from attention.test_decode import FORMATS, make

SHAPE = (4, 8, 2, 3, 150, 64, 64, 32)
LENGTHS = [[100, 7, 64, 150], [1, 1, 1, 1]]


def attended(
    k_format: str, q: Tensor, k: Tensor, v: Tensor, lengths: list[list[int]]
) -> tuple[Tensor, ...]:
    cache = longtail.QuantizedKVCache(4, k_format)
    for counts in lengths:
        cache.append(k, v, lengths=counts)
    found = cache.attend(q, return_lse=True)
    cache.crop(70)
    return *found, cache.attend(q)


def check_sharded(k_format: str, dim: int) -> None:
    """The recipe of docs/families/kv-cache.md."""
    from torch.distributed.tensor import DTensor, Shard, distribute_tensor, init_device_mesh

    mesh = init_device_mesh("cpu", (2,))
    tensors = make(SHAPE, torch.bfloat16)
    expected = attended(k_format, *tensors, LENGTHS)
    q, k, v = (distribute_tensor(each, mesh, [Shard(dim)]) for each in tensors)
    rank = mesh.get_local_rank()
    own = [each[2 * rank : 2 * rank + 2] if dim == 0 else each for each in LENGTHS]
    found = attended(k_format, q.to_local(), k.to_local(), v.to_local(), own)
    for local, whole in zip(found, expected, strict=True):
        assert local.shape[dim] == whole.shape[dim] // 2
        result = DTensor.from_local(local, mesh, [Shard(dim)])
        assert torch.equal(result.full_tensor(), whole)


def process(rank: int, store: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    for k_format in FORMATS:
        for dim in (0, 1):
            check_sharded(k_format, dim)
    distributed.barrier()  # nobody leaves while the other still talks
    distributed.destroy_process_group()
    os._exit(0)  # without static destructors: see kit/two_processes.py


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(process, (os.path.join(folder, "store"),), nprocs=2)
