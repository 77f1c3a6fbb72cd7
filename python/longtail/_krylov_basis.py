"""Rows of vectors that a Krylov method keeps, multiplied in fixed blocks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from longtail._krylov_vectors import fixed_sum

#: Numbers of a row that are one operand of a product.
BLOCK = 1024


class Basis:
    """``rows`` vectors of length n for each problem, as ``[batch * blocks, rows, block]``.

    Every product of a block is one small matrix product, done by one thread; sums over blocks are
    fixed. So results do not depend on the number of threads.

    Args:
        like: a vector ``[batch, n]`` of this dtype and device.
        rows: how many; all 0 at first.
    """

    def __init__(self, like: Tensor, rows: int) -> None:
        self.batch, self.n = like.shape
        self.block = min(BLOCK, self.n)
        self.blocks = -(-self.n // self.block)
        self.data = like.new_zeros(self.batch * self.blocks, rows, self.block)

    def _cut(self, x: Tensor) -> Tensor:
        return pad(x, (0, self.blocks * self.block - self.n)).view(-1, self.block)

    def _joined(self, x: Tensor) -> Tensor:
        return x.reshape(self.batch, -1)[:, : self.n]

    def _each_block(self, small: Tensor) -> Tensor:
        """A small array of each problem, for each block of it."""
        return small.repeat_interleave(self.blocks, 0)

    def _sum_of_blocks(self, parts: Tensor) -> Tensor:
        split = parts.unflatten(0, (self.batch, self.blocks))
        return fixed_sum(split.movedim(1, -1))

    def put(self, i: int, x: Tensor) -> None:
        """Row i of each problem."""
        self.data[:, i] = self._cut(x)

    def row(self, i: int) -> Tensor:
        """``[batch, n]``."""
        return self._joined(self.data[:, i])

    def all_rows(self) -> Tensor:
        """``[batch, rows, n]``."""
        split = self.data.unflatten(0, (self.batch, self.blocks)).transpose(1, 2)
        return split.flatten(2)[..., : self.n]

    def coefficients(self, x: Tensor, first: int, last: int) -> Tensor:
        """``v_i^H x`` of rows first to last, ``[batch, last - first]``."""
        column = self._cut(x).conj().unsqueeze(-1)
        return self._sum_of_blocks((self.data[:, first:last] @ column).squeeze(-1)).conj()

    def products(self, other: Basis, last: int) -> Tensor:
        """``v_i^H u_j`` of rows 0 to last and all rows of ``other``."""
        parts = self.data[:, :last] @ other.data.mT.conj()
        return self._sum_of_blocks(parts).conj()

    def combine(self, weights: Tensor, first: int = 0) -> Tensor:
        """``sum_i weights_i v_i`` from row ``first`` on, ``[batch, n]``."""
        rows = self.data[:, first : first + weights.shape[-1]]
        return self._joined(self._each_block(weights).unsqueeze(-2) @ rows)

    def mixed(self, weights: Tensor, first: int = 0) -> Tensor:
        """Row j: ``sum_i v_i weights_ij`` from row ``first`` on, in blocks as ``data`` is."""
        rows = self.data[:, first : first + weights.shape[-2]]
        return self._each_block(weights).mT @ rows

    def orthogonalise(self, x: Tensor, last: int) -> tuple[Tensor, Tensor]:
        """x less its parts along rows 0 to last, twice so that nothing is left; and those parts.

        The inner loop of a method, in as few calls of torch as there are sums.
        """
        rows, cut = self.data[:, :last], self._cut(x).unsqueeze(-2)
        adjoint = rows.mH
        found = None
        for _ in range(2):
            parts = self._sum_of_blocks((cut @ adjoint).squeeze(-2))
            spread = parts.unsqueeze(1).expand(-1, self.blocks, -1).reshape(len(cut), 1, last)
            cut = torch.baddbmm(cut, spread, rows, alpha=-1)
            found = parts if found is None else found + parts
        assert found is not None
        return self._joined(cut), found

    def norms(self) -> Tensor:
        """``[batch, rows]``."""
        squares = (self.data.conj() * self.data).real if self.data.is_complex() else self.data**2
        return self._sum_of_blocks(squares.sum(-1)).sqrt()
