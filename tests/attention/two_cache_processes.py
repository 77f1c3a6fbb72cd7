"""``python -m attention.two_cache_processes``: a cache for each of two gloo processes, with half of
the heads or of the sequences, beside one with all."""

from __future__ import annotations

import torch
from torch import Tensor

import longtail
from attention.test_decode import FORMATS, make
from kit.gloo import run_together

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


def check_all() -> None:
    for k_format in FORMATS:
        for dim in (0, 1):
            check_sharded(k_format, dim)


if __name__ == "__main__":
    run_together(2, check_all)
