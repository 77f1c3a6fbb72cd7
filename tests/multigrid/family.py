"""Every public function of the family on grids as one row of the test matrix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from hypothesis import strategies
from torch import Tensor

from kit.tensors import all_bits
from longtail import krylov
from longtail._grid_conv import grid_conv, grid_down, grid_up
from longtail.losses import H1Loss, SobolevLoss
from longtail.multigrid import (
    GridOperator,
    MultigridSolver,
    diffusion_solve,
    diffusion_stencil,
    full_multigrid,
    poisson_solve,
    poisson_stencil,
    prolong,
    residual,
    restrict,
    smooth,
    v_cycle,
)

WIDE = (torch.float64, torch.float32)
SIZES = (5, 7)


@dataclass(frozen=True)
class Row:
    """A function and how its tensors are made.

    Attributes:
        call: of tensors, to a tensor or several.
        kinds: of each tensor: "field" ``[batch, *sizes]``, "coefficient": positive, "centred": of
            the mean 0, or
            a function (batch, sizes, generator) -> Tensor.
        dtypes: that it takes.
        sizes: of the grid, where they are not any.
        of_torch: made of torch operations: other strides and threads may have other bits.
        compiles: whether there is one graph.
    """

    call: Callable[..., Any]
    kinds: tuple[Any, ...] = ("field",)
    dtypes: tuple[torch.dtype, ...] = WIDE
    sizes: tuple[int, ...] | None = None
    of_torch: bool = False
    compiles: bool = True

    def inputs(
        self,
        batch: int = 3,
        sizes: tuple[int, ...] = SIZES,
        dtype: torch.dtype = torch.float64,
        seed: int = 0,
    ) -> list[Tensor]:
        """The same for the same seed; each item those of its place, whatever the batch."""
        sizes = self.sizes or sizes
        g = torch.Generator().manual_seed(seed)
        result = []
        for kind in self.kinds:
            if callable(kind):
                result.append(kind(batch, sizes, g).to(dtype))
                continue
            x = torch.randn(batch, *sizes, generator=g, dtype=torch.float64)
            x = x.abs() + 0.5 if kind == "coefficient" else x
            result.append((centred(x) if kind == "centred" else x).to(dtype))
        return result


def drawn_sizes(data: strategies.DataObject) -> tuple[int, tuple[int, int]]:
    """A batch, perhaps of none, and a grid of a point or more."""

    def upto(most: int, least: int) -> int:
        return int(data.draw(strategies.integers(least, most)))

    return upto(3, 0), (upto(19, 1), upto(35, 1))


def centred(f: Tensor) -> Tensor:
    return f - f.mean((-1, -2), keepdim=True)


def _poisson(f: Tensor, **options: Any) -> Any:
    return poisson_solve(f, **options)


def _neumann(f: Tensor, **options: Any) -> Any:
    return poisson_solve(f, boundary="neumann", grid="cell", **options)


def _sides(f: Tensor, **options: Any) -> Any:
    """Values on them, unlike sides and spacings."""
    ends = [(1.0, None), (None, -2.0)]
    boundary = (("dirichlet", "neumann"), "dirichlet")
    return poisson_solve(f, (0.1, 0.3), boundary=boundary, boundary_values=ends, **options)


def _diffusion(a: Tensor, f: Tensor, **options: Any) -> Any:
    return diffusion_solve(a, f, **options)


def _flow(a: Tensor, f: Tensor, **options: Any) -> Any:
    boundary = ("periodic", ("neumann", "dirichlet"))
    return diffusion_solve(a, f, boundary=boundary, grid="vertex", **options)


def _solver(a: Tensor, f: Tensor, **options: Any) -> Any:
    return MultigridSolver(diffusion_stencil(a), **options)(f)


def _with(function: Callable[..., Tensor], a: Tensor, *values: Tensor) -> Tensor:
    return function(*values, diffusion_stencil(a.detach()))


def _coarse(e: Tensor) -> Tensor:
    return prolong(e, _operator((9, 13), e.dtype))


_OPERATORS: dict[Any, GridOperator] = {}
_SOLVERS: dict[Any, MultigridSolver] = {}


def _operator(sizes: tuple[int, ...], dtype: torch.dtype) -> GridOperator:
    """Made once: as users do, and for graphs, which take it as it is."""
    key = (tuple(sizes), dtype)
    if key not in _OPERATORS:
        _OPERATORS[key] = poisson_stencil(sizes, 1.0, dtype=dtype)
        _OPERATORS[key].hierarchy()
        _SOLVERS[key] = MultigridSolver(_OPERATORS[key])
    return _OPERATORS[key]


def _krylov(method: Callable[..., Any], b: Tensor) -> Any:
    return method(_operator(tuple(b.shape[-2:]), b.dtype), b, dims=2)


def _pcg(b: Tensor, **options: Any) -> Any:
    sizes = tuple(b.shape[-2:])
    op = _operator(sizes, b.dtype)
    return krylov.pcg(op, b, _SOLVERS[sizes, b.dtype].precondition, dims=2, **options)


def _gcrodr(b: Tensor, **options: Any) -> Any:
    return krylov.gcrodr(_operator(tuple(b.shape[-2:]), b.dtype), b, dims=2, **options)[0]


def _shape(*shape: int) -> Callable[..., Tensor]:
    return lambda batch, sizes, g: torch.randn(*shape, generator=g)


def _grids(channels: int, half: bool = False) -> Callable[..., Tensor]:
    def make(batch: int, sizes: tuple[int, ...], g: torch.Generator) -> Tensor:
        sizes = tuple((n + 1) // 2 for n in sizes) if half else sizes
        return torch.randn(batch, *sizes, channels, generator=g)

    return make


_F32 = (torch.float32,)
OF_FIELDS = ("coefficient", "field", "field")
ROWS: dict[str, Row] = {
    "poisson_solve": Row(_poisson),
    "poisson_solve, Neumann": Row(_neumann, ("centred",)),
    "poisson_solve, sides": Row(_sides),
    "poisson_solve, dst": Row(partial(_poisson, method="dst"), of_torch=True),
    "diffusion_solve": Row(_diffusion, ("coefficient", "field")),
    "diffusion_solve, flow": Row(_flow, ("coefficient", "field")),
    "MultigridSolver": Row(_solver, ("coefficient", "field")),
    "op": Row(partial(_with, lambda u, op: op(u)), ("coefficient", "field")),
    "residual": Row(partial(_with, residual), OF_FIELDS),
    "smooth": Row(partial(_with, smooth), OF_FIELDS),
    "smooth, Jacobi": Row(partial(_with, lambda u, f, op: smooth(u, f, op, "jacobi")), OF_FIELDS),
    "smooth, Chebyshev": Row(
        partial(_with, lambda u, f, op: smooth(u, f, op, "chebyshev", 2)), OF_FIELDS
    ),
    "restrict": Row(partial(_with, restrict), ("coefficient", "field"), sizes=(9, 13)),
    "prolong": Row(_coarse, sizes=(4, 6)),
    "v_cycle": Row(partial(_with, v_cycle), OF_FIELDS),
    "full_multigrid": Row(partial(_with, full_multigrid), ("coefficient", "field")),
    "cg": Row(partial(_krylov, krylov.cg), compiles=False),
    "pcg": Row(_pcg, compiles=False),
    "minres": Row(partial(_krylov, krylov.minres), compiles=False),
    "gcrodr": Row(_gcrodr, compiles=False, of_torch=True),
    "SobolevLoss": Row(SobolevLoss(reduction="none"), ("field", "field"), of_torch=True),
    "H1Loss": Row(H1Loss(reduction="none"), ("field", "field"), of_torch=True),
    "grid_conv": Row(
        lambda *t: grid_conv(*t, False)[0],
        (_grids(3), _shape(4, 3, 3, 3), _grids(4), _shape(4)),
        _F32,
    ),
    "grid_down": Row(lambda *t: grid_down(*t)[0], (_grids(3), _shape(4, 3, 4, 4)), _F32),
    "grid_up": Row(
        lambda x, w, add, bias: grid_up(x, w, add, bias, add.shape[1], add.shape[2]),
        (_grids(4, half=True), _shape(4, 3, 4, 4), _grids(3), _shape(3)),
        _F32,
    ),
}
#: Without those that are another with other arguments.
MAIN = [
    name for name in ROWS if name not in ("smooth, Jacobi", "smooth, Chebyshev", "cg", "minres")
]
#: Of a batch of problems, each with a residual.
SOLVERS = [
    name for name in ROWS if "solve" in name.lower() or name in ("cg", "pcg", "minres", "gcrodr")
]


def of_batches(row: Row, counts: tuple[int, ...], dtype: torch.dtype) -> Iterator[list[Tensor]]:
    """Calls with other batches; weights are the same."""
    shared = row.inputs(dtype=dtype)
    for count in counts:
        made = row.inputs(count, dtype=dtype, seed=count)
        yield [
            each if each.shape[0] == count and mine.shape[0] == 3 else mine
            for each, mine in zip(made, shared, strict=True)
        ]


def same(row: Row, left: list[Tensor], right: list[Tensor]) -> bool:
    """To the bit, but for torch's own operations."""
    if not row.of_torch:
        return all_bits(left, right)
    for one, other in zip(left, right, strict=True):
        eps = 1e-5 if row.dtypes == (torch.float32,) or one.dtype == torch.float32 else 1e-11
        torch.testing.assert_close(one, other, rtol=eps, atol=eps, equal_nan=True)
    return True
