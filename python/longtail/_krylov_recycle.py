"""What one problem of a sequence hands to the next."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from longtail._krylov_vectors import WIDE, Shape


@dataclasses.dataclass(frozen=True, eq=False)
class Recycle:
    """What :func:`~longtail.krylov.gcrodr` learnt, for the next problem of a sequence.

    Attributes:
        space: float64 or complex128 ``[*batch, k, *item]``: vectors that A (with its
            preconditioner) shrinks most; 0 where fewer were found.
        dims: trailing dimensions that are one vector.
    """

    space: Tensor
    dims: int

    @property
    def nbytes(self) -> int:
        """Of the vectors."""
        return self.space.numel() * self.space.element_size()

    def to(self, device: torch.device | str) -> Recycle:
        """On another device."""
        return dataclasses.replace(self, space=self.space.to(device))


def recycled_space(recycle: Recycle | None, b: Tensor, shape: Shape, kept: int) -> Tensor | None:
    """``[*batch, at most kept, n]``, or None where there is nothing to recycle."""
    if recycle is None:
        return None
    if not isinstance(recycle, Recycle):
        raise TypeError(
            f"gcrodr: recycle must be what gcrodr returned, got {type(recycle).__name__}"
        )
    space, item = recycle.space, shape.item
    batch = tuple(space.shape[: space.dim() - 1 - len(item)])
    fits = recycle.dims == len(item) and tuple(space.shape[space.dim() - len(item) :]) == item
    if not fits or batch not in ((), shape.batch):
        raise ValueError(
            f"gcrodr: recycle has shape {list(space.shape)} ([*batch, k, *item]), expected items "
            f"{list(item)} and batch {list(shape.batch)} or []"
        )
    if space.dtype != WIDE[b.dtype]:
        raise TypeError(
            f"gcrodr: recycle is {space.dtype}, expected {WIDE[b.dtype]} for b of {b.dtype}"
        )
    if space.device != b.device:
        raise ValueError(f"gcrodr: recycle is on {space.device}, b on {b.device}")
    flat = space.flatten(space.dim() - len(item))
    return flat[..., :kept, :] if kept and flat.shape[-2] and flat.numel() else None
