"""CUDA times of long_conv beside floors of bytes and torch's FFT.

    python bench/cuda/longconv.py [--small] [--repeats N] [--out FILE]

Causal convolutions of 2^24 numbers in rows of 1024 to 2^22, up to 64 heads, taps as long as the
rows, float32, bfloat16 and float16: nanoseconds a number by CUDA events, forward with the spectrum
kept in a `LongKernel` and taken in the call, forward and backward. In the same run a copy that
moves the bytes of u and y (forward and backward: twice those), and torch's rfft of rows twice as
long. Beside each time the largest error of a row against float64, relative to its norm. Then the
gated rows of flash-fft-conv's table, beside its times (_longconv_gated.py). `--small` runs every
kernel once on short rows, for compute-sanitizer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from bench.cuda import _longconv_gated as gated  # noqa: E402
from bench.kit.cuda import ROTATION, by_events, copy_of, run  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from bench.kit.runner import Provider, interleave  # noqa: E402
from longtail import LongKernel, long_conv  # noqa: E402

NUMBERS, HEADS, DEVICE = 1 << 24, 64, "cuda"
#: Powers of two, and in between rows in parts and passes of radix 3 or 5.
BETWEEN = (12_288, 20_480, 24_576, 40_960, 49_152)
LENGTHS = tuple(sorted((*(1 << bits for bits in range(10, 23)), *BETWEEN)))
DTYPES = (torch.float32, torch.bfloat16, torch.float16)
FLOOR, OURS, KEPT, TORCH = "copy", "longtail", "longtail, LongKernel", "torch rfft"

Convolution = Callable[[Tensor, Tensor], Tensor]


def by_rfft(u: Tensor, k: Tensor) -> Tensor:
    """As a user of torch writes it: in float32, rows and taps padded to twice their length."""
    length = u.shape[-1]
    product = torch.fft.rfft(u.float(), 2 * length) * torch.fft.rfft(k.float(), 2 * length)
    return torch.fft.irfft(product, 2 * length)[..., :length].to(u.dtype)


def ours(u: Tensor, k: Tensor | LongKernel, state: Tensor | None = None) -> Tensor:
    """Without a final state."""
    y = long_conv(u, k, initial_state=state)
    assert isinstance(y, Tensor)
    return y


def relative_error(got: Tensor, exact: Tensor) -> tuple[float, float]:
    """The norm of the error of a row over the norm of that row: largest, median."""
    errors = (got.double() - exact).norm(dim=-1) / exact.norm(dim=-1)
    return float(errors.max()), float(errors.median())


def inputs(length: int, dtype: torch.dtype) -> tuple[list[Tensor], Tensor]:
    """Rows, several times, and taps that fade along the row."""
    generator = torch.Generator(DEVICE).manual_seed(length)
    draw = partial(torch.randn, generator=generator, device=DEVICE)
    heads = min(HEADS, NUMBERS // length)
    rows = [draw(NUMBERS // length // heads, heads, length).to(dtype) for _ in range(ROTATION)]
    fading = torch.exp(-4 * torch.arange(length, device=DEVICE) / length)
    return rows, draw(heads, length) * fading / length**0.5


def measure(length: int, dtype: torch.dtype, repeats: int) -> list[Record]:
    """One length: forward, then forward and backward."""
    rows, k = inputs(length, dtype)
    kernel, numbers = LongKernel(k), rows[0].numel()
    values: dict[str, Callable[[int], Tensor]] = {
        KEPT: lambda i: ours(rows[i], kernel),
        OURS: lambda i: ours(rows[i], k),
        TORCH: lambda i: by_rfft(rows[i], k),
    }
    exact = by_rfft_in_double(rows[0], k)
    tracked = [each.clone().requires_grad_() for each in rows]
    taps, grad = k.clone().requires_grad_(), torch.randn_like(rows[0])

    def both(function: Convolution, i: int) -> tuple[Tensor, ...]:
        wanted = (tracked[i], taps)
        return torch.autograd.grad(function(*wanted), wanted, grad)

    gradients = {OURS: partial(both, ours), TORCH: partial(both, by_rfft)}
    result = []
    for part, calls, tensors in (("forward", values, 2), ("forward+backward", gradients, 4)):
        providers = [Provider(FLOOR, copy_of(tensors * rows[0].nbytes), numbers)]
        providers += [Provider(name, by_events(call), numbers) for name, call in calls.items()]
        for timing in interleave(providers, repeats):
            name = timing.provider.name
            checked = part == "forward" and name != FLOOR
            errors = relative_error(values[name](0), exact) if checked else None
            record = timing.record("longconv-cuda", f"long_conv {part}", f"L {length}", errors)
            record.dtype = str(dtype).removeprefix("torch.")
            result.append(record)
    return result


def by_rfft_in_double(u: Tensor, k: Tensor) -> Tensor:
    """The reference, a row of the batch at a time: it takes much memory."""
    length = u.shape[-1]
    of_taps = torch.fft.rfft(k.double(), 2 * length)
    return torch.stack(
        [
            torch.fft.irfft(torch.fft.rfft(row.double(), 2 * length) * of_taps, 2 * length)[
                ..., :length
            ]
            for row in u
        ]
    )


def measure_all(repeats: int) -> list[Record]:
    """Every length in every dtype; a line each."""
    records: list[Record] = []
    for dtype in DTYPES:
        for length in LENGTHS:
            rows = measure(length, dtype, repeats)
            records += rows
            for part in dict.fromkeys(row.kernel for row in rows):
                floor, *others = (row for row in rows if row.kernel == part)
                shown = "   ".join(
                    f"{r.provider} {r.median / floor.median:.2f}"
                    + (f" ({r.max_error:.1e})" if r.max_error is not None else "")
                    for r in others
                )
                print(
                    f"{part} {floor.case} {floor.dtype}, "
                    f"in copies of {floor.median:.4f} ns (error): {shown}"
                )
    return records + gated.measure_all(repeats)


def run_small() -> None:
    """Every kernel once: whole rows and blocks, in shared memory and over memory, all options."""
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
        for length, taps in ((1, 1), (257, 257), (700, 33), (1500, 1500), (3000, 3000)):
            for outputs in (1, 2):
                small(length, taps, dtype, outputs)
        # In parts, and over memory with a first pass of 3, 5 or 16, once and twice.
        for length in (5000, 7000, 9000, 15_000, 20_000, 30_000, 45_000, 70_000):
            small(length, length, dtype, heads=1)
        for length in (140_000, 200_000, 400_000):
            small(length, length, dtype, heads=1)
        rows = torch.randn(2, 2, 400, device=DEVICE).to(dtype).requires_grad_()
        state = torch.randn(2, 2, 56, device=DEVICE).to(dtype).requires_grad_()
        ours(rows, torch.randn(2, 57, device=DEVICE).to(dtype), state).sum().backward()


def small(length: int, taps: int, dtype: torch.dtype, outputs: int = 1, heads: int = 2) -> None:
    """Forward and backward with everything that an argument can be."""

    def draw(*sizes: int) -> Tensor:
        return torch.randn(*sizes, device=DEVICE).to(dtype).requires_grad_()

    u, gate, skip = draw(3, heads, length), draw(heads, length), draw(outputs, 1)
    k, k_rev = draw(outputs, heads, taps), draw(outputs, heads, max(1, taps // 2))
    skip = skip.expand(outputs, heads)
    y = long_conv(u, k, k_rev=k_rev, skip=skip, gate_in=gate, gate_out=gate)
    assert isinstance(y, Tensor)
    y.sum().backward()


if __name__ == "__main__":
    sys.exit(run("bench/cuda/longconv.py", __doc__, run_small, measure_all, repeats=15))
