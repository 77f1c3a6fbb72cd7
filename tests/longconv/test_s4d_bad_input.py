"""What s4d_kernel, s4d and s4d_step answer to wrong arguments."""

from __future__ import annotations

from collections.abc import Callable

import torch

import longtail
from kit import BadInput
from kit.bad_input import cases_of, check, parametrize

DT, A = torch.ones(3), torch.ones(3, 4, dtype=torch.complex64)
U, STATE = torch.ones(2, 3, 5), torch.ones(2, 3, 4, dtype=torch.complex64)
SYSTEM = {"dt": DT, "A": A, "B": A, "C": A}


_kernel = cases_of(longtail.s4d_kernel, **SYSTEM | {"L": 7})
_s4d = cases_of(longtail.s4d, **SYSTEM | {"u": U, "D": DT})
_step = cases_of(longtail.s4d_step, **SYSTEM | {"u_t": U[..., 0], "state": STATE, "D": DT})


def common(case: Callable[..., BadInput]) -> list[BadInput]:
    """What all three check."""
    return [
        *(
            case(f"{name}={bad!r}", TypeError, name, type(bad).__name__, **{name: bad})
            for name in ("dt", "A", "B", "C")
            for bad in (None, 1.0)
        ),
        case("A: float32", TypeError, "A", "float32", "complex64", A=A.real),
        case("B: complex128", TypeError, "B", "complex128", B=A.to(torch.complex128)),
        case("C: float32", TypeError, "C", "float32", "complex64", C=A.real),
        case("dt: float64", TypeError, "dt", "float64", "float32", dt=DT.double()),
        case("A: [4]", ValueError, "A", "[4]", "[H, S]", A=A[0]),
        case("dt: [2]", ValueError, "dt", "[2]", "[3]", dt=DT[:2]),
        case("dt: [3, 1]", ValueError, "dt", "[3, 1]", "[3]", dt=DT[:, None]),
        case("B: [3, 1]", ValueError, "B", "[3, 1]", "[3, 4]", B=A[:, :1]),
        case("C: [2, 4]", ValueError, "C", "[2, 4]", "[C, H, S]", C=A[:2]),
        case("C: [1, 1, 3, 4]", ValueError, "C", "[1, 1, 3, 4]", C=A[None, None]),
        case("B on meta", ValueError, "B", "meta", B=A.to("meta")),
        case("'foh'", ValueError, "discretization", "'foh'", "zoh", discretization="foh"),
        case("None", TypeError, "discretization", "NoneType", discretization=None),
    ]


KERNEL = [
    *common(_kernel),
    _kernel("L=-1", ValueError, "L", "-1", L=-1),
    _kernel("L=1.0", TypeError, "L", "float", L=1.0),
    _kernel("L=True", TypeError, "L", "bool", L=True),
]
S4D = [
    *common(_s4d),
    _s4d("u=None", TypeError, "u", "NoneType", u=None),
    _s4d("u: int64", TypeError, "u", "int64", u=U.long()),
    _s4d("u: complex64", TypeError, "u", "complex64", u=U.to(torch.complex64)),
    _s4d("u: float64", TypeError, "A", "complex64", "complex128", u=U.double()),
    _s4d("u: [3]", ValueError, "u", "[3]", "[..., H, L]", u=DT),
    _s4d("u: 2 heads", ValueError, "u", "[2, 2, 5]", "3 heads", u=U[:, :2]),
    _s4d("u on meta", ValueError, "u", "meta", u=U.to("meta")),
    _s4d("D: float64", TypeError, "D", "float64", D=DT.double()),
    _s4d("D: [2, 3] beside one C", ValueError, "D", "[2, 3]", "[3]", D=DT.expand(2, 3)),
    _s4d("D=2.0", TypeError, "D", "float", D=2.0),
    _s4d("mode='fft'", ValueError, "mode", "'fft'", "recurrent", mode="fft"),
    _s4d("mode=None", TypeError, "mode", "NoneType", mode=None),
    _s4d("state: float32", TypeError, "initial_state", "float32", initial_state=STATE.real),
    _s4d("state: [3, 4]", ValueError, "initial_state", "[2, 3, 4]", initial_state=STATE[0]),
    _s4d("state=0", TypeError, "initial_state", "int", initial_state=0),
    _s4d("state on meta", ValueError, "initial_state", "meta", initial_state=STATE.to("meta")),
]
STEP = [
    *common(_step),
    _step("u_t: int64", TypeError, "u", "int64", u_t=U[..., 0].long()),
    _step("u_t: 2 heads", ValueError, "u", "[2, 2]", "3 heads", u_t=U[:, :2, 0]),
    _step("u_t: []", ValueError, "u", "[]", "[..., H]", u_t=torch.ones(())),
    _step("state: 1 row", ValueError, "state", "[1, 3, 4]", "[2, 3, 4]", state=STATE[:1]),
    _step("state=None", TypeError, "state", "NoneType", state=None),
    _step("D: [2]", ValueError, "D", "[2]", "[3]", D=DT[:2]),
]


@parametrize([*KERNEL, *S4D, *STEP])
def test_bad_input(case: BadInput) -> None:
    """A sentence that names the argument, what it got and what it needs."""
    check(case)
