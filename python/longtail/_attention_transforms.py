"""What torch must know of the raw operators of attention: gradient, vmap, DTensor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from longtail import _dtensor
from longtail._autograd import Gradient, Saved, differentiable
from longtail._dtensor import Sharding, register_rules_for


def differentiable_attention(name: str, lengths: int) -> Callable[..., Any]:
    """The function of (q, k, v, mask or lengths, options) with its straight-through gradient.

    Args:
        name: of the raw operator; its gradient is ``name_backward``.
        lengths: how many arguments after v give the lengths of packed sequences (each with a
            maximum, which the gradient does not take); 0: one argument, the mask, follows.
    """
    value_op = getattr(torch.ops.longtail, name).default
    gradient_op = getattr(torch.ops.longtail, f"{name}_backward").default

    def run(op: Any) -> Callable[..., Any]:
        def forward(*inputs: Any) -> Any:
            register_rules_for(*(each for each in inputs if isinstance(each, Tensor)))
            with torch._C._AutoDispatchBelowAutograd():
                return op(*inputs)

        return forward

    def no_second(saved: Saved, *grads: Gradient) -> Sequence[Gradient]:
        raise NotImplementedError(
            f"{name}: the gradient is straight-through; it has no derivative of its own"
        )

    gradient = differentiable(f"{name}_backward", run(gradient_op), no_second)

    def backward(saved: Saved, grad: Gradient, grad_lse: Gradient) -> list[Gradient]:
        q, k, v, *rest = saved.inputs
        rows = q.shape[:-1] if not lengths else (q.shape[1], q.shape[0])
        if grad is None:
            grad = q.new_zeros([*q.shape[:-1], v.shape[-1]])
        if grad_lse is None:
            grad_lse = q.new_zeros(rows, dtype=torch.float32)
        options = rest if not lengths else [*rest[:lengths], *rest[2 * lengths :]]
        results = gradient(grad, grad_lse, q, k, v, *options)
        kept = [r if need else None for r, need in zip(results, saved.needs, strict=False)]
        return [*kept, *[None] * len(rest)]

    if not lengths:
        for op, tensors in ((value_op, 4), (gradient_op, 6)):
            torch.library.register_vmap(op, _batched(op, tensors))
        _dtensor.declare_sharding(value_op, _shard_value)
        _dtensor.declare_sharding(gradient_op, _shard_gradient)
    return differentiable(name, run(value_op), backward)


def _batched(op: Any, tensors: int) -> Callable[..., Any]:
    """vmap: the new dimension becomes part of the batch, the first of every tensor."""

    def rule(info: Any, in_dims: tuple[int | None, ...], *arguments: Any) -> Any:
        size = info.batch_size

        def merged(value: Any, dim: int | None) -> Any:
            if not isinstance(value, Tensor):
                return value
            lead = value.expand(size, *value.shape) if dim is None else value.movedim(dim, 0)
            return lead.flatten(0, 1)

        results = op(
            *map(merged, arguments[:tensors], in_dims[:tensors]),
            *arguments[tensors:],
        )
        return tuple(each.unflatten(0, (size, -1)) for each in results), (0,) * len(results)

    return rule


def _placements(q: Any, k: Any) -> list[Any]:
    """Whole, by batch, or by head where both q and k split evenly."""
    from torch.distributed.tensor import Replicate, Shard

    choices: list[Any] = [Replicate(), Shard(0)]
    sizes = [q.mesh.size(d) for d in range(q.mesh.ndim)]
    if all(each.shape[1] % size == 0 for each in (q, k) for size in sizes):
        choices.append(Shard(1))
    return choices


def _shard_value(q: Any, k: Any, v: Any, mask: Any, *rest: Any) -> list[Sharding]:
    nothing = [None] * len(rest)
    return [
        ([each, each], [each, each, each, None if mask is None else each, *nothing])
        for each in _placements(q, k)
    ]


def _shard_gradient(
    grad: Any, grad_lse: Any, q: Any, k: Any, v: Any, mask: Any, *rest: Any
) -> list[Sharding]:
    nothing = [None] * len(rest)
    return [
        ([each] * 3, [*[each] * 5, None if mask is None else each, *nothing])
        for each in _placements(q, k)
    ]
