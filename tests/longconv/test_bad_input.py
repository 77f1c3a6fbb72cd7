"""What long_conv answers to wrong arguments."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import longtail
from kit import BadInput, Raises
from kit.bad_input import cases_of, check, parametrize

U, K, SKIP = torch.ones(2, 3, 9), torch.ones(3, 4), torch.ones(3)
STATE = torch.ones(2, 3, 3)


_conv = cases_of(longtail.long_conv, u=U, k=K)
_kernel = cases_of(longtail.LongKernel)


def _raw(label: str, *words: str, **changes: Any) -> BadInput:
    none = torch.empty(0)
    names = ("u", "k", "k_rev", "skip", "gate_in", "gate_out", "state")
    given = dict.fromkeys(names, none) | {"u": U, "k": K.unsqueeze(0)} | changes
    return BadInput(
        f"raw long_conv({label})",
        lambda: torch.ops.longtail.long_conv(*given.values()),
        Raises(ValueError, "long_conv", *words),
    )


CASES = [
    *(
        _conv(f"{name}={bad!r}", TypeError, name, type(bad).__name__, **{name: bad})
        for name in ("u", "k", "skip", "k_rev", "gate_in", "gate_out", "initial_state")
        for bad in (1.0, "text")
    ),
    _conv("k=None", TypeError, "k", "NoneType", k=None),
    _conv("u: int64", TypeError, "u", "int64", u=U.long()),
    _conv("u: complex", TypeError, "u", "complex64", u=U.to(torch.complex64)),
    _conv("k: float64", TypeError, "k", "float64", "float32", k=K.double()),
    _conv("skip: half", TypeError, "skip", "float16", "float32", skip=SKIP.half()),
    _conv("k_rev: float64", TypeError, "k_rev", "float64", k_rev=K.double()),
    _conv("gate_in: half", TypeError, "gate_in", "float16", gate_in=U.half()),
    _conv("state: half", TypeError, "initial_state", "float16", initial_state=STATE.half()),
    _conv("causal=1", TypeError, "causal", "int", causal=1),
    _conv("k on meta", ValueError, "k", "meta", k=K.to("meta")),
    _conv("gate on meta", ValueError, "gate_out", "meta", gate_out=U.to("meta")),
    _conv("u: [9]", ValueError, "u", "[9]", "[..., H, L]", u=U[0, 0]),
    _conv("k: [4]", ValueError, "k", "[4]", "[H, K]", k=K[0]),
    _conv("k: no taps", ValueError, "k", "[3, 0]", "K > 0", k=K[:, :0]),
    _conv("k: 2 heads", ValueError, "k", "[2, 4]", "3 heads", k=K[:2]),
    _conv("k_rev: 2 heads", ValueError, "k_rev", "[2, 4]", "[3]", k_rev=K[:2]),
    _conv("skip: [4]", ValueError, "skip", "[4]", "[3]", skip=torch.ones(4)),
    _conv("gate_in: [9, 3]", ValueError, "gate_in", "[9, 3]", "[2, 3, 9]", gate_in=U[0].T),
    _conv("gate_out: [8]", ValueError, "gate_out", "[8]", gate_out=torch.ones(8)),
    _conv("state: 4 numbers", ValueError, "initial_state", "[2, 3, 3]", initial_state=U[..., :4]),
    _conv(
        *("state, not causal", NotImplementedError, "initial_state", "causal"),
        causal=False,
        initial_state=STATE,
    ),
    _conv(
        *("final state, k_rev", NotImplementedError, "return_final_state", "k_rev"),
        k_rev=K,
        return_final_state=True,
    ),
    _kernel("1.0", TypeError, "k", "float", k=1.0),
    _kernel("[4]", ValueError, "k", "[4]", k=K[0]),
    _raw("u: [3, 9]", "u", "[3, 9]", u=U[0]),
    _raw("k: [3, 4]", "k", "[3, 4]", k=K),
    _raw("k: float64", "k", "float64", k=K.double().unsqueeze(0)),
    _raw("u: float64", "k", "float32", "float64", u=U.double(), k=K.unsqueeze(0)),
    _raw("skip: [3]", "skip", "[3]", skip=SKIP),
    _raw("gate_in: [9]", "gate_in", "[9]", gate_in=U[0, 0]),
    _raw("state: [2, 3, 2]", "state", "[2, 3, 2]", state=STATE[..., :2]),
]


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    check(case)


def test_a_spectrum_of_something_else_is_refused() -> None:

    none, k = torch.empty(0), torch.ones(1, 3, 4000)
    spectrum = torch.ops.longtail.long_conv_spectrum(k, none, torch.ones(2, 3, 5000), False)
    with pytest.raises(ValueError, match="spectrum"):
        torch.ops.longtail.long_conv_with_spectrum(U, k, *[none] * 5, spectrum)
