"""GCRO-DR: GMRES whose restarts, and whose next problems, start from a space that A knows.

Parks, de Sturler, Mackey, Johnson and Maiti, "Recycling Krylov subspaces for sequences of linear
systems", 2006. Everything is about ``K = A M`` with the preconditioner M on the right, so residuals
are those of A; U lives before M, and is worth keeping when M changes too.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from longtail._krylov_basis import Basis
from longtail._krylov_ritz import harmonic_vectors, pseudo_inverse
from longtail._krylov_system import Correction, Flaw, Method, System, Watch
from longtail._krylov_vectors import norm

#: What is left of K v after the basis is taken off, against K v, where there is nothing left.
_NOTHING = 1e-14
#: A cycle that leaves more than this of the residual has not moved; after two, nothing will.
_UNMOVED, _CYCLES = 1 - 1e-6, 2


class _Arnoldi(NamedTuple):
    """Of one cycle: G in ``K [U V] = W G``, its columns, and the steps of each problem."""

    G: Tensor
    columns: int
    steps: Tensor
    broken: Tensor


class Gcrodr(Method):
    """Keeps W = [C, V], restart + 1 vectors, and U with ``K U = C``, ``kept`` vectors.

    Args:
        system: the problems.
        restart: dimension of the space of a cycle, U included.
        kept: vectors of U.
        recycled: U of another problem, ``[batch, at most kept, n]``.
    """

    def __init__(self, system: System, restart: int, kept: int, recycled: Tensor | None) -> None:
        super().__init__(system)
        self.restart, self.kept = restart, kept
        self._given = recycled
        self._W: Basis | None = None
        self._U: Basis | None = None
        self._known = 0  # rows of W that are C now

    def correct(self, r: Tensor, target: Tensor, watch: Watch) -> Correction:
        """Cycles until each problem with a residual above ``target`` is there, or failed."""
        size = norm(r)
        active = size > target
        iterations = torch.zeros_like(active, dtype=torch.int64)
        flaw, unmoved = torch.zeros_like(iterations), torch.zeros_like(iterations)
        x = torch.zeros_like(r)
        if self._W is None:
            self._W, self._U = Basis(r, self.restart + 1), Basis(r, self.kept)
            iterations = iterations + self._renew(self._W, self._U, watch) * active
        assert self._U is not None
        while watch.go_on(active, look=True):
            x, r, arnoldi = self._cycle(self._W, self._U, x, r, target, active, watch)
            iterations = iterations + arnoldi.steps
            before, size = size, norm(r)
            unmoved = torch.where(size > _UNMOVED * before, unmoved + 1, 0)
            stuck = arnoldi.broken | (unmoved >= _CYCLES)
            active = active & (size > target)
            flaw = torch.where(active & stuck, int(Flaw.BREAKDOWN), flaw)
            active = active & ~stuck
        return Correction(x, iterations, flaw)

    def recycled(self) -> Tensor | None:
        """U, unless no cycle was needed."""
        return self._given if self._U is None else self._U.all_rows()

    def _product(self, v: Tensor) -> Tensor:
        return self.system.product(self.system.rounded(self.system.precondition(v)))

    def _renew(self, W: Basis, U: Basis, watch: Watch) -> int:
        """C = K U for this A, made orthonormal, and U with it; how many products that took."""
        if self._given is None:
            return 0
        used = self._given.abs().amax((0, 2)).nonzero().flatten().tolist()
        R = torch.eye(len(used), dtype=self._given.dtype, device=self._given.device)
        R = R.repeat(W.batch, 1, 1)
        for i, row in enumerate(used):
            u = self.system.rounded(self._given[:, row])
            image = self._product(u)
            rest, parts = W.orthogonalise(image, i)
            length = norm(rest)
            keep = length > _NOTHING**0.5 * norm(image)  # else known already
            R[:, :i, i] = torch.where(keep, parts, 0.0)
            R[:, i, i] = torch.where(keep, length, 1.0).squeeze(-1)
            W.put(i, torch.where(keep, rest / length, 0.0))
            U.put(i, torch.where(keep, u, 0.0))
            watch.step(length)
        inverse = torch.linalg.solve_triangular(R, torch.eye(len(used)).to(R), upper=True)
        U.data[:, : len(used)] = U.mixed(inverse)
        self._known = self.kept if used else 0
        return len(used)

    def _cycle(
        self,
        W: Basis,
        U: Basis,
        x: Tensor,
        r: Tensor,
        target: Tensor,
        active: Tensor,
        watch: Watch,
    ) -> tuple[Tensor, Tensor, _Arnoldi]:
        """x and r after one cycle; problems that are done stay as they are."""
        known = self._known
        start = torch.zeros_like(r)
        if known:
            parts = torch.where(active, W.coefficients(r, 0, known), 0.0)
            start, r = U.combine(parts), r - W.combine(parts)
        beta = norm(r)
        W.put(known, self.system.rounded(torch.where(active & (beta > 0), r / beta, 0.0)))
        lengths = U.norms()[:, :known]
        scale = torch.where(lengths > 0, 1 / lengths, 0.0)  # unit columns for a good condition
        arnoldi = self._arnoldi(W, scale, beta, target, active, watch)
        G, columns = arnoldi.G, arnoldi.columns

        right = torch.zeros_like(G[..., 0])
        right[:, known] = torch.where(active, beta, 0.0).squeeze(-1)
        inverse = pseudo_inverse(G)
        y = (inverse.to(G.device) @ right.unsqueeze(-1)).squeeze(-1)
        step = start + U.combine(y[:, :known] * scale) + W.combine(y[:, known:], known)
        x = x + self.system.precondition(self.system.rounded(step))
        r = r - W.combine((G @ y.unsqueeze(-1)).squeeze(-1))
        if columns and self.kept:
            self._learn(W, U, scale, arnoldi, inverse, active)
        return x, r, arnoldi

    def _arnoldi(
        self, W: Basis, scale: Tensor, beta: Tensor, target: Tensor, active: Tensor, watch: Watch
    ) -> _Arnoldi:
        """Grows V by products with K until the cycle is full or all problems have ended.

        The residual of the least-squares problem needs no solve: it is ``beta / ||c||``, c the
        row with ``c H = 0`` and ``c_0 = 1``, which grows by one number a step.
        """
        known = self._known
        G = scale.new_zeros((len(scale), self.restart + 1, self.restart), dtype=W.data.dtype)
        G[:, range(known), range(known)] = scale.to(G.dtype)
        c = G.new_zeros(len(G), self.restart + 1)
        c[:, known] = 1
        steps = torch.zeros_like(active, dtype=torch.int64)
        ended, broken = ~active, torch.zeros_like(active)
        squares = torch.ones_like(beta)
        column = known
        while column < self.restart and watch.go_on(~ended, look=column == known):
            image = self._product(W.row(column))
            w, parts = W.orthogonalise(image, column + 1)
            length, least = norm(w), _NOTHING * norm(image)
            steps += ~ended
            bad, lucky = ~ended & ~length.isfinite(), length <= least
            # On the CPU, where a look is free: all problems move, as nearly always.
            plain = not w.is_cuda and not bool((ended | bad | lucky).any())
            if not plain:
                broken = broken | bad
                moves = ~ended & ~bad
                parts, length = torch.where(moves, parts, 0.0), torch.where(moves, length, 0.0)
                lucky = length <= least
            following = (c[:, : column + 1] * parts).sum(-1, keepdim=True) / length
            squares = squares + following.abs().square()
            size = beta / squares.sqrt()
            G[:, : column + 1, column] = parts
            if plain:
                G[:, column + 1, column] = length.squeeze(-1)
                c[:, column + 1] = -following.squeeze(-1)
                ended = size <= target
            else:
                size = torch.where(lucky, 0.0, size)
                G[:, column + 1, column] = torch.where(lucky, 0.0, length).squeeze(-1)
                c[:, column + 1] = torch.where(lucky, 0.0, -following).squeeze(-1)
                ended = ended | bad | lucky | (size <= target)
                size = torch.where(moves, size, 0.0)
            v = torch.where(ended, 0.0, w / length)
            column += 1
            W.put(column, self.system.rounded(v))
            watch.step(size)
        return _Arnoldi(G[:, : column + 1, :column], column, steps, broken)

    def _learn(
        self,
        W: Basis,
        U: Basis,
        scale: Tensor,
        arnoldi: _Arnoldi,
        inverse: Tensor,
        active: Tensor,
    ) -> None:
        """The new U and C from the space of this cycle."""
        known, columns, G = self._known, arnoldi.columns, arnoldi.G
        S = torch.zeros_like(G)
        S[:, range(known, columns), range(known, columns)] = 1
        S[:, :, :known] = W.products(U, columns + 1)[:, :, :known] * scale.unsqueeze(-2)
        kept = min(self.kept, columns)
        weights, images = harmonic_vectors(G, inverse, S, kept)
        new_U = W.mixed(weights[:, known:], known)
        if known:
            new_U = new_U + U.mixed(weights[:, :known] * scale.unsqueeze(-1))
        new_C = W.mixed(images)
        moves = active.repeat_interleave(U.blocks, 0).unsqueeze(-1)
        old_C = W.data[:, :kept] if known else torch.zeros_like(new_C)
        W.data[:, :kept] = torch.where(moves, new_C, old_C)
        W.data[:, kept : self.kept] = torch.where(
            moves | (known == 0), 0.0, W.data[:, kept : self.kept]
        )
        U.data[:, :kept] = torch.where(moves, new_U, U.data[:, :kept])
        U.data[:, kept:] = torch.where(moves, 0.0, U.data[:, kept:])
        self._known = self.kept
