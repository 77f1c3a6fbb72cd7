"""What cg, pcg, minres and gcrodr answer to wrong arguments."""

from __future__ import annotations

from collections.abc import Callable

import torch

from kit import BadInput
from kit.bad_input import cases_of, check, parametrize
from longtail import krylov
from multigrid.krylov_problems import definite, randn

A, B = definite(6), randn(2, 6)


def recycle(*shape: int, dtype: torch.dtype = torch.float64, dims: int = 1) -> krylov.Recycle:
    return krylov.Recycle(randn(*shape, dtype=dtype), dims)


def common(case: Callable[..., BadInput]) -> list[BadInput]:
    """What all four check."""
    return [
        case("b=None", TypeError, "b", "NoneType", b=None),
        case("b: int64", TypeError, "b", "int64", "complex128", b=B.long()),
        case("b: float16", TypeError, "b", "float16", b=B.half()),
        case("b: sparse", TypeError, "b", "layout", b=B.to_sparse_csr()),
        case("b on meta", NotImplementedError, "b", "meta", b=B.to("meta")),
        case("b: []", ValueError, "dims", "1 to 0", b=torch.ones(())),
        case("dims=3", ValueError, "dims", "got 3", "1 to 2", dims=3),
        case("dims=0", ValueError, "dims", "got 0", dims=0),
        case("dims=1.0", TypeError, "dims", "float", dims=1.0),
        case("A=None", TypeError, "A", "NoneType", "callable", A=None),
        case("A: [6, 5]", ValueError, "A", "[6, 5]", "[6, 6]", A=A[:, :5]),
        case("A: [6]", ValueError, "A", "[6]", "[6, 6]", A=A[0]),
        case("A: 3 in a batch", ValueError, "A", "[3, 6, 6]", "[2]", A=A.expand(3, 6, 6)),
        case("A: float32", TypeError, "A", "float32", "float64", A=A.float()),
        case("A: complex", TypeError, "A", "complex128", A=A.to(torch.complex128)),
        case("layout of A", NotImplementedError, "A", "to_sparse_csr", A=A.to_sparse_coo()),
        case("A on meta", ValueError, "A", "meta", A=A.to("meta")),
        case("A returns a number", TypeError, "A", "float", A=lambda x: 1.0),
        case("A sums", ValueError, "A", "[2]", "[2, 6]", A=lambda x: x.sum(-1)),
        case("A makes it complex", TypeError, "A", "complex", A=lambda x: x * 1j),
        case("params of a tensor", ValueError, "A", "params", params=(A,)),
        case("params=tensor", TypeError, "params", "Tensor", A=lambda x, p: x, params=A),
        case("params of floats", TypeError, "params", "float", A=lambda x, p: x, params=(1.0,)),
        case("tol=0", ValueError, "tol", "0", "between", tol=0),
        case("tol=nan", ValueError, "tol", "nan", tol=float("nan")),
        case("tol='x'", TypeError, "tol", "str", tol="x"),
        case("max_iterations=0", ValueError, "max_iterations", "0", max_iterations=0),
        case("max_iterations=1.5", TypeError, "max_iterations", "float", max_iterations=1.5),
        case("on_fail='ignore'", ValueError, "on_fail", "'ignore'", "warn", on_fail="ignore"),
        case("progress=1", TypeError, "progress", "int", progress=1),
        case("initial: [6]", ValueError, "initial", "[6]", "[2, 6]", initial=B[0]),
        case("initial: complex", TypeError, "initial", "complex", initial=B * 1j),
        case("initial=0", TypeError, "initial", "int", initial=0),
    ]


def preconditioned(case: Callable[..., BadInput]) -> list[BadInput]:
    """What those with a preconditioner check."""
    return [
        case("M: [5, 5]", ValueError, "preconditioner", "[5, 5]", preconditioner=A[:5, :5]),
        case("M: int64", TypeError, "preconditioner", "int64", preconditioner=A.long()),
        case("M='ilu'", TypeError, "preconditioner", "str", preconditioner="ilu"),
        case("M sums", ValueError, "preconditioner", "[2]", preconditioner=lambda x: x.sum(-1)),
    ]


_cg = cases_of(krylov.cg, A=A, b=B)
_pcg = cases_of(krylov.pcg, A=A, b=B, preconditioner=A)
_minres = cases_of(krylov.minres, A=A, b=B)
_gcrodr = cases_of(krylov.gcrodr, A=A, b=B)
CASES = [
    *(case for each in (_cg, _pcg, _minres, _gcrodr) for case in common(each)),
    *(case for each in (_pcg, _minres, _gcrodr) for case in preconditioned(each)),
    _pcg("M=None", TypeError, "preconditioner", "None", "cg", preconditioner=None),
    _gcrodr("restart=0", ValueError, "restart", "0", restart=0),
    _gcrodr("restart=2.0", TypeError, "restart", "float", restart=2.0),
    _gcrodr("recycle_size=30", ValueError, "recycle_size", "30", recycle_size=30),
    _gcrodr("recycle_size=-1", ValueError, "recycle_size", "-1", recycle_size=-1),
    _gcrodr("adjoint of a tensor", ValueError, "A", "adjoint", adjoint=lambda x: x),
    _gcrodr("adjoint=1", TypeError, "adjoint", "int", A=lambda x: x, adjoint=1),
    _gcrodr(
        "adjoint of no M",
        ValueError,
        "preconditioner_adjoint",
        preconditioner_adjoint=lambda x: x,
    ),
    _gcrodr("recycle=tensor", TypeError, "recycle", "Tensor", recycle=B),
    _gcrodr("recycle: 7", ValueError, "recycle", "[2, 3, 7]", "[6]", recycle=recycle(2, 3, 7)),
    _gcrodr("recycle: batch 4", ValueError, "recycle", "[2]", recycle=recycle(4, 3, 6)),
    _gcrodr("recycle: dims", ValueError, "recycle", recycle=recycle(2, 3, 1, 6, dims=2)),
    _gcrodr(
        "recycle: complex",
        TypeError,
        "recycle",
        "complex128",
        "float64",
        recycle=recycle(2, 3, 6, dtype=torch.complex128),
    ),
]


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    """A sentence that names the argument, what it got and what it needs."""
    check(case)
