"""What the family is called with where each process has a part of a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from longtail import multigrid as m
from longtail.nn import MgConv, MgNO

SIZES = (15, 18)


@dataclass(frozen=True)
class Case:
    """A function of tensors, the first ``batched`` of which have a batch in front; ``more`` are the
    shapes of the others."""

    call: Callable[..., Any]
    batched: int = 1
    more: tuple[tuple[int, ...], ...] = ()
    channels: int = 0
    batch: int = 5  # no multiple of two

    def tensors(self, batch: int) -> list[Tensor]:
        g = torch.Generator().manual_seed(5)
        shape = [batch, *([self.channels] if self.channels else []), *SIZES]
        shapes = [shape] * self.batched + [list(each) for each in self.more]
        return [0.5 + torch.rand(each, generator=g, dtype=torch.float64) for each in shapes]


def _model(make: Callable[[], torch.nn.Module], channels: int, batch: int) -> Case:
    """A module with what the call gets as its parameters, made small."""
    torch.manual_seed(1)
    module = make()
    named = dict(module.named_parameters())

    def call(x: Tensor, *parameters: Tensor) -> Any:
        given = dict(zip(named, (each.float() / 50 for each in parameters), strict=True))
        return torch.func.functional_call(module, given, (x.float(),))

    return Case(call, 1, tuple(tuple(each.shape) for each in named.values()), channels, batch)


def _centred(f: Tensor) -> Tensor:
    return f - f.mean((-2, -1), keepdim=True)


_NEUMANN = (("neumann", "dirichlet"), "neumann")
CASES: dict[str, Case] = {
    "poisson_solve": Case(lambda f: m.poisson_solve(f, tol=1e-10).solution),
    "poisson_solve, volumes": Case(
        lambda f: m.poisson_solve(f, boundary=_NEUMANN, boundary_values=0.5, tol=1e-10).solution
    ),
    "poisson_solve, singular": Case(
        lambda f: m.poisson_solve(_centred(f), boundary="periodic", tol=1e-10).solution
    ),
    "poisson_solve, dst": Case(lambda f: m.poisson_solve(f, method="dst").solution),
    "diffusion_solve": Case(lambda a, f: m.diffusion_solve(a, f, tol=1e-10).solution, 2),
    "diffusion_solve, one a": Case(
        lambda f, a: m.diffusion_solve(a, f, tol=1e-10).solution, 1, (SIZES,)
    ),
    "diffusion_solve, volumes": Case(
        lambda a, f: (
            m.diffusion_solve(
                a, f, boundary=_NEUMANN, boundary_values=0.5, grid="vertex", tol=1e-10
            ).solution
        ),
        2,
    ),
    "op": Case(lambda u: m.poisson_stencil(SIZES)(u)),
    "op of a": Case(lambda a, u: m.diffusion_stencil(a)(u), 2),
    "smooth": Case(lambda u, f: m.smooth(u, f, m.poisson_stencil(SIZES)), 2),
    "residual": Case(lambda u, f: m.residual(u, f, m.poisson_stencil(SIZES)), 2),
    "restrict": Case(lambda r: m.restrict(r, m.poisson_stencil(SIZES))),
    "coarse op": Case(
        lambda r: m.poisson_stencil(SIZES).levels[1](m.restrict(r, m.poisson_stencil(SIZES)))
    ),
    "prolong": Case(
        lambda e: m.prolong(m.restrict(e, m.poisson_stencil(SIZES)), m.poisson_stencil(SIZES))
    ),
    "v_cycle": Case(lambda f: m.v_cycle(None, f, m.poisson_stencil(SIZES))),
    "full_multigrid": Case(lambda f: m.full_multigrid(f, m.poisson_stencil(SIZES))),
    "MultigridSolver": Case(
        lambda f: m.MultigridSolver(m.poisson_stencil(SIZES), tol=1e-10)(f).solution
    ),
    "MultigridSolver of a": Case(
        lambda a, f: m.MultigridSolver(m.diffusion_stencil(a), tol=1e-10)(f).solution, 2
    ),
    "precondition": Case(lambda r: m.MultigridSolver(m.poisson_stencil(SIZES)).precondition(r)),
    "MgConv": _model(lambda: MgConv(3, 5, ((1, 0), (1, 1), (1, 0))), 3, 5),
    # (DTensor flattens no uneven shards, which a linear layer needs.)
    "MgNO": _model(lambda: MgNO(2, 1, channels=4, layers=2, steps=((1, 0), (1, 0))), 2, 4),
}
