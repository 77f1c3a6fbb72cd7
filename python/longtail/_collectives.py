"""What several processes do together, with gradients of any order.

Losses of all processes count: what is differentiated is their sum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, distributed


def in_one_row(pieces: Sequence[Tensor]) -> Tensor:
    """All their numbers. (As columns: what ``cat`` makes of ``[0]`` has no second derivative, and a
    process that leaves out a step of the backward pass keeps the others waiting.)"""
    return torch.cat([piece.reshape(-1, 1) for piece in pieces]).flatten()


class _AllToAll(torch.autograd.Function):
    """Numbers to all processes and from them; backward, the other way round."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, sent: list[int], received: list[int], group: Any) -> Tensor:
        ctx.arguments = sent, received, group
        result = x.new_empty(sum(received))
        distributed.all_to_all_single(result, x.contiguous(), received, sent, group=group)
        return result

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        sent, received, group = ctx.arguments
        return all_to_all(grads[0], received, sent, group), None, None, None


class _AllReduce(torch.autograd.Function):
    """The sum over processes, which each of them uses: so is its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Any) -> Tensor:
        ctx.group = group
        total = x.contiguous().clone()
        distributed.all_reduce(total, group=group)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return _all_reduce(grads[0], ctx.group), None


class _Shared(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Any) -> Tensor:
        ctx.group = group
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return _all_reduce(grads[0], ctx.group), None


#: ``all_to_all(x, sent, received, group)``: numbers of each process's piece of x, and of the
#: result.
all_to_all: Callable[..., Tensor] = _AllToAll.apply
_all_reduce: Callable[..., Tensor] = _AllReduce.apply
#: ``shared(x, group)``: x, which all processes have alike; its gradient is the sum over them.
shared: Callable[..., Tensor] = _Shared.apply
