"""Sharding rules for DTensor, declared at import and registered when first needed.

``torch.distributed.tensor`` costs over a second to import, and most programs never use it. A family
declares its rules here; the first call that sees a tensor subclass while that module is
loaded registers them all.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

# One acceptable sharding over one mesh dimension: placements of the outputs and of the arguments
# (None for an argument that is no tensor).
Sharding = tuple[list[Any], list[Any]]
Rule = Callable[..., Sequence[Sharding]]

_declared: list[tuple[OpOverload, Rule]] = []


def declare_sharding(op: OpOverload, rule: Rule) -> None:
    """Remember ``rule`` for ``op``; it is called with the op's arguments as DTensor's
    ``register_sharding`` describes."""
    _declared.append((op, rule))


def pointwise(*args: Any) -> Sequence[Sharding]:
    """The rule of an element-wise op whose tensor arguments have one shape: any dimension may be
    sharded, in the same way for all tensors, and no data moves."""
    from torch.distributed.tensor import Replicate, Shard

    tensors = [hasattr(arg, "placements") for arg in args]
    choices = [Replicate(), *(Shard(dim) for dim in range(len(args[0].shape)))]
    return [([each], [each if is_tensor else None for is_tensor in tensors]) for each in choices]


def register_rules_for(*tensors: Tensor) -> None:
    """Register the rules if one of ``tensors`` can be a DTensor."""
    can_be = any(type(tensor) is not Tensor for tensor in tensors)
    if _declared and can_be and "torch.distributed.tensor" in sys.modules:
        register_rules()


def is_dtensor(tensor: Any) -> bool:
    """Whether it is one; imports nothing."""
    distributed = sys.modules.get("torch.distributed.tensor")
    return distributed is not None and isinstance(tensor, distributed.DTensor)


def beside(tensor: Tensor, *others: Any) -> Tensor:
    """``tensor``, which every process has alike, as a replicated DTensor if one of ``others`` is a
    DTensor: torch does not mix them with plain ones."""
    if type(tensor) is not Tensor and type(tensor) is not torch.nn.Parameter:
        return tensor
    for each in others:
        if is_dtensor(each):
            from torch.distributed.tensor import DTensor, Replicate

            mesh = each.device_mesh
            return DTensor.from_local(tensor, mesh, [Replicate()] * mesh.ndim, run_check=False)
    return tensor


def by_batches(
    function: Callable[[Tensor], tuple[Tensor, ...]], x: Any, dims: int
) -> tuple[Any, ...]:
    """What a function of a batch gives where each process has a part of that; its results have the
    batch in front. The last ``dims`` axes of x, and what is a share of a sum, are made whole."""
    from torch.distributed.tensor import DTensor, Replicate, Shard

    batch = x.dim() - dims
    places = [
        each if isinstance(each, Shard) and each.dim < batch else Replicate()
        for each in x.placements
    ]
    results = function(x.redistribute(placements=places).to_local())

    def whole(result: Tensor) -> Any:
        shape = torch.Size([*x.shape[:batch], *result.shape[batch:]])
        stride = torch.empty(shape, device="meta").stride()
        return DTensor.from_local(
            result, x.device_mesh, places, run_check=False, shape=shape, stride=stride
        )

    return tuple(whole(each) for each in results)


def register_rules() -> None:
    """Register what is declared and not yet registered."""
    from torch.distributed.tensor import DTensor
    from torch.distributed.tensor.experimental import register_sharding

    while _declared:
        op, rule = _declared.pop()
        register_sharding(op)(rule)
        # DTensor remembers what a rule said, and the shapes of results, by tensors and by what
        # stands from an int on: a call that differs in a bool or a float before it would get the
        # wrong ones.
        info = DTensor._op_dispatcher.sharding_propagator.op_to_schema_info[op]
        for k, argument in enumerate(op._schema.arguments):
            if isinstance(argument.type, (torch.BoolType, torch.FloatType)):
                info.static_argnum = min(info.static_argnum, k)
