"""What the functions of longtail.multigrid answer to wrong arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from kit import BadInput, Raises
from kit.bad_input import cases_of, check, parametrize
from longtail.multigrid import (
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

F, A = torch.ones(2, 6, 7, dtype=torch.float64), torch.ones(6, 7, dtype=torch.float64)
OP = poisson_stencil((6, 7), 1.0)


def field(case: Callable[..., BadInput], name: str, good: torch.Tensor) -> list[BadInput]:
    """What every field owes its caller."""
    return [
        case(f"{name}=None", TypeError, name, "NoneType", "Tensor", **{name: None}),
        case(f"{name}=list", TypeError, name, "list", **{name: [[1.0]]}),
        case(f"{name}: int64", TypeError, name, "int64", "float64", **{name: good.long()}),
        case(f"{name}: half", TypeError, name, "float16", "float32", **{name: good.half()}),
        case(f"{name}: complex", TypeError, name, "complex64", **{name: good.cfloat()}),
        case(
            *(f"{name}: sparse", NotImplementedError, name, "sparse_coo", "dense"),
            **{name: good.to_sparse()},
        ),
    ]


def box(case: Callable[..., BadInput]) -> list[BadInput]:
    """What says where the unknowns are."""
    return [
        case("spacing=0", ValueError, "spacing", "0", "positive", spacing=0.0),
        case("spacing=nan", ValueError, "spacing", "nan", spacing=float("nan")),
        case("spacing='h'", TypeError, "spacing", "'h'", spacing=("h", "h")),
        case("spacing of 1", ValueError, "spacing", "1", "axes", spacing=(1.0,)),
        case("boundary='robin'", ValueError, "boundary", "'robin'", boundary="robin"),
        case("boundary=1", TypeError, "boundary", "int", boundary=1),
        case("boundary: half periodic", ValueError, "boundary", "periodic", boundary=(
            ("periodic", "dirichlet"), "dirichlet")),
        case("boundary of four", ValueError, "boundary", "4", boundary=("neumann",) * 4),
        case("grid='edge'", ValueError, "grid", "'edge'", "'cell'", grid="edge"),
    ]  # fmt: skip


def solver(case: Callable[..., BadInput]) -> list[BadInput]:
    """What says how far to go."""
    return [
        case("tol=0", ValueError, "tol", "0", tol=0),
        case("tol='x'", TypeError, "tol", "str", tol="x"),
        case("max_iterations=0", ValueError, "max_iterations", "0", max_iterations=0),
        case("max_iterations=1.5", TypeError, "max_iterations", "float", max_iterations=1.5),
        case("on_fail='no'", ValueError, "on_fail", "'no'", "'warn'", on_fail="no"),
    ]


def solves(case: Callable[..., BadInput]) -> list[BadInput]:
    """Both functions that solve."""
    return [
        *field(case, "f", F),
        *box(case),
        *solver(case),
        case("f: []", ValueError, "f", "[]", "2 axes", f=torch.ones(())),
        case("f: no points", ValueError, "f", "[3, 0, 4]", "point", f=torch.ones(3, 0, 4)),
        case("dims=4", ValueError, "dims", "4", "2 or 3", dims=4),
        case("dims=3, spacing of 2", ValueError, "dims", "spacing", dims=3, spacing=(1.0, 1.0)),
        case("initial: shape", ValueError, "initial", "[6, 7]", "[2, 6, 7]", initial=A),
        case("initial: float32", TypeError, "initial", "float32", "float64", initial=F.float()),
        case("initial=0", TypeError, "initial", "int", initial=0),
        case("values='x'", ValueError, "boundary_values", "'x'", boundary_values="x"),
        case("values of 3 axes", ValueError, "boundary_values", "2 axes",
             boundary_values=[1, 1, 1]),
        case("values: shape", ValueError, "boundary_values", "axis 0", "[5]", "[2, 7]",
             boundary_values=[torch.ones(5), None]),
        case("values of a periodic axis", ValueError, "boundary_values", "axis 1", "periodic",
             boundary=("dirichlet", "periodic"), boundary_values=((1, 1), (1, 1))),
        case("one vertex, Neumann", ValueError, "f", "[6, 1]", "Neumann", "two",
             f=torch.ones(6, 1, dtype=torch.float64), a=torch.ones(6, 1, dtype=torch.float64),
             boundary=("dirichlet", "neumann"), grid="vertex"),
        case("no solution", ValueError, "f", "mean", "1.00e+00", boundary="neumann"),
    ]  # fmt: skip


def _poisson(**arguments: Any) -> Any:
    arguments.pop("a", None)
    return poisson_solve(**arguments)


_poisson.__name__ = "poisson_solve"
_diffusion = cases_of(diffusion_solve, a=A, f=F)
_stencil = cases_of(diffusion_stencil, a=A)
_of_sizes = cases_of(poisson_stencil, sizes=(6, 7))
_smooth = cases_of(smooth, u=F, f=F, op=OP)
_cycle = cases_of(v_cycle, u=F, f=F, op=OP)
_full = cases_of(full_multigrid, f=F, op=OP)
_residual = cases_of(residual, u=F, f=F, op=OP)
_restrict = cases_of(restrict, r=F, op=OP)
_prolong = cases_of(prolong, e=torch.ones(OP.levels[1].sizes, dtype=torch.float64), op=OP)
_solver = cases_of(MultigridSolver, op=OP)
SWEEPS = (("pre", _cycle), ("post", _cycle), ("pre", _full), ("cycles", _full), ("steps", _smooth))
CASES = [
    *solves(cases_of(_poisson, f=F)),
    *solves(_diffusion),
    cases_of(_poisson, f=F)("method='fft'", ValueError, "method", "'fft'", "'dst'", method="fft"),
    *field(_diffusion, "a", A),
    *field(_stencil, "a", A),
    *box(_stencil),
    *box(_of_sizes),
    *solver(_solver),
    *(
        case(f"a={bad}", ValueError, "a", str(bad), "positive", a=A.clone().fill_(bad))
        for bad in (0.0, -1.0)
        for case in (_diffusion, _stencil)
    ),
    _diffusion("a: float32", TypeError, "a", "float32", "float64", a=A.float()),
    _diffusion("a on meta", ValueError, "a", "meta", "cpu", a=A.to("meta")),
    _diffusion("a: [7, 6]", ValueError, "a", "[7, 6]", "6, 7", a=A.T),
    _diffusion("a: batch", ValueError, "a", "[3, 6, 7]", "[2, 6, 7]", a=A.expand(3, 6, 7)),
    _stencil("a: [7]", ValueError, "a", "[7]", "2 axes", a=A[0]),
    _stencil("a: no points", ValueError, "a", "[0, 7]", "point", a=A[:0]),
    _of_sizes("sizes=(6,)", ValueError, "sizes", "(6,)", sizes=(6,)),
    _of_sizes("sizes=(6, 0)", ValueError, "sizes", "(6, 0)", sizes=(6, 0)),
    _of_sizes("sizes of floats", ValueError, "sizes", "6.0", sizes=(6.0, 7.0)),
    _of_sizes("float16", TypeError, "dtype", "float16", dtype=torch.float16),
    *(case for each in (_smooth, _cycle, _full, _residual) for case in field(each, "f", F)),
    *field(_restrict, "r", F),
    *field(_prolong, "e", F),
    *(
        each("op=matrix", TypeError, "op", "Tensor", "GridOperator", op=A)
        for each in (_smooth, _cycle, _full, _residual, _restrict, _prolong, _solver)
    ),
    *(
        each("f: float32", TypeError, "f", "float32", "float64", f=F.float())
        for each in (_smooth, _cycle, _full, _residual)
    ),
    *(
        each("u: shape", ValueError, "u", "[2, 6, 6]", "6, 7", u=F[..., 1:])
        for each in (_smooth, _cycle, _residual)
    ),
    *(
        each("u on meta", ValueError, "u", "meta", "cpu", u=F.to("meta"))
        for each in (_smooth, _cycle, _residual)
    ),
    *(
        case
        for each in (_smooth, _cycle, _full)
        for case in (
            each("kind='sor'", ValueError, "kind", "'sor'", kind="sor"),
            each("omega=2", ValueError, "omega", "2", omega=2),
            each("omega='x'", TypeError, "omega", "str", omega="x"),
        )
    ),
    *(case(f"{name}=-1", ValueError, name, "-1", **{name: -1}) for name, case in SWEEPS),
    *(case(f"{name}=1.0", TypeError, name, "float", **{name: 1.0}) for name, case in SWEEPS),
    _restrict("the coarsest", ValueError, "op", "no coarser", op=OP.levels[-1]),
    _prolong("e: of the finer", ValueError, "e", "[2, 6, 7]", e=F),
    _solver("a coarse op", ValueError, "op", "level 1", "finest", op=OP.levels[1]),
    BadInput(
        "MultigridSolver(op)(f: float32)",
        lambda: MultigridSolver(OP)(F.float()),
        Raises(TypeError, "MultigridSolver", "f", "float32"),
    ),
    BadInput(
        "MultigridSolver(op)(initial: shape)",
        lambda: MultigridSolver(OP)(F, A),
        Raises(ValueError, "MultigridSolver", "initial", "[6, 7]"),
    ),
]  # fmt: skip


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    """A sentence that names the argument, what it got and what it needs."""
    check(case)
