"""One op of each family and what it must give, in an environment that has only the wheel.

    python -I tools/release/smoke.py

Values that are known in closed form, and a gradient; on the GPU too, where torch and longtail have
one. Needs longtail and what it depends on, and runs alone: the environment has no other tool.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator

import numpy as np
import torch

import longtail
from longtail import _library, multigrid, special

Case = Callable[[torch.device], tuple[torch.Tensor, torch.Tensor]]


def bessel(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """I_{1/2}(x) = sqrt(2 / (pi x)) sinh x, and its logarithmic derivative."""
    x = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64, device=device, requires_grad=True)
    value = longtail.log_bessel_i(0.5, x)
    (slope,) = torch.autograd.grad(value.sum(), x)
    x = x.detach()
    expected = ((2 / (math.pi * x)).sqrt() * x.sinh()).log()
    expected_slope = 1 / x.tanh() - 0.5 / x
    return torch.stack([value.detach(), slope]), torch.stack([expected, expected_slope])


def rational(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """(1 + 2 x) / (1 + |x|) at a few points."""
    x = torch.tensor([[-2.0, 0.0, 1.0]], device=device)
    numerator, denominator = x.new_tensor([[1.0, 2.0]]), x.new_tensor([[1.0]])
    return longtail.rational(x, numerator, denominator), x.new_tensor([[-1.0, 1.0, 1.5]])


def attention(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights sum to 1: with one value everywhere that is the result, whatever the scores."""
    q, k = torch.randn(2, 1, 2, 100, 64, generator=torch.Generator().manual_seed(0)).to(device)
    v = torch.linspace(-1, 1, 64, device=device).expand_as(k).contiguous()
    # Values and weights have 8 bits.
    return longtail.quantized_attention(q, k, v, is_causal=True), v


def long_conv(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """A tap at lag 3 delays the row."""
    u = torch.arange(1.0, 33.0, dtype=torch.float64, device=device)[None]
    k = u.new_zeros(1, 32)
    k[0, 3] = 1
    return longtail.long_conv(u, k), torch.nn.functional.pad(u, (3, 0))[:, :32]


def poisson(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """A sine is an eigenvector of the discrete Laplacian."""
    n = 31
    points = torch.arange(1.0, n + 1, dtype=torch.float64, device=device) / (n + 1)
    wave = torch.sin(math.pi * points)
    u = wave[:, None] * wave
    eigenvalue = 2 * (2 * (n + 1) * math.sin(math.pi / (2 * (n + 1)))) ** 2
    return multigrid.poisson_solve(eigenvalue * u).solution, u


#: What is called, and how far it may be from what it must give.
CASES: dict[str, tuple[Case, float]] = {
    "log_bessel_i": (bessel, 1e-14),
    "rational": (rational, 1e-6),
    "quantized_attention": (attention, 0.02),
    "long_conv": (long_conv, 1e-12),
    "poisson_solve": (poisson, 1e-7),
}


def differences(device: torch.device) -> Iterator[tuple[str, float, float]]:
    """Each op on one device: its largest error and the largest that passes."""
    for name, (case, most) in CASES.items():
        value, expected = case(device)
        yield f"{name} on {device}", float((value - expected).abs().max()), most


def numpy_difference() -> tuple[str, float, float]:
    """The NumPy ufunc of the same kernel."""
    value = special.log_bessel_i(0.5, np.array([1.0]))
    expected = math.log(math.sqrt(2 / math.pi) * math.sinh(1))
    return "NumPy's log_bessel_i", float(abs(value[0] - expected)), 1e-14


def main() -> int:
    """Prints a line for each op; 1 if any is wrong."""
    print(f"longtail {longtail.__version__}, torch {torch.__version__}, numpy {np.__version__}")
    print(f"Python {sys.version.split()[0]}, {longtail.__path__[0]}")
    found = [*differences(torch.device("cpu")), numpy_difference()]
    cuda = _library.cuda_library
    wrong = 0
    if cuda.loaded and torch.cuda.is_available():
        found += differences(torch.device("cuda"))
    else:
        print(f"CUDA: {cuda.problem or 'loaded; no GPU here'}")
        wrong += bool(cuda.path and torch.version.cuda and cuda.problem)  # it must load at least
    for name, difference, most in found:
        good = difference <= most  # nan is not
        print(f"{'ok  ' if good else 'FAIL'} {name:<32}{difference:.1e} of {most:.0e}")
        wrong += not good
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
