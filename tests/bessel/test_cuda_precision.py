"""Both working precisions of the CUDA kernels on float32 tensors, beside the CPU's float64."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import longtail
from bessel.metrics import CONTRACT
from kit.tensors import cuda_problem

needs_cuda = pytest.mark.skipif(bool(cuda_problem()), reason=cuda_problem() or "")
EPS32 = 2.0**-23
FUNCTIONS = [
    longtail.log_bessel_i,
    longtail.log_bessel_k,
    longtail.log_bessel_ie,
    longtail.log_bessel_ke,
    longtail.log_hyp0f1,
]


def _points() -> tuple[Tensor, Tensor]:
    """Orders above 1, which also serve as b of 0F1, and arguments around them."""
    generator = torch.Generator().manual_seed(3)
    v = 1 + 10 ** (5 * torch.rand(20_000, generator=generator))
    x = v * 10 ** (4 * torch.rand(20_000, generator=generator) - 2)
    return v, x


@needs_cuda
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_cuda_float32_values(
    function: Callable[[Tensor, Tensor], Tensor], precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Native float32 keeps E1 of the contract in its own eps; float64 inside rounds once."""
    monkeypatch.setenv("LONGTAIL_CUDA_FLOAT32", precision)
    v, x = _points()
    got = function(v.cuda(), x.cuda()).cpu().double()
    exact = function(v.double(), x.double())
    error = (got - exact).abs() / (EPS32 * exact.abs().clamp(min=1))
    assert error.max() <= (CONTRACT["native_float32"]["E1"] if precision == "float32" else 0.5001)


@needs_cuda
def test_cuda_precision_is_one_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt choice is refused by name."""
    monkeypatch.setenv("LONGTAIL_CUDA_FLOAT32", "half")
    one = torch.ones(1, device="cuda")
    with pytest.raises(ValueError, match="LONGTAIL_CUDA_FLOAT32.*half.*'float32' or 'float64'"):
        longtail.log_bessel_i(one, one)
