"""What short_conv and short_conv_step answer to wrong arguments."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import longtail
from kit import BadInput, Raises
from kit.bad_input import cases_of, check, parametrize

U, W, BIAS, STATE = torch.ones(2, 3, 9), torch.ones(3, 4), torch.ones(3), torch.ones(2, 3, 3)


_conv = cases_of(longtail.short_conv, u=U, w=W)
_step = cases_of(longtail.short_conv_step, u_t=U[..., 0], state=STATE, w=W)


def _raw(label: str, *words: str, **changes: Any) -> BadInput:
    none = torch.empty(0)
    given = {"u": U, "w": W, "bias": none, "state": none, "silu": False} | changes
    return BadInput(
        f"raw short_conv({label})",
        lambda: torch.ops.longtail.short_conv(*given.values()),
        Raises(ValueError, "short_conv", *words),
    )


CASES = [
    *(
        _conv(f"{name}={bad!r}", TypeError, name, type(bad).__name__, **{name: bad})
        for name in ("u", "w", "bias", "initial_state")
        for bad in (1.0, "text")
    ),
    _conv("w=None", TypeError, "w", "NoneType", w=None),
    _conv("u: int64", TypeError, "u", "int64", u=U.long()),
    _conv("w: complex", TypeError, "w", "complex64", w=W.to(torch.complex64)),
    _conv("w: float64", TypeError, "w", "float64", "float32", w=W.double()),
    _conv("bias: half", TypeError, "bias", "float16", "float32", bias=BIAS.half()),
    _conv("state: half", TypeError, "initial_state", "float16", initial_state=STATE.half()),
    _conv("w on meta", ValueError, "w", "meta", w=W.to("meta")),
    _conv("bias on meta", ValueError, "bias", "meta", bias=BIAS.to("meta")),
    _conv("state on meta", ValueError, "initial_state", "meta", initial_state=STATE.to("meta")),
    _conv("u: [9]", ValueError, "u", "[9]", "[..., H, L]", u=U[0, 0]),
    _conv("w: [4]", ValueError, "w", "[4]", "[3, W]", w=W[0]),
    _conv("w: [3, 1, 4]", ValueError, "w", "[3, 1, 4]", "[3, W]", w=W.unsqueeze(1)),
    _conv("w: 2 heads", ValueError, "w", "[2, 4]", "[3, W]", w=W[:2]),
    _conv("w: no taps", ValueError, "w", "[3, 0]", "1 to 128", w=W[:, :0]),
    _conv("w: 129 taps", ValueError, "w", "[3, 129]", "1 to 128", w=torch.ones(3, 129)),
    _conv("bias: [1]", ValueError, "bias", "[1]", "[3]", bias=BIAS[:1]),
    _conv("state: 4", ValueError, "initial_state", "[2, 3, 3]", initial_state=torch.ones(2, 3, 4)),
    _conv("state: [3, 3]", ValueError, "initial_state", "[3, 3]", initial_state=STATE[0]),
    _conv("activation=gelu", ValueError, "activation", "gelu", "silu", activation="gelu"),
    _conv("activation=1", TypeError, "activation", "int", activation=1),
    _conv("return=1", TypeError, "return_final_state", "int", return_final_state=1),
    _conv("padding=1", TypeError, "padding", padding=1),
    _step("u_t=1.0", TypeError, "u_t", "float", u_t=1.0),
    _step("u_t: []", ValueError, "u_t", "[]", "[..., H]", u_t=torch.tensor(1.0)),
    _step("state=None", TypeError, "state", "NoneType", state=None),
    _step(
        "state: 4",
        ValueError,
        "step: state",
        "[2, 3, 4]",
        "[2, 3, 3]",
        state=STATE.new_ones(2, 3, 4),
    ),
    _step("u_t: int64", TypeError, "u_t has", "int64", u_t=U[..., 0].long()),
    _step("u_t: 2 heads", ValueError, "[3, 4]", "u_t has shape [2, 2]", u_t=U[:, :2, 0]),
    _step("bias: [1]", ValueError, "bias", "[1]", "[3]", bias=BIAS[:1]),
    _step("w: 2 heads", ValueError, "w", "[2, 4]", "[3, W]", w=W[:2]),
    _step("activation=relu", ValueError, "activation", "relu", activation="relu"),
    _raw("u: [3, 9]", "`u`", "[3, 9]", u=U[0]),
    _raw("w: [3, 129]", "`w`", "[3, 129]", "128", w=torch.ones(3, 129)),
    _raw("w: float64", "`w`", "float64", w=W.double()),
    _raw("bias: [3]", "`bias`", "[3]", "[3, 1]", bias=BIAS),
    _raw("state: [2, 3, 2]", "`state`", "[2, 3, 2]", "[2, 3, 3]", state=STATE[..., :2]),
]


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    check(case)


def test_raw_step() -> None:
    """It checks for itself: the public function leaves that to it."""
    step, u_t = torch.ops.longtail.short_conv_step, U[..., 0]
    for name, arguments in {
        "u": (torch.tensor(1.0), W, None, STATE),
        "w": (U, W, None, STATE),
        "bias": (u_t, W, BIAS.unsqueeze(-1), STATE),
        "state": (u_t, W, BIAS, torch.empty(0)),
    }.items():
        with pytest.raises(ValueError, match=f"short_conv_step: argument `{name}`"):
            step(*arguments, False)


def test_a_step_on_several_devices() -> None:
    """Refused, also where one of them has no numbers to compute with."""
    u_t = U[..., 0]
    for u_there, w_there, state_there in ((0, 0, 1), (0, 1, 0), (1, 0, 0)):
        tensors = [
            tensor.to("meta") if there else tensor
            for tensor, there in ((u_t, u_there), (STATE, state_there), (W, w_there))
        ]
        with pytest.raises(ValueError, match="is on"):
            longtail.short_conv_step(*tensors)


def test_raw_backward_refuses_a_gradient_of_another_shape() -> None:
    none = torch.empty(0)
    with pytest.raises(ValueError, match=r"short_conv_backward.*`grad`"):
        torch.ops.longtail.short_conv_backward(U[..., :8], U, W, none, none, False)
