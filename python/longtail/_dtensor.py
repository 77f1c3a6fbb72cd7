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


def register_rules() -> None:
    """Register what is declared and not yet registered."""
    from torch.distributed.tensor import DTensor
    from torch.distributed.tensor.experimental import register_sharding

    while _declared:
        op, rule = _declared.pop()
        register_sharding(op)(rule)
        # DTensor remembers what a rule said, and the shapes of results, by tensors and by what
        # stands from an int on: a call that differs in a bool before it would get the wrong ones.
        info = DTensor._op_dispatcher.sharding_propagator.op_to_schema_info[op]
        for k, argument in enumerate(op._schema.arguments):
            if isinstance(argument.type, torch.BoolType):
                info.static_argnum = min(info.static_argnum, k)
