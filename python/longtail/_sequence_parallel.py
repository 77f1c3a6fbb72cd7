"""``distributed.long_conv``: rows whose parts lie on several processes.

A convolution mixes a whole row, so rows are exchanged: each process gives away its part of all rows
and gets some rows whole, convolves them, and all is sent back. That moves every number twice, and
nothing else; taps are on every process.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, distributed

from longtail._arguments import check_tensor
from longtail._collectives import all_to_all, in_one_row, shared
from longtail.longconv import long_conv as local_long_conv


class _Parts:
    """Who has how many numbers of a row, and who convolves which heads."""

    def __init__(self, heads: int, length: int, device: torch.device, group: Any) -> None:
        self.group = group
        self.rank, self.count = distributed.get_rank(group), distributed.get_world_size(group)
        mine = torch.tensor([heads, length], device=device)
        all_of = [torch.empty_like(mine) for _ in range(self.count)]
        distributed.all_gather(all_of, mine, group=group)
        self.lengths = [int(each[1]) for each in all_of]
        if any(int(each[0]) != heads for each in all_of):
            raise ValueError(
                f"distributed.long_conv: u has {heads} heads here, and "
                f"{[int(each[0]) for each in all_of]} on the processes of the group"
            )
        share, more = divmod(heads, self.count)
        self.heads = [share + (rank < more) for rank in range(self.count)]

    @property
    def my_heads(self) -> slice:
        first = sum(self.heads[: self.rank])
        return slice(first, first + self.heads[self.rank])

    def gather(self, x: Tensor) -> Tensor:
        """My part of all rows ``[B, H, l]`` to all parts of my rows ``[B, h, L]``."""
        batch = x.shape[0]
        pieces = x.split(self.heads, 1)
        mine = self.heads[self.rank]
        received = [batch * mine * each for each in self.lengths]
        flat = self._exchange(pieces, received)
        parts = [
            part.view(batch, mine, each)
            for part, each in zip(flat.split(received), self.lengths, strict=True)
        ]
        return torch.cat(parts, -1)

    def scatter(self, y: Tensor) -> Tensor:
        """All parts of my rows ``[B, C, h, L]`` to my part of all rows ``[B, C, H, l]``."""
        batch, outputs, _, _ = y.shape
        pieces = y.split(self.lengths, -1)
        mine = self.lengths[self.rank]
        received = [batch * outputs * each * mine for each in self.heads]
        flat = self._exchange(pieces, received)
        parts = [
            part.view(batch, outputs, each, mine)
            for part, each in zip(flat.split(received), self.heads, strict=True)
        ]
        return torch.cat(parts, 2)

    def _exchange(self, pieces: Sequence[Tensor], received: list[int]) -> Tensor:
        sent = [piece.numel() for piece in pieces]
        return all_to_all(in_one_row(pieces), sent, received, self.group)


def long_conv(
    u: Tensor,
    k: Tensor,
    *,
    skip: Tensor | None = None,
    k_rev: Tensor | None = None,
    gate_in: Tensor | None = None,
    gate_out: Tensor | None = None,
    causal: bool = True,
    group: Any = None,
) -> Tensor:
    """``longtail.long_conv`` of rows of which each process has a part, in the order of ranks.

    Heads are dealt out: every process gets its heads' whole rows, convolves them, and the results
    go back, so that each number is sent twice. All processes must call it, with equal batches and
    heads; the parts may have any lengths, 0 too, and there may be fewer heads than processes.

    Args:
        u: ``[..., H, l]``, this process's part of the rows.
        k, k_rev, skip: as of ``longtail.long_conv``, the same on all processes.
        gate_in, gate_out: those of this part.
        causal: as of ``longtail.long_conv``.
        group: a process group of ``torch.distributed``; None: all processes.

    Returns:
        This process's part of y; without skip and gates the bits of one process.

    Gradients: exact, also twice. Those of k and k_rev are, on every process, the sums over all of
    them; those of skip are of this part alone, as for every replicated parameter (DDP averages).

    Raises:
        RuntimeError: torch.distributed is not initialised.
        TypeError, ValueError, NotImplementedError: as ``longtail.long_conv``.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        raise RuntimeError(
            "distributed.long_conv: torch.distributed is not initialised; call init_process_group"
        )
    for argument, tensor in (("u", u), ("k", k)):
        check_tensor("distributed.long_conv", argument, tensor)
    # One process's arguments are checked as those of any call, before anything is sent.
    with torch.no_grad():
        local_long_conv(
            u[..., :0],
            k,
            skip=skip,
            k_rev=k_rev,
            gate_in=None if gate_in is None else gate_in.expand(u.shape)[..., :0],
            causal=causal,
        )
    x = u if gate_in is None else u * gate_in
    batch, heads, length = u.shape[:-2], *u.shape[-2:]
    parts = _Parts(heads, length, u.device, group)
    rows = parts.gather(x.reshape(math.prod(batch), heads, length))
    mine = parts.my_heads

    def my_taps(taps: Tensor | None) -> Tensor | None:
        if taps is None:
            return None
        return shared(taps, group)[..., mine, :]

    my_k = my_taps(k)
    assert my_k is not None
    y = local_long_conv(rows, my_k, k_rev=my_taps(k_rev), causal=causal)
    several = k.dim() == 3
    part = parts.scatter(y if several else y.unsqueeze(1))
    y = part.reshape(*batch, *(k.shape[:1] if several else ()), heads, length)
    if skip is not None:
        y = y + skip.unsqueeze(-1).to(y.dtype) * (x.unsqueeze(-3) if several else x)
    return y if gate_out is None else y * gate_out
