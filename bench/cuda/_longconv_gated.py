"""The rows of flash-fft-conv's table: float16 with both gates, batch 64, 768 heads.

Its times are those that its authors publish for an H100. Where 64 rows a head do not fit into
memory fewer are timed, and all times are given for 64. The floor is a copy of as many bytes as u,
both gates and y have; torch's route is timed on a part of the batch.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from bench.kit.cuda import by_events, copy_of
from bench.kit.records import Record
from bench.kit.runner import Provider, interleave
from longtail import LongKernel, long_conv

BATCH, HEADS, DEVICE = 64, 768, "cuda"
#: Length: milliseconds of flash-fft-conv.
PUBLISHED = {1024: 0.29, 4096: 1.43, 8192: 3.58, 16_384: 12.2, 32_768: 26.3, 1 << 20: 1769.0}
LENGTHS = (1024, 2048, 4096, 8192, 16_384, 32_768, 1 << 20)
MOST = 1 << 31  # numbers of a tensor
MOST_OF_TORCH = 1 << 28  # float32 and complex copies of rows twice as long
COPIED = 1 << 31  # bytes of the floor: its time grows with them

FLOOR, OURS, TORCH = "copy", "longtail, LongKernel", "torch rfft"


def ours(u: Tensor, k: LongKernel, gate_in: Tensor, gate_out: Tensor) -> Tensor:
    """Without a final state."""
    y = long_conv(u, k, gate_in=gate_in, gate_out=gate_out)
    assert isinstance(y, Tensor)
    return y


def by_rfft(u: Tensor, k: Tensor, gate_in: Tensor, gate_out: Tensor, dtype: torch.dtype) -> Tensor:
    """In torch's operations, computed in `dtype`."""
    length = u.shape[-1]
    x, of_taps = u.to(dtype) * gate_in, torch.fft.rfft(k.to(dtype), 2 * length)
    y = torch.fft.irfft(torch.fft.rfft(x, 2 * length) * of_taps, 2 * length)[..., :length]
    return y * gate_out


def inputs(length: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """u, both gates, and taps that fade along the row."""
    batch = max(1, min(BATCH, MOST // (HEADS * length)))
    generator = torch.Generator(DEVICE).manual_seed(length)
    u, gate_in, gate_out = (
        torch.randn(batch, HEADS, length, generator=generator, device=DEVICE, dtype=torch.float16)
        for _ in range(3)
    )
    fading = torch.exp(-4 * torch.arange(length, device=DEVICE) / length) / length**0.5
    k = torch.randn(HEADS, length, generator=generator, device=DEVICE) * fading
    return u, gate_in, gate_out, k


def errors(length: int, y: Tensor, tensors: tuple[Tensor, ...]) -> tuple[float, float]:
    """Of some rows against float64, over their norms: largest, median."""
    some = max(1, min(y.shape[1], (1 << 22) // length))
    u, gate_in, gate_out = (each[:1, :some] for each in tensors[:3])
    exact = by_rfft(u, tensors[3][:some], gate_in, gate_out, torch.float64)
    each = (y[:1, :some].double() - exact).norm(dim=-1) / exact.norm(dim=-1)
    return float(each.max()), float(each.median())


def measure(length: int, repeats: int) -> list[Record]:
    """One length, forward."""
    tensors = inputs(length)
    u, gate_in, gate_out, k = tensors
    kernel, numbers, bytes_moved = LongKernel(k), u.numel(), 4 * u.nbytes
    copied = min(COPIED, bytes_moved)
    part = max(1, min(u.shape[0], MOST_OF_TORCH // (HEADS * length)))
    heads = max(1, min(HEADS, MOST_OF_TORCH // length))
    few = [each[:part, :heads] for each in (u, gate_in, gate_out)]

    def rival(_: int) -> Tensor:
        y = by_rfft(few[0], k[:heads], few[1], few[2], torch.float32)
        return y.to(torch.float16)

    def mine(_: int) -> Tensor:
        return ours(u, kernel, gate_in, gate_out)

    values: dict[str, Callable[[int], Tensor]] = {OURS: mine, TORCH: rival}
    providers = [
        Provider(FLOOR, copy_of(copied), max(1, numbers * copied // bytes_moved)),
        Provider(OURS, by_events(mine), numbers),
        Provider(TORCH, by_events(rival), few[0].numel()),
    ]
    result = []
    for timing in interleave(providers, repeats):
        call = values.get(timing.provider.name)
        checked = errors(length, call(0), tensors) if call else None
        record = timing.record(
            "longconv-cuda", "long_conv gated", f"L {length}, B {u.shape[0]}, H {HEADS}", checked
        )
        record.dtype = "float16"
        result.append(record)
    return result


def milliseconds(record: Record, length: int) -> float:
    """Of a call with the whole batch."""
    return record.median * BATCH * HEADS * length / 1e6


def measure_all(repeats: int) -> list[Record]:
    """Every length; a line each."""
    records: list[Record] = []
    for length in LENGTHS:
        rows = measure(length, repeats)
        records += rows
        shown = "   ".join(
            f"{r.provider} {milliseconds(r, length):.3f}"
            + (f" ({r.max_error:.1e})" if r.max_error is not None else "")
            for r in rows
        )
        published = PUBLISHED.get(length)
        if published is not None:
            shown += f"   flash-fft-conv, published for an H100: {published}"
        print(f"gated float16 L {length}, ms for B {BATCH}, H {HEADS} (error): {shown}")
    return records
