"""What the group rational answers to wrong arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

import longtail
from kit import BadInput, Raises
from kit.bad_input import check, parametrize

X, A, B = torch.ones(3, 8), torch.ones(2, 6), torch.ones(4, 4)


def _case(label: str, call: Callable[[], Any], error: type[Exception], *words: str) -> BadInput:
    return BadInput(f"rational({label})", call, Raises(error, "rational", *words))


def _rational(**changes: Any) -> Callable[[], Any]:
    arguments = {"x": X, "numerator": A, "denominator": B} | changes
    return lambda: longtail.rational(**arguments)


_SHAPE, _TYPE = ValueError, TypeError
CASES = [
    *(
        _case(f"{name}={bad!r}", _rational(**{name: bad}), _TYPE, name, type(bad).__name__)
        for name in ("x", "numerator", "denominator")
        for bad in (None, 1.0, "x", [1.0])
    ),
    *(
        _case(f"{name}: {dtype}", _rational(**{name: of.to(dtype)}), _TYPE, name, str(dtype))
        for name, of in (("x", X), ("numerator", A), ("denominator", B))
        for dtype in (torch.int64, torch.bool, torch.complex64)
    ),
    _case("numerator: float64", _rational(numerator=A.double()), _TYPE, "numerator", "float64"),
    _case("denominator: half", _rational(denominator=B.half()), _TYPE, "denominator", "float16"),
    _case("x: []", _rational(x=torch.tensor(1.0)), _SHAPE, "channel_dim", "[]"),
    _case("numerator: [6]", _rational(numerator=A[0]), _SHAPE, "numerator", "[6]", "8 channels"),
    _case("numerator: [3, 6]", _rational(numerator=torch.ones(3, 6)), _SHAPE, "[3, 6]", "divisor"),
    _case("numerator: [2, 9]", _rational(numerator=torch.ones(2, 9)), _SHAPE, "[2, 9]", "1 to 8"),
    _case("numerator: [2, 0]", _rational(numerator=torch.ones(2, 0)), _SHAPE, "[2, 0]"),
    _case("numerator: [0, 6]", _rational(numerator=torch.ones(0, 6)), _SHAPE, "[0, 6]"),
    _case("denominator: [4]", _rational(denominator=B[0]), _SHAPE, "denominator", "[4]"),
    _case("denominator: [5, 4]", _rational(denominator=torch.ones(5, 4)), _SHAPE, "[5, 4]"),
    _case("denominator: [4, 7]", _rational(denominator=torch.ones(4, 7)), _SHAPE, "1 to 6"),
    _case("version='C'", _rational(version="C"), _SHAPE, "version", "'C'", "'A' or 'B'"),
    _case("version=0", _rational(version=0), _SHAPE, "version", "0"),
    _case("channel_dim=2", _rational(channel_dim=2), _SHAPE, "channel_dim", "2", "[3, 8]"),
    _case("channel_dim=-3", _rational(channel_dim=-3), _SHAPE, "channel_dim", "-3"),
    _case("channel_dim='last'", _rational(channel_dim="last"), _SHAPE, "channel_dim", "last"),
    _case("channel_dim=0", _rational(channel_dim=0), _SHAPE, "numerator", "3 channels"),
    _case("numerator on meta", _rational(numerator=A.to("meta")), _SHAPE, "numerator", "meta"),
    _case("out=list", _rational(out=[0.0]), _TYPE, "out", "list"),
    _case("out: float64", _rational(out=X.double()), _TYPE, "out", "float64", "float32"),
    _case("out: [8, 3]", _rational(out=X.t()), _SHAPE, "out", "[8, 3]", "[3, 8]"),
    _case("out: meta", _rational(out=X.to("meta")), _SHAPE, "out", "meta"),
    _case("out: expanded", _rational(out=torch.ones(8).expand(3, 8)), _SHAPE, "out", "memory"),
    _case(
        "out with gradient",
        _rational(out=X.clone().requires_grad_()),
        RuntimeError,
        "differentiation",
    ),
    _case("unknown=1", _rational(unknown=1), _TYPE, "unknown"),
    _case(
        "raw op, version 2",
        lambda: torch.ops.longtail.rational(X, A, B, 2, -1),
        ValueError,
        "version",
        "2",
    ),
    _case(
        "raw op, grad of another shape",
        lambda: torch.ops.longtail.rational_backward(X[:1], X, A, B, 0, -1),
        ValueError,
        "grad",
        "[1, 8]",
    ),
]


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    check(case)


def test_nan_stays_where_it_is() -> None:
    """In an element of its own, and in the coefficient gradients of its group only."""
    x = torch.ones(2, 8)
    x[1, 5] = float("nan")
    a, b = A.clone().requires_grad_(), B.clone().requires_grad_()
    y = longtail.rational(x, a, b)
    assert y.isnan().nonzero().tolist() == [[1, 5]]
    da, db = torch.autograd.grad(y.sum(), (a, b))
    assert da.isnan().all(1).tolist() == [False, True]
    assert db.isnan().all(1).tolist() == [False, False, True, False]
