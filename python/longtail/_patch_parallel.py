"""``distributed.patch_parallel``: the patches of MultigridPatching2d over processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, distributed
from torch.autograd.function import once_differentiable

from longtail._collectives import shared
from longtail._domain_agreement import agree, check_group
from longtail._domain_rows import Cut, gathered
from longtail.nn.patching import MultigridPatching2d


class _Whole(torch.autograd.Function):
    """All patches of those that each process has. All take the same loss of them, so that each
    knows the gradient of its own."""

    @staticmethod
    def forward(ctx: Any, mine: Tensor, cut: Cut) -> Tensor:
        ctx.cut = cut
        return gathered(mine.unsqueeze(0), cut).squeeze(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Any) -> Any:
        return grads[0].narrow(0, ctx.cut.start, ctx.cut.rows).clone(), None


_whole: Callable[..., Tensor] = _Whole.apply


def patch_parallel(patching: MultigridPatching2d, x: Tensor, *, group: Any = None) -> Tensor:
    """``patching(x)``, each process running the model on some of the patches.

    Patches, each with the coarser views of its surroundings, are dealt out in order, as evenly as
    they go; what the model keeps for the backward pass is split with them. All processes must call
    it with the same x and parameters, and get the same result.

    Args:
        patching: its model has the same parameters on all processes; without state that depends on
            the batch (batch norm would see a process's patches only).
        x: ``[N, C, H, W]``, the same on all processes.
        group: a process group of ``torch.distributed``; None: all processes.

    Returns:
        What ``patching(x)`` gives: grids, or patches where it does not stitch.

    Gradients: all processes take the same loss of the result and all call ``backward``; then x and
    the parameters get, on every process, the gradients of one process: nothing is to be averaged,
    so do not put the model into DistributedDataParallel. A second derivative raises RuntimeError.

    Raises:
        RuntimeError: torch.distributed is not initialised.
        TypeError: a patching that is none.
        ValueError: x as of MultigridPatching2d, or of unlike shapes on the processes.
    """
    name = "distributed.patch_parallel"
    check_group(name, group)

    def describe() -> dict[str, Any]:
        if not isinstance(patching, MultigridPatching2d):
            raise TypeError(
                f"{name}: patching must be a MultigridPatching2d, got {type(patching).__name__}"
            )
        patching.check("x", x)
        return {
            "the shape of x": tuple(x.shape),
            "the dtype of x": x.dtype,
            "a gradient in x": x.requires_grad,
            "the parameters": [
                (key, tuple(each.shape), each.requires_grad)
                for key, each in patching.model.named_parameters()
            ],
        }

    agree(
        name,
        group,
        describe,
        ("the shape of x", "the dtype of x", "a gradient in x", "the parameters"),
    )
    if x.requires_grad:
        x = shared(x, group)
    patches = patching.patch(x)
    rank, count = distributed.get_rank(group), distributed.get_world_size(group)
    starts = tuple(each * len(patches) // count for each in range(count + 1))
    cut = Cut(group, rank, starts)
    # A process without patches runs the model all the same, and uses nothing of it: all have to
    # come by the sums of the backward pass.
    mine = patches[cut.start : cut.start + cut.rows] if cut.rows else patches[:1]
    parameters = {
        key: shared(each, group) if each.requires_grad else each
        for key, each in patching.model.named_parameters()
    }
    y = torch.func.functional_call(patching.model, parameters, (mine,))
    y = patching.unpad(y, x.shape[-2], x.shape[-1])
    y = _whole(y[: cut.rows], cut)
    return patching.stitch(y) if patching.stitching else y
