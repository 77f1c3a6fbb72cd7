"""Rows of tensors that lie on several processes: neighbours' rows, other cuts, the whole.

A tensor ``[batch, rows, ...]`` is cut along its second dimension, process r of a group having the
rows from ``cuts[r]`` to ``cuts[r + 1]``. Each movement is linear, and its gradient is the opposite
one, which is here too: derivatives of any order are movements again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, distributed

from longtail._collectives import all_to_all, in_one_row

_ROWS = 1


class Halo(NamedTuple):
    """How many rows of its neighbours a process wants, before and behind its own."""

    before: int
    behind: int


@dataclass(frozen=True)
class Cut:
    """Where rows lie.

    Attributes:
        group: of ``torch.distributed``, or None for all processes.
        rank: of this process in it.
        starts: the first row of each process, and the end: one more than processes.
    """

    group: Any
    rank: int
    starts: tuple[int, ...]

    @property
    def count(self) -> int:
        """Processes."""
        return len(self.starts) - 1

    @property
    def start(self) -> int:
        """My first row."""
        return self.starts[self.rank]

    @property
    def rows(self) -> int:
        """So many are mine."""
        return self.starts[self.rank + 1] - self.starts[self.rank]

    def sizes(self) -> list[int]:
        """Rows of each."""
        return [b - a for a, b in zip(self.starts, self.starts[1:], strict=False)]


def gathered_numbers(values: Tensor, group: Any) -> Tensor:
    """``[processes, ...]``: a small tensor of each."""
    parts = [torch.empty_like(values) for _ in range(distributed.get_world_size(group))]
    distributed.all_gather(parts, values.contiguous(), group=group)
    return torch.stack(parts)


def largest(values: Tensor, group: Any) -> Tensor:
    """Size of each item of all ``[batch, rows, ...]``, as ``[batch, 1, ...]``; no gradient."""
    own = values.detach().flatten(1).abs()
    own = torch.cat([own, own.new_zeros(len(own), 1)], 1).amax(1)  # some have no rows
    return gathered_numbers(own, group).amax(0).reshape(-1, *[1] * (values.dim() - 1))


class _Sum(torch.autograd.Function):
    """The sum over processes; what it is worth to all of them is its gradient."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, group: Any) -> Tensor:
        ctx.group = group
        return gathered_numbers(values, group).sum(0)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return summed(grads[0], ctx.group), None


#: ``summed(values, group)``, in the order of ranks: the same bits on all of them.
summed: Callable[..., Tensor] = _Sum.apply


# -- Rows of neighbours ------------------------------------------------------------------------


def _swap(
    cut: Cut, to_left: Tensor, to_right: Tensor, from_left: Tensor, from_right: Tensor
) -> None:
    """Sends and receives whatever is not empty; around the ends, should anybody say so."""
    left, right = (cut.rank - 1) % cut.count, (cut.rank + 1) % cut.count
    # Two processes are each other's neighbours on both sides: tags, and the order, tell which.
    each = (
        (distributed.isend, to_left, left, 0),
        (distributed.isend, to_right, right, 1),
        (distributed.irecv, from_right, right, 0),
        (distributed.irecv, from_left, left, 1),
    )
    operations = [
        distributed.P2POp(act, rows, group=cut.group, tag=tag, group_peer=peer)
        for act, rows, peer, tag in each
        if rows.numel()
    ]
    if operations:
        for request in distributed.batch_isend_irecv(operations):
            request.wait()


def _empty_rows(like: Tensor, rows: int) -> Tensor:
    return like.new_empty([like.shape[0], rows, *like.shape[2:]])


def _neighbours(cut: Cut, halos: Sequence[Halo]) -> tuple[Halo, int, int]:
    """My halo; rows that my left neighbour wants of me, and my right one."""
    left, right = (cut.rank - 1) % cut.count, (cut.rank + 1) % cut.count
    return halos[cut.rank], halos[left].behind, halos[right].before


