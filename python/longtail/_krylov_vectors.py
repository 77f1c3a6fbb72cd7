"""Vectors of the Krylov methods: ``[batch, n]`` in float64 or complex128, whatever b is.

Recurrences and scalar products are wide for float32 problems too; A and the preconditioner are
asked in the dtype of b. So float32 loses what A itself rounds, and nothing else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

#: Terms of a sum that are added by one thread (torch splits one over threads from 32768 on); the
#: sums of blocks are added in the same way, so that no result depends on the number of threads.
BLOCK = 16384

WIDE = {
    torch.float32: torch.float64,
    torch.float64: torch.float64,
    torch.complex64: torch.complex128,
    torch.complex128: torch.complex128,
}


def fixed_sum(terms: Tensor) -> Tensor:
    """The sum over the last dimension, in an order that depends on its length alone."""
    if terms.shape[-1] <= BLOCK:
        return terms.sum(-1)
    while terms.shape[-1] > 1:
        whole = terms.shape[-1] // BLOCK * BLOCK
        sums = terms[..., :whole].unflatten(-1, (-1, BLOCK)).sum(-1)
        rest = terms[..., whole:].sum(-1, keepdim=True)
        if whole == 0:
            return rest.squeeze(-1)
        terms = sums if whole == terms.shape[-1] else torch.cat([sums, rest], -1)
    return terms.squeeze(-1)


def dot(x: Tensor, y: Tensor) -> Tensor:
    """``x^H y`` as ``[batch, 1]``."""
    terms = x.conj() * y if x.is_complex() else x * y
    if terms.shape[-1] <= BLOCK:
        return terms.sum(-1, keepdim=True)
    return fixed_sum(terms).unsqueeze(-1)


def real_dot(x: Tensor, y: Tensor) -> Tensor:
    """Its real part."""
    product = dot(x, y)
    return product.real if product.is_complex() else product


def norm(x: Tensor) -> Tensor:
    """``||x||`` as ``[batch, 1]``, of vectors near 1."""
    return real_dot(x, x).sqrt()


@dataclass(frozen=True)
class Shape:
    """How a right-hand side ``[*batch, *item]`` is flattened to ``[batch, n]``.

    Attributes:
        batch: leading dimensions; each of their entries is a problem.
        item: trailing dimensions, a vector of the operator.
        dtype: of b, in which A is asked.
    """

    batch: tuple[int, ...]
    item: tuple[int, ...]
    dtype: torch.dtype

    @classmethod
    def of(cls, b: Tensor, dims: int) -> Shape:
        """That of b, whose last ``dims`` dimensions are a vector."""
        split = b.dim() - dims
        return cls(tuple(b.shape[:split]), tuple(b.shape[split:]), b.dtype)

    @property
    def size(self) -> int:
        """Numbers of a vector."""
        return math.prod(self.item)

    @property
    def count(self) -> int:
        """Problems."""
        return math.prod(self.batch)

    @property
    def wide(self) -> torch.dtype:
        """The dtype of flat vectors."""
        return WIDE[self.dtype]

    def flat(self, x: Tensor) -> Tensor:
        """``[batch, n]``, wide; contiguous, so that bits do not depend on the layout of b."""
        return x.reshape(self.count, self.size).to(self.wide).contiguous()

    def full(self, x: Tensor) -> Tensor:
        """The shape of b again, in x's own dtype."""
        return x.reshape(self.batch + self.item)

    def rounded(self, x: Tensor) -> Tensor:
        """x as A sees it, still wide."""
        return x if self.dtype == self.wide else x.to(self.dtype).to(self.wide)
