"""How the raw operators of the multigrid family may be sharded: batches, always; shares of sums
where an operator is linear in its values. Parameters of convolutions are whole, and what a process
makes of their gradients out of its batch are shares.

Problem b of a batch has system b % systems, so a batch of both can be cut if they are as many, and
one system serves any part of a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from longtail import _dtensor, _library  # noqa: F401  (loads the raw ops)

_RAW = torch.ops.longtail
Shardings = list[tuple[list[Any], list[Any]]]


def _given(tensor: Any) -> bool:
    """Not of shape [0]."""
    return len(tensor.shape) > 1


def _choices(
    results: int, tensors: Sequence[Any], systems: Sequence[int], linear: Sequence[int], rest: int
) -> Shardings:
    """Whole; by batches; shares of sums.

    Args:
        results: how many the operator gives.
        tensors: its arguments that are tensors, the values among them.
        systems: which of those may be one for a whole batch.
        linear: in which of those together it is linear; none if in none.
        rest: how many other arguments come behind.
    """
    from torch.distributed.tensor import Partial, Replicate, Shard

    whole: Any = Replicate()
    nothing: list[Any] = [None] * rest
    values = [each for k, each in enumerate(tensors) if k not in systems and _given(each)]
    batch = values[0].shape[0] if values else 0
    several = {tensors[k].shape[0] for k in systems if _given(tensors[k])}
    result: Shardings = [([whole] * results, [whole] * len(tensors) + nothing)]
    if several <= {1, batch} or not values:
        first: Any = Shard(0)
        places = [
            first if _given(each) and (k not in systems or each.shape[0] == batch != 1) else whole
            for k, each in enumerate(tensors)
        ]
        if not values:  # an operator of systems alone
            places = [first if _given(each) else whole for each in tensors]
        result.append(([first] * results, places + nothing))
    if linear:
        share: Any = Partial()
        places = [
            share if k in linear and _given(each) else whole for k, each in enumerate(tensors)
        ]
        result.append(([share] * results, places + nothing))
    return result


def _rule(
    results: int, count: int, systems: Sequence[int] = (), linear: Sequence[int] = ()
) -> Callable[..., Shardings]:
    """Of an operator whose first ``count`` arguments are tensors."""

    def rule(*inputs: Any) -> Shardings:
        return _choices(results, inputs[:count], systems, linear, len(inputs) - count)

    return rule


def _convolution(x: Any, weight: Any, add: Any, bias: Any, *rest: Any) -> Shardings:
    """Batches of x and of what is added; the weight and the bias are whole."""
    from torch.distributed.tensor import Replicate, Shard

    whole: Any = Replicate()
    first: Any = Shard(0)
    nothing = [None] * len(rest)
    return [
        ([whole], [whole] * 4 + nothing),
        ([first], [first, whole, first if _given(add) else whole, whole, *nothing]),
    ]


def _down(x: Any, weight: Any) -> Shardings:
    from torch.distributed.tensor import Replicate, Shard

    whole: Any = Replicate()
    return [([whole], [whole, whole]), ([Shard(0)], [Shard(0), whole])]


def _of_weight(first: Any, second: Any, *rest: Any) -> Shardings:
    """A sum over batches."""
    from torch.distributed.tensor import Partial, Replicate, Shard

    whole: Any = Replicate()
    nothing = [None] * len(rest)
    return [
        ([whole], [whole, whole, *nothing]),
        ([Partial()], [Shard(0), Shard(0), *nothing]),
    ]


for _op, _sharding in (
    (_RAW.poisson_solve, _rule(4, 2)),
    (_RAW.diffusion_solve, _rule(3, 6, systems=(0, 1, 2, 5))),
    (_RAW.diffusion_hierarchy, _rule(1, 3, systems=(0, 1, 2))),
    (_RAW.stencil_hierarchy, _rule(1, 1, systems=(0,))),
    (_RAW.diffusion_apply, _rule(1, 4, systems=(0, 1, 2), linear=(3,))),
    (_RAW.grid_apply, _rule(1, 2, systems=(0,), linear=(1,))),
    (_RAW.grid_restrict, _rule(1, 2, systems=(0,), linear=(1,))),
    (_RAW.grid_prolong, _rule(1, 2, systems=(0,), linear=(1,))),
    (_RAW.grid_smooth, _rule(1, 3, systems=(0,), linear=(1, 2))),
    (_RAW.grid_cycle, _rule(1, 3, systems=(0,), linear=(1, 2))),
    (_RAW.grid_conv, _convolution),
    (_RAW.grid_up, _convolution),
    (_RAW.grid_down, _down),
    (_RAW.grid_conv_weight, _of_weight),
    (_RAW.grid_transfer_weight, _of_weight),
):
    _dtensor.declare_sharding(_op.default, _sharding)