class _Widen(torch.autograd.Function):
    """My rows with those of neighbours around them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cut: Cut, halos: tuple[Halo, ...]) -> Tensor:
        ctx.arguments = cut, halos
        mine, to_left, to_right = _neighbours(cut, halos)
        n = x.shape[_ROWS]
        before, behind = _empty_rows(x, mine.before), _empty_rows(x, mine.behind)
        first, last = x.narrow(_ROWS, 0, to_left), x.narrow(_ROWS, n - to_right, to_right)
        _swap(cut, first.contiguous(), last.contiguous(), before, behind)
        return torch.cat([before, x, behind], _ROWS)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return _fold(grads[0], *ctx.arguments), None, None


class _Fold(torch.autograd.Function):
    """Its transpose: what was added around goes back to whom it is of, and is added there."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cut: Cut, halos: tuple[Halo, ...]) -> Tensor:
        ctx.arguments = cut, halos
        mine, to_left, to_right = _neighbours(cut, halos)
        n = x.shape[_ROWS] - mine.before - mine.behind
        before, own, behind = x.split([mine.before, n, mine.behind], _ROWS)
        first, last = _empty_rows(x, to_left), _empty_rows(x, to_right)
        _swap(cut, before.contiguous(), behind.contiguous(), first, last)
        result = own.clone()
        result.narrow(_ROWS, 0, to_left).add_(first)
        result.narrow(_ROWS, n - to_right, to_right).add_(last)
        return result

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return widen(grads[0], *ctx.arguments), None, None


#: ``widen(x, cut, halos)``: halos of all processes, in the order of ranks; none of them wants more
#: than its neighbour has.
widen: Callable[..., Tensor] = _Widen.apply
_fold: Callable[..., Tensor] = _Fold.apply


# -- Other cuts --------------------------------------------------------------------------------


def _common(a: Cut, b: Cut, rank_of_a: int, rank_of_b: int) -> int:
    """Rows that process ``rank_of_a`` has under one cut and ``rank_of_b`` under another."""
    first = max(a.starts[rank_of_a], b.starts[rank_of_b])
    last = min(a.starts[rank_of_a + 1], b.starts[rank_of_b + 1])
    return max(0, last - first)


def moved(x: Tensor, old: Cut, new: Cut) -> Tensor:
    """My rows under another cut of the same ones."""
    if old.starts == new.starts:
        return x
    others = range(old.count)
    sent = [_common(old, new, old.rank, other) for other in others]
    received = [_common(old, new, other, old.rank) for other in others]
    # Cuts are in order, and so are the pieces.
    flat = in_one_row(x.split(sent, _ROWS))
    numbers = x.shape[0] * x.shape[2:].numel()
    pieces = all_to_all(
        flat, [rows * numbers for rows in sent], [rows * numbers for rows in received], old.group
    ).split([rows * numbers for rows in received])
    shaped = [
        piece.view(x.shape[0], rows, *x.shape[2:])
        for piece, rows in zip(pieces, received, strict=True)
    ]
    return torch.cat(shaped, _ROWS)


# -- The whole ---------------------------------------------------------------------------------


class _Gather(torch.autograd.Function):
    """All rows, on every process."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cut: Cut) -> Tensor:
        ctx.cut = cut
        most = max(cut.sizes())
        padded = _empty_rows(x, most).zero_()  # all_gather wants one size
        padded.narrow(_ROWS, 0, cut.rows).copy_(x)
        parts = gathered_numbers(padded, cut.group)
        return torch.cat(
            [part.narrow(_ROWS, 0, rows) for part, rows in zip(parts, cut.sizes(), strict=True)],
            _ROWS,
        )

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return _sum_of_mine(grads[0], ctx.cut), None


class _SumOfMine(torch.autograd.Function):
    """Its transpose: my rows of the sum over processes."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cut: Cut) -> Tensor:
        ctx.cut = cut
        return summed(x, cut.group).narrow(_ROWS, cut.start, cut.rows).clone()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return gathered(grads[0], ctx.cut), None


gathered: Callable[..., Tensor] = _Gather.apply
_sum_of_mine: Callable[..., Tensor] = _SumOfMine.apply
