"""``python -m kit.two_processes MODULE``: the ops of MODULE.SPECS on DTensors over two gloo
processes, against the same on whole tensors."""

from __future__ import annotations

import importlib
import sys

import torch

from kit.gloo import run_together
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


def check_all(module: str) -> None:
    for spec in importlib.import_module(module).SPECS:
        check_sharded(spec)


if __name__ == "__main__":
    run_together(2, check_all, sys.argv[1])
