"""Errors of the long-convolution family on one CPU level, as JSON; run by longconv_accuracy.py.

LONGTAIL_CPU_LEVEL=avx2 python tools/longconv_errors.py SEED...
"""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

ROOT = Path(__file__).parents[1]
sys.path[:1] = [str(ROOT / "tests")]

import longtail  # noqa: E402
from kit.twins import DTYPES, randn  # noqa: E402
from longconv import s4d_oracle, short_conv_ops  # noqa: E402
from longconv.s4d_phase import exact_kernel  # noqa: E402
from longtail import _native  # noqa: E402

#: B, H, L, K of long_conv. To DIRECT numbers the reference is a sum, beyond that float64's FFT.
CONVOLUTIONS = (
    (3, 1, 0, 5),
    *((3, 1, length, length) for length in (1, 2, 3, 5, 17)),
    (2, 3, 1000, 1000),
    (3, 2, 4099, 4099),
    (1, 2, 16384, 16384),
    (3, 1, 65536, 65536),
    (1, 1, 1 << 20, 1 << 20),
    (3, 1, 1000, 1),
    (3, 2, 4099, 100),
    (3, 1, 17, 1000),
    (1, 2, 65536, 4099),
    (1, 1, 4099, 65536),
)
DIRECT = 4099
#: Numbers of y and of dk, at least, that a norm is taken of: small cases are drawn again and again,
#: since one number may be what is left of large ones.
POOLED, POOLED_TAPS = 2048, 64
KERNELS = [(states, length) for states in (1, 8, 32, 64) for length in (17, 1000, 65536, 1 << 20)]
SAMPLES = 512
ROWS = ((2, 1), (2, 4099), (8, 1000), (32, 17), (32, 4099), (32, 65536))  # states, L of s4d
WIDTHS = (1, 2, 4, 17, 64, 128)
BUTTERFLIES = [(order, length) for order in (2, 3) for length in (100, 1024, 4096)]
MODES = ("conv", "recurrent", "chunked")
TORCH = "torch rfft"


@dataclasses.dataclass(frozen=True)
class Entry:
    """One error and what it is of."""

    seed: int
    table: str
    case: str
    dtype: str  # of the call
    what: str
    error: float
    promise: str  # in the contract; empty for what is not ours
    result: str  # dtype of the result, as the promise has it
    allowance: float = 0.0  # beyond the promise


@dataclasses.dataclass
class Norm:
    """Of errors over that of exact results, over several draws."""

    errors: float = 0.0
    exact: float = 0.0

    def add(self, got: Tensor, exact: Tensor) -> None:
        """One draw's."""
        assert got.shape == exact.shape, (got.shape, exact.shape)
        self.errors += float((got.detach().double() - exact).square().sum())
        self.exact += float(exact.square().sum())

    @property
    def ratio(self) -> float:
        """What is reported; the error itself where the result is 0."""
        return math.sqrt(self.errors / self.exact) if self.exact else math.sqrt(self.errors)


def norm_of(got: Tensor, exact: Tensor) -> float:
    """Of one draw."""
    norm = Norm()
    norm.add(got, exact)
    return norm.ratio


def largest(got: Tensor, exact: Tensor) -> float:
    """Largest error over the largest result."""
    return float((got.detach().double() - exact).abs().max() / exact.abs().max())


