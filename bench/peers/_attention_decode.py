"""QuantizedKVCache.attend beside torch's SDPA, one query a head over a long cache. Part of
bench/peers/attention.py; as a script, prints a table:

    python bench/peers/_attention_decode.py [--quick] [--repeats N] [--threads N]

Rivals: float32 and bf16 with enable_gqa (the path that transformers takes), and bf16 in the best
formulation torch has for grouped heads: the heads of a group as queries of one head. Gigabytes a
second are those of keys and values, for ours of codes, scales and zeros; the floor is a copy of as
many bytes as the 4-bit cache has.
"""

from __future__ import annotations

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
from bench.kit.parts import run_alone  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from bench.kit.runner import Provider, interleave, timed  # noqa: E402

DIM = 128
# Heads, cache heads, keys. Without groups 32 cache heads of 128k keys would be 6 GB in float32.
CASES = ((32, 8, 8192), (32, 8, 32768), (32, 8, 131072), (32, 32, 8192), (8, 8, 32768))
QUICK = ((32, 8, 2048), (8, 8, 2048))
GQA, FOLDED, EXACT = "torch bf16, enable_gqa", "torch bf16, folded", "torch float32, enable_gqa"
FLOOR = "copy floor"
OURS = {
    "longtail int4 channel": (4, "channel"),
    "longtail int4 token_rotated": (4, "token_rotated"),
    "longtail int8 channel": (8, "channel"),
}
BAR_CASE = (32, 8, 32768)


def case_name(case: tuple[int, int, int]) -> str:
    """ "L 32768, heads 32/8"."""
    return f"L {case[2]}, heads {case[0]}/{case[1]}"


def folded(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """The heads of a group as queries of one head: K and V are read once."""
    batch, heads, _, dim = q.shape
    rows = q.view(batch, k.shape[1], heads // k.shape[1], dim)
    return functional.scaled_dot_product_attention(rows, k, v).reshape(q.shape)


def grouped(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """As transformers calls it."""
    return functional.scaled_dot_product_attention(q, k, v, enable_gqa=True)


def error(out: Tensor, exact: Tensor) -> tuple[float, float]:
    """Largest and median error over the largest element."""
    difference = (out.double() - exact).abs() / exact.abs().max()
    return float(difference.max()), float(difference.median())


def measure_case(case: tuple[int, int, int], threads: int, repeats: int) -> list[Record]:
    """All providers of one shape, taking turns."""
    heads, kv_heads, length = case
    g = torch.Generator().manual_seed(0)
    q = torch.randn(1, heads, 1, DIM, generator=g).bfloat16()
    k, v = (torch.randn(1, kv_heads, length, DIM, generator=g).bfloat16() for _ in range(2))
    calls: dict[str, Callable[[], Tensor]] = {}
    sizes: dict[str, int] = {}
    for name, (bits, k_format) in OURS.items():
        cache = longtail.QuantizedKVCache(bits, k_format)
        cache.append(k, v)
        calls[name], sizes[name] = partial(cache.attend, q), cache.nbytes
    calls[FOLDED], calls[GQA] = partial(folded, q, k, v), partial(grouped, q, k, v)
    wide = [x.float() for x in (q, k, v)]
    calls[EXACT] = partial(grouped, *wide)
    sizes |= {FOLDED: 2 * k.nbytes, GQA: 2 * k.nbytes, EXACT: 4 * k.nbytes}
    exact = calls[EXACT]().double()
    errors = {name: error(call(), exact) for name, call in calls.items()}
    source = torch.ones(sizes["longtail int4 channel"] // 2, dtype=torch.uint8)
    target = torch.empty_like(source)
    calls[FLOOR], sizes[FLOOR] = partial(target.copy_, source), 2 * source.nbytes
    providers = [
        Provider(name, timed(call), heads * length, threads) for name, call in calls.items()
    ]
    records = []
    for timing in interleave(providers, repeats):
        name = timing.provider.name
        record = timing.record("attention", "decode", case_name(case), errors.get(name))
        record.dtype = "float32" if name == EXACT else "bfloat16"
        record.extra["milliseconds"] = record.median * record.elements * 1e-6
        record.extra["gigabytes_per_second"] = sizes[name] / (record.median * record.elements)
        records.append(record)
    floor = next(r for r in records if r.provider == FLOOR).extra["gigabytes_per_second"]
    for record in records:
        record.extra["share_of_copy"] = record.extra["gigabytes_per_second"] / floor
    return records


def measure(threads: tuple[int, ...], repeats: int, quick: bool) -> list[Record]:
    """Every shape at every number of threads."""
    result = []
    for count in threads:
        torch.set_num_threads(count)
        for case in QUICK if quick else CASES:
            result += measure_case(case, count, repeats)
    return result


def bars(rows: list[Record]) -> list[Bar]:
    """At the shape of attention.md on one thread: 3 ms, and 8 and 70 times the rivals."""

    def time(provider: str) -> float:
        wanted = (case_name(BAR_CASE), provider, 1)
        of = (r for r in rows if (r.case, r.provider, r.threads) == wanted)
        return float(next(of).extra["milliseconds"])

    if not any(r.case == case_name(BAR_CASE) and r.threads == 1 for r in rows):
        return []
    mine = time("longtail int4 channel")
    return [
        Bar("decode, milliseconds", mine, 3.0, at_most=True),
        Bar("decode, torch bf16 folded over ours", time(FOLDED) / mine, 8.0),
        Bar("decode, torch bf16 enable_gqa over ours", time(GQA) / mine, 70.0),
    ]


def show(rows: list[Record]) -> None:
    """A line a record."""
    for r in rows:
        at_worst = "" if r.max_error is None else f"  error {r.max_error:.1e}"
        print(
            f"{r.case:22} {r.provider:28} {r.threads} thr {r.extra['milliseconds']:8.2f} ms "
            f"{r.extra['gigabytes_per_second']:6.1f} GB/s {r.extra['share_of_copy']:5.0%}{at_worst}"
        )


if __name__ == "__main__":
    run_alone(measure, show, bars)
