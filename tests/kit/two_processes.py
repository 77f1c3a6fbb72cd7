"""``python -m kit.two_processes MODULE``: the ops of MODULE.SPECS on DTensors over two gloo
processes, against the same on whole tensors."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile

import torch
import torch.multiprocessing
from torch import distributed

from kit.spec import OpSpec


def check_sharded(spec: OpSpec) -> None:
    """Values and gradients of sharded arguments, gathered, are those of whole ones."""
    from torch.distributed.tensor import Shard, distribute_tensor, init_device_mesh

    mesh = init_device_mesh("cpu", (2,))
    whole = [tensor.requires_grad_() for tensor in spec.inputs((6, 5))]
    expected = spec.function(*whole)
    gradients = torch.autograd.grad(expected.sum(), whole)
    for dim in (0, 1):  # 5 does not divide by 2: uneven shards
        sharded = [
            distribute_tensor(t.detach(), mesh, [Shard(dim)]).requires_grad_() for t in whole
        ]
        result = spec.function(*sharded)
        assert result.to_local().shape[dim] < whole[0].shape[dim]
        assert torch.equal(result.full_tensor(), expected)
        for ours, theirs in zip(torch.autograd.grad(result.sum(), sharded), gradients, strict=True):
            assert torch.equal(ours.full_tensor(), theirs)


def process(rank: int, store: str, module: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    for spec in importlib.import_module(module).SPECS:
        check_sharded(spec)
    distributed.barrier()  # nobody leaves while the other still talks
    distributed.destroy_process_group()
    # All checks have passed. Leave without static destructors: seen once in CI, a gloo thread that
    # was still running aborted the process there ("terminate called without an active exception").
    os._exit(0)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(process, (os.path.join(folder, "store"), sys.argv[1]), nprocs=2)
