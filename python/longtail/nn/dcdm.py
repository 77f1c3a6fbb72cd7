"""Conjugate directions that a network proposes (DeepConjugateDirection)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from longtail.nn._grid_arguments import positive_int

__all__ = ["DeepConjugateDirection"]

Operator = Callable[[Tensor], Tensor]


class DirectionResult(NamedTuple):
    """What a solve gives.

    Attributes:
        solution: ``[N, *grid]``.
        iterations: ``[N]``, after which each system was as wanted.
        residual: ``[N]``, ``|b - A x| / |b|`` in float64, computed anew of what is returned.
        converged: ``[N]``, whether that is at most ``tol``.
    """

    solution: Tensor
    iterations: Tensor
    residual: Tensor
    converged: Tensor


class DeepConjugateDirection(nn.Module):
    """Solves ``A x = b``, A symmetric and positive definite, along directions of a network.

    Each iteration: ``d = network(r / |r|)``; ``d -= (d . A d_i) / (d_i . A d_i) d_i`` for the last
    ``history`` directions; ``x += alpha d`` and ``r -= alpha A d`` with
    ``alpha = (r . d) / (d . A d)``, which minimises the error in the norm of A along d, so
    that the error never grows, whatever the network proposes. A direction without length, or one
    along which A is not positive, is left out.

    The network sees ``[N, 1, *grid]`` and gives as much; each system of the batch has its own
    inner products. The untouched residual as direction (``network=nn.Identity()``) is the method
    of conjugate gradients.

    Nothing is claimed against multigrid: a classical V-cycle as preconditioner needs fewer
    iterations of less work where the equation is known; see the page of this family.

    Source: Kaneda et al., "A Deep Conjugate Direction Method for Iteratively Solving Linear
    Systems", 2023.

    Args:
        network: proposes directions.
        history: how many directions back a new one is made conjugate to.
    """

    def __init__(self, network: nn.Module, history: int = 2) -> None:
        super().__init__()
        if not isinstance(network, nn.Module):
            raise TypeError(
                "DeepConjugateDirection: network must be a torch.nn.Module, got "
                f"{type(network).__name__}"
            )
        self.network = network
        self.history = positive_int("DeepConjugateDirection", "history", history, least=0)

    def direction(self, r: Tensor) -> Tensor:
        """The network's proposal for residuals ``[N, *grid]`` of any length."""
        size = _norm(r)
        proposed = self.network((r / torch.where(size > 0, size, 1)).unsqueeze(1))
        if not isinstance(proposed, Tensor) or proposed.shape != (r.shape[0], 1, *r.shape[1:]):
            got = list(proposed.shape) if isinstance(proposed, Tensor) else type(proposed).__name__
            raise ValueError(
                f"DeepConjugateDirection: the network gave {got}, expected "
                f"{[r.shape[0], 1, *r.shape[1:]]}"
            )
        return proposed.squeeze(1).to(r.dtype)

    def loss(self, A: Operator, r: Tensor) -> Tensor:
        """To train the network: the mean over the batch of ``|r - alpha A d|^2 / |r|^2`` with the
        direction d for r and its best length for that, 0 to 1."""
        _check("r", r)
        d = self.direction(r)
        Ad = A(d)
        left = _dot(r, Ad).square() / (_dot(Ad, Ad) * _dot(r, r)).clamp_min(_tiny(r))
        return (1 - left).mean()

    def forward(
        self,
        A: Operator,
        b: Tensor,
        *,
        initial: Tensor | None = None,
        tol: float | None = None,
        max_iterations: int = 100,
    ) -> DirectionResult:
        """Solve for ``b [N, *grid]``.

        Args:
            A: maps ``[N, *grid]`` to the same, each system by itself.
            b: right-hand sides.
            initial: where to start; None: at 0.
            tol: of ``|b - A x| / |b|``; None: 1e-8 in float64, 1e-4 otherwise.
            max_iterations: at most so many.
        """
        name = "DeepConjugateDirection"
        if not callable(A):
            raise TypeError(f"{name}: A must be callable, got {type(A).__name__}")
        _check("b", b)
        if initial is not None and (initial.shape != b.shape or initial.dtype != b.dtype):
            raise ValueError(
                f"{name}: initial is {initial.dtype} {list(initial.shape)}, expected {b.dtype} "
                f"{list(b.shape)}"
            )
        if tol is None:
            tol = 1e-8 if b.dtype == torch.float64 else 1e-4
        if not tol >= 0:
            raise ValueError(f"{name}: tol is {tol!r}, expected a number from 0 on")
        positive_int(name, "max_iterations", max_iterations, least=0)
        x = torch.zeros_like(b) if initial is None else initial
        r = b if initial is None else b - A(x)
        wanted = tol * _norm(b)
        iterations = torch.zeros(b.shape[0], dtype=torch.int64, device=b.device)
        before: list[tuple[Tensor, Tensor, Tensor]] = []
        for _ in range(max_iterations):
            going = _norm(r) > wanted
            if not bool(going.any()):
                break
            d = self.direction(r)
            for old, A_old, energy in before:
                d = d - _ratio(_dot(d, A_old), energy) * old
            Ad = A(d)
            energy = _dot(d, Ad)
            alpha = torch.where(going, _ratio(_dot(r, d), energy), 0)
            x, r = x + alpha * d, r - alpha * Ad
            iterations += going.flatten()
            before = [*before, (d, Ad, energy)][-self.history :] if self.history else []
        wide = (b - A(x)).double()
        residual = (_norm(wide) / torch.where(_norm(b) > 0, _norm(b), 1).double()).flatten()
        return DirectionResult(x, iterations, residual, residual <= tol)

    def extra_repr(self) -> str:
        """As printed."""
        return f"history={self.history}"


def _check(argument: str, b: Any) -> None:
    if not isinstance(b, Tensor):
        raise TypeError(
            f"DeepConjugateDirection: {argument} must be a Tensor, got {type(b).__name__}"
        )
    if b.dtype not in (torch.float32, torch.float64):
        raise TypeError(
            f"DeepConjugateDirection: {argument} has dtype {b.dtype}, expected float32 or float64"
        )
    if b.dim() < 2:
        raise ValueError(
            f"DeepConjugateDirection: {argument} has shape {list(b.shape)}, expected [N, *grid]"
        )


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """For each system, with as many dimensions as it has."""
    return (a * b).flatten(1).sum(1).view(-1, *(1 for _ in a.shape[1:]))


def _norm(a: Tensor) -> Tensor:
    return torch.linalg.vector_norm(a.flatten(1), dim=1).view(-1, *(1 for _ in a.shape[1:]))


def _ratio(a: Tensor, energy: Tensor) -> Tensor:
    """a / energy, 0 where a direction has none."""
    positive = energy > 0
    return torch.where(positive, a / torch.where(positive, energy, 1), 0)


def _tiny(like: Tensor) -> float:
    return float(torch.finfo(like.dtype).tiny)
