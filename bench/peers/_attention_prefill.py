"""quantized_attention beside torch's SDPA in float32 and bfloat16, many queries at once. Part of
bench/peers/attention.py. The roofline is torch's own product of int8 matrices (oneDNN), in the
same run."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as functional
from torch import Tensor

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT)]

import longtail  # noqa: E402
from bench.kit.bars import Bar  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from bench.kit.runner import Provider, interleave, timed  # noqa: E402

HEADS = 8
CASES = tuple(
    (d, length, causal) for d in (64, 128) for length in (1024, 4096) for causal in (0, 1)
)
#: SDPA's time over ours at D 128, L 4096, one thread, at least.
BAR = 5.0
OURS = {
    "longtail int4": {"qk": "int4", "smooth": "qk"},
    "longtail int8": {"qk": "int8", "smooth": "k"},
}
ROOFLINE = "int8 matrix product"
CHECKED_ROWS = 256

Attention = Callable[[Tensor, Tensor, Tensor], Tensor]


def case_name(channels: int, length: int, causal: int) -> str:
    """As the records name it."""
    return f"D {channels}, L {length}" + ", causal" * causal


def operations(channels: int, length: int, causal: int) -> float:
    """Of both products; half of them under a causal mask."""
    return 4.0 * HEADS * length * length * channels / (2 if causal else 1)


def attentions(causal: bool) -> dict[str, Attention]:
    """By provider."""

    def narrow(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return functional.scaled_dot_product_attention(
            q.bfloat16(), k.bfloat16(), v.bfloat16(), is_causal=causal
        )

    return {
        **{
            name: partial(longtail.quantized_attention, is_causal=causal, **options)
            for name, options in OURS.items()
        },
        "SDPA float32": partial(functional.scaled_dot_product_attention, is_causal=causal),
        "SDPA bfloat16": narrow,
    }


def errors(attention: Attention, tensors: list[Tensor], causal: bool) -> tuple[float, float]:
    """Largest and median error of the first rows over their largest element, against float64."""
    q, k, v = (each.double() for each in tensors)
    q = q[:, :, :CHECKED_ROWS]
    s = q @ k.mT / math.sqrt(q.shape[-1])
    if causal:
        s.masked_fill_(torch.ones(s.shape[-2:]).triu(1).bool(), -math.inf)
    exact = torch.softmax(s, -1) @ v
    got = attention(*tensors)[:, :, :CHECKED_ROWS].double()
    error = (got - exact).abs() / exact.abs().max()
    return float(error.max()), float(error.median())


def roofline(threads: int, repeats: int) -> Record:
    """Billions of 8-bit operations a second; an element is an operation."""
    n = 2048
    a, b = (torch.randint(-127, 128, (n, n), dtype=torch.int8) for _ in range(2))
    provider = Provider(ROOFLINE, timed(partial(torch._int_mm, a, b)), 2 * n**3, threads)
    record = interleave([provider], repeats)[0].record("attention", "roofline", f"{n}^3")
    record.dtype = "int8"
    record.extra["gops"] = 1 / record.median
    return record


def measure(threads: tuple[int, ...], repeats: int, quick: bool) -> list[Record]:
    """All cases at every number of threads."""
    result: list[Record] = []
    for count in threads:
        torch.set_num_threads(count)
        peak = roofline(count, repeats)
        result.append(peak)
        for channels, length, causal in CASES:
            length = length // 8 if quick else length
            generator = torch.Generator().manual_seed(0)
            shape = (1, HEADS, length, channels)
            tensors = [torch.randn(shape, generator=generator) for _ in range(3)]
            calls = attentions(bool(causal))
            with torch.no_grad():
                providers = [
                    Provider(name, timed(partial(call, *tensors)), tensors[0].numel(), count)
                    for name, call in calls.items()
                ]
                timings = interleave(providers, repeats)
                for timing in timings:
                    name = timing.provider.name
                    record = timing.record(
                        "attention",
                        "prefill",
                        case_name(channels, length, causal),
                        errors(calls[name], tensors, bool(causal)),
                    )
                    record.dtype = "float32"
                    seconds = record.median * record.elements
                    record.extra["gops"] = operations(channels, length, causal) / seconds
                    record.extra["share_of_roofline"] = record.extra["gops"] / peak.extra["gops"]
                    result.append(record)
    return result


def bars(rows: list[Record]) -> list[Bar]:
    """One thread: SDPA's time over ours."""
    found = {
        (row.case, row.provider): row
        for row in rows
        if row.kernel == "prefill" and row.threads == 1
    }
    result = []
    for (case, provider), row in found.items():
        if provider not in OURS:
            continue
        rival = found[case, "SDPA float32"]
        bar = BAR if case.startswith("D 128, L 4096") else 1.0
        label = f"prefill {case}, SDPA float32 over {provider}, 1 thr"
        note = f", {row.extra['gops']:.0f} GOP/s, {row.extra['share_of_roofline']:.2f} of int8 peak"
        result.append(Bar(label, rival.median / row.median, bar, note=note))
    return result