def name_of(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def taps_dtype(dtype: torch.dtype) -> torch.dtype:
    """Rows in half precision have taps in float32."""
    return dtype if dtype == torch.float64 else torch.float32


def convolved(a: Tensor, b: Tensor) -> Tensor:
    """All numbers of the convolution of rows [B, H, n] and [B, H, m], in float64."""
    size = a.shape[-1] + b.shape[-1] - 1
    if max(a.shape[-1], b.shape[-1]) > DIRECT:
        return torch.fft.irfft(torch.fft.rfft(a, size) * torch.fft.rfft(b, size), size)
    y = a.new_empty(*a.shape[:-1], size)
    for row, x, k in zip(*(each.flatten(0, 1) for each in (y, a, b)), strict=True):
        row[:] = torch.from_numpy(np.convolve(x, k))
    return y


def reference(u: Tensor, k: Tensor, g: Tensor) -> list[Tensor]:
    """y, du and dk in float64."""
    u, k, g = u.double(), k.double(), g.double()
    length, taps = u.shape[-1], k.shape[-1]
    if length == 0:
        return [u, u, torch.zeros_like(k)]
    rows = k.expand(*u.shape[:-1], taps)
    y = convolved(u, rows)[..., :length]
    du = convolved(g.flip(-1), rows)[..., :length].flip(-1)
    dk = convolved(g, u.flip(-1))[..., length - 1 :][..., :taps].sum(0)
    return [y, du, torch.nn.functional.pad(dk, (0, taps - dk.shape[-1]))]


def by_rfft(u: Tensor, k: Tensor) -> Tensor:
    """As users of torch have it."""
    length = u.shape[-1]
    product = torch.fft.rfft(u, 2 * length) * torch.fft.rfft(k[..., :length], 2 * length)
    return torch.fft.irfft(product, 2 * length)[..., :length]


def with_gradients(
    function: Callable[[Tensor, Tensor], Tensor], u: Tensor, k: Tensor, g: Tensor
) -> list[Tensor]:
    """y, du and dk."""
    leaves = [u.clone().requires_grad_(), k.clone().requires_grad_()]
    y = function(*leaves)
    return [y.detach(), *torch.autograd.grad(y, leaves, g)]


def long_convs(seed: int) -> Iterator[Entry]:
    """By lengths; torch's own transforms beside float32."""
    for batch, heads, length, taps in CONVOLUTIONS:
        generator = torch.Generator().manual_seed(seed + 1000 * length + taps)
        case = f"{batch} x {heads} x {length}, K {taps}"
        rows = batch * heads * length
        draws = max(1, POOLED // rows, POOLED_TAPS // (heads * taps)) if length else 1
        for dtype in DTYPES:
            rivals = {"": longtail.long_conv}
            if dtype == torch.float32 and length:
                rivals[TORCH] = by_rfft
            norms = {rival: [Norm(), Norm(), Norm()] for rival in rivals}
            for _ in range(draws):
                u, g = (randn(generator, dtype, batch, heads, length) for _ in range(2))
                k = randn(generator, taps_dtype(dtype), heads, taps)
                exact = reference(u, k, g)
                for rival, function in rivals.items():
                    for norm, got, true in zip(
                        norms[rival], with_gradients(function, u, k, g), exact, strict=True
                    ):
                        norm.add(got, true)
            for rival, found in norms.items():
                for what, of, norm in zip(
                    ("y", "du", "dk"), (dtype, dtype, taps_dtype(dtype)), found, strict=True
                ):
                    promise, result = "" if rival else "long_conv", name_of(of)
                    yield Entry(
                        *(seed, rival or "long_conv", case, name_of(dtype), what),
                        *(norm.ratio, promise, result),
                    )


def state_space(seed: int, states: int, slow: bool, dtype: torch.dtype) -> s4d_oracle.System:
    """S4D-Lin, or with states that hardly fade in 2^20 steps."""
    of = s4d_oracle.system(3, states, 1, dtype=dtype, seed=seed)
    rate = torch.complex(of.A.real * (2e-5 if slow else 1), of.A.imag)
    return of._replace(A=rate, B=torch.ones_like(of.B))


def kernels(seed: int) -> Iterator[Entry]:
    """s4d_kernel at sampled l, row by row: the worst of three rows."""
    generator = torch.Generator().manual_seed(seed)
    half = SAMPLES // 2
    for states, length in KERNELS:
        at = torch.arange(length)
        if length > SAMPLES:
            later = torch.randint(half, length - 1, (half - 1,), generator=generator)
            at = torch.cat([at[:half], later, at[-1:]])
        for slow in (False, True):
            for dtype in (torch.float64, torch.float32):
                of = state_space(seed, states, slow, dtype)
                got = longtail.s4d_kernel(of.dt, of.A, of.B, of.C, length)[:, at]
                exact = exact_kernel(of.dt, of.A, of.B, of.C, at)
                worst = max(norm_of(*pair) for pair in zip(got, exact, strict=True))
                allowance = 0.0
                if slow and dtype == torch.float64:
                    farthest = float((of.dt.unsqueeze(-1) * of.A).abs().max())
                    allowance = length * (1 + farthest) * 2.0**-52
                what = "hardly fading" if slow else "S4D-Lin"
                case, name = f"{states} states, L {length}", name_of(dtype)
                yield Entry(
                    *(seed, "s4d_kernel", case, name, what, worst, "s4d_kernel", name, allowance)
                )


def rows(seed: int) -> Iterator[Entry]:
    """s4d in every mode, the largest difference of two, and steps (of short rows)."""
    for states, length in ROWS:
        case = f"{states} states, L {length}"
        for dtype in DTYPES:
            of = s4d_oracle.system(3, states, length, dtype=dtype, seed=seed)
            k = exact_kernel(of.dt, of.A, of.B, of.C, torch.arange(length))
            exact = convolved(of.u.double(), k.expand(2, -1, -1))[..., :length]
            exact = exact + of.D.double().unsqueeze(-1) * of.u.double()
            found = {mode: longtail.s4d(*of[:-1], mode=mode) for mode in MODES}
            errors = {mode: ("s4d", norm_of(y, exact)) for mode, y in found.items()}
            wide = [y.double() for y in found.values()]
            errors["two modes"] = "s4d_modes", max(norm_of(a, b) for a in wide for b in wide)
            if length <= DIRECT:
                state, steps = torch.zeros_like(of.state), []
                for u_t in of.u.unbind(-1):
                    y_t, state = longtail.s4d_step(u_t, state, *of[1:-1])
                    steps.append(y_t)
                errors["steps"] = "s4d_step", norm_of(torch.stack(steps, -1), exact)
            name = name_of(dtype)
            for what, (promise, error) in errors.items():
                yield Entry(seed, "s4d", case, name, what, error, promise, name)


def short_convs(seed: int) -> Iterator[Entry]:
    """By number of taps, over the largest number."""
    for width in WIDTHS:
        generator = torch.Generator().manual_seed(seed + width)
        for dtype in DTYPES:
            u, g = (randn(generator, dtype, 3, 64, 300) for _ in range(2))
            w = randn(generator, taps_dtype(dtype), 64, width)
            got = with_gradients(longtail.short_conv, u, w, g)
            exact = with_gradients(short_conv_ops.twin, u.double(), w.double(), g.double())
            for what, mine, true in zip(("y", "du", "dw"), got, exact, strict=True):
                yield Entry(
                    *(seed, "short_conv", f"{width}", name_of(dtype), what),
                    *(largest(mine, true), "short_conv", name_of(mine.dtype)),
                )


def butterflies(seed: int) -> Iterator[Entry]:
    """With the factors of the DFT beside the convolution, over the largest number."""
    for order, length in BUTTERFLIES:
        generator = torch.Generator().manual_seed(seed + length)
        factors = longtail.butterfly_factors(2 * length - 1, order, dtype=torch.complex128)
        for dtype in DTYPES:
            u = randn(generator, dtype, 3, 2, length)
            k = randn(generator, taps_dtype(dtype), 2, length)
            exact = reference(u, k, u)[0]
            error = largest(longtail.butterfly_conv(u, k, factors), exact)
            case, name = f"{order} factors, L {length}", name_of(dtype)
            yield Entry(seed, "butterfly_conv", case, name, "y", error, "butterfly_conv", name)


def of_the_reference(seed: int) -> Iterator[Entry]:
    """What float64's FFT is off by at 2^20, beside sums in extended precision at 100 places."""
    length = 1 << 20
    generator = torch.Generator().manual_seed(seed)
    u, k = (randn(generator, torch.float64, 1, 1, length) for _ in range(2))
    y = convolved(u, k)[0, 0]
    x, taps = (each.numpy().astype(np.longdouble) for each in (u[0, 0], k[0, 0].flip(-1)))
    at = torch.randint(length // 2, length, (100,), generator=generator)
    sums = [float(np.dot(x[: n + 1], taps[length - 1 - n :])) for n in at.tolist()]
    error = norm_of(y[at], torch.tensor(sums, dtype=torch.float64))
    yield Entry(seed, "reference", f"{length}", "float64", "y", error, "", "float64")


def main() -> None:
    """Prints the level and a list of entries."""
    torch.set_num_threads(1)
    level = _native.cpu_level()
    parts = [long_convs, kernels, rows, short_convs]
    if level == "scalar":  # neither has code of ours
        parts += [butterflies, of_the_reference]
    found = [
        dataclasses.asdict(entry)
        for seed in map(int, sys.argv[1:])
        for part in parts
        for entry in part(seed)
    ]
    print(json.dumps({"level": level, "entries": found}))


if __name__ == "__main__":
    main()
