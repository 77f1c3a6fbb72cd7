"""CUDA times of the attention family beside torch's in the same run.

    python bench/cuda/attention.py [--small] [--repeats N] [--out FILE]

quantized_attention: batch 1, 32 heads of 128 channels, bfloat16, lengths 1024 to 32768, with and
without a causal mask: 10^12 operations a second (4 L^2 D a head, half of it if causal) by CUDA
events, for each kind of codes, quantisation included. Beside each time the cosine of its output
with float32 attention on the first head. QuantizedKVCache.attend: one query a head, gigabytes a
second of what is stored, and the share of a copy's. hadamard_transform over a copy. `--small` runs
every kernel once on short inputs, for compute-sanitizer.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, scaled_dot_product_attention

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import longtail  # noqa: E402
from bench.kit.cuda import ROTATION, by_events, copy_of, run  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from bench.kit.runner import Provider, interleave  # noqa: E402
from bench.peers._attention_decode import OURS, case_name, error, folded, grouped  # noqa: E402
from bench.peers._attention_hadamard import ours as hadamard  # noqa: E402

HEADS, CHANNELS = 32, 128
LENGTHS = (1024, 4096, 16384, 32768)
KINDS = ("int4", "q8k4", "int8")
DECODE = ((32, 8, 8192), (32, 8, 32768), (32, 8, 131072), (32, 32, 32768))
TRANSFORMED = 1 << 26  # numbers, of rows as long as HADAMARD
HADAMARD = (128, 4096)
FLOOR = "copy"


def inputs(length: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """q, k and v; some channels of q and k have a bias."""
    generator = torch.Generator("cuda").manual_seed(seed)
    sizes = (1, HEADS, length, CHANNELS)
    q, k, v = (torch.randn(sizes, generator=generator, device="cuda") for _ in range(3))
    q[..., :8] += 3
    k[..., :8] += 10
    return q.bfloat16(), k.bfloat16(), v.bfloat16()


def cosine(out: Tensor, tensors: tuple[Tensor, ...], causal: bool) -> float:
    """Of the first head's output with attention in float32."""
    first = [each[:, :1].float() for each in tensors]
    exact = scaled_dot_product_attention(first[0], first[1], first[2], is_causal=causal)
    return float(cosine_similarity(out[:, :1].float().flatten(), exact.flatten(), 0))


def measure(length: int, causal: bool, repeats: int) -> list[Record]:
    """torch and each kind of codes at one length."""
    rotated = [inputs(length, seed) for seed in range(ROTATION)]
    functions = {"torch SDPA": partial(scaled_dot_product_attention, is_causal=causal)} | {
        f"longtail {kind}": partial(longtail.quantized_attention, is_causal=causal, qk=kind)
        for kind in KINDS
    }
    operations = 4 * length * length * CHANNELS * HEADS // (2 if causal else 1)

    def call(function: partial[Tensor], i: int) -> Tensor:
        return function(*rotated[i])

    providers = [
        Provider(name, by_events(partial(call, function)), operations)
        for name, function in functions.items()
    ]
    result = []
    for timing in interleave(providers, repeats):
        case = f"L {length}, {'causal' if causal else 'all keys'}"
        record = timing.record("attention-cuda", "quantized_attention", case)
        out = functions[timing.provider.name](*rotated[0])
        record.dtype = "bfloat16"
        record.extra = {"tops": 1e-3 / record.median, "cosine": cosine(out, rotated[0], causal)}
        result.append(record)
    return result


def measure_decode(case: tuple[int, int, int], repeats: int) -> list[Record]:
    """Each format and torch's two formulations at one shape."""
    heads, kv_heads, length = case
    generator = torch.Generator("cuda").manual_seed(0)
    draw = partial(torch.randn, generator=generator, device="cuda")
    q = draw(1, heads, 1, CHANNELS).bfloat16()
    k, v = (draw(1, kv_heads, length, CHANNELS).bfloat16() for _ in range(2))
    calls = {
        "torch bf16, folded": partial(folded, q, k, v),
        "torch bf16, enable_gqa": partial(grouped, q, k, v),
    }
    sizes = dict.fromkeys(calls, 2 * k.nbytes)
    for name, (bits, k_format) in OURS.items():
        cache = longtail.QuantizedKVCache(bits, k_format)
        cache.append(k, v)
        calls[name], sizes[name] = partial(cache.attend, q), cache.nbytes
    exact = grouped(q.float(), k.float(), v.float()).double()
    errors = {name: error(call(), exact) for name, call in calls.items()}
    sizes[FLOOR] = min(sizes.values())
    seconds = {name: by_events(lambda i, call=call: call()) for name, call in calls.items()}
    seconds[FLOOR] = copy_of(sizes[FLOOR])
    providers = [Provider(name, each, heads * length) for name, each in seconds.items()]
    rows = []
    for timing in interleave(providers, repeats):
        name = timing.provider.name
        row = timing.record("attention-cuda", "decode", case_name(case), errors.get(name))
        row.dtype = "bfloat16"
        row.extra["gigabytes_per_second"] = sizes[name] / (row.median * row.elements)
        rows.append(row)
    floor = next(r.extra["gigabytes_per_second"] for r in rows if r.provider == FLOOR)
    for row in rows:
        row.extra["share_of_copy"] = row.extra["gigabytes_per_second"] / floor
    return rows


def measure_hadamard(size: int, repeats: int) -> list[Record]:
    """Rows of one length beside a copy."""
    x = torch.randn(TRANSFORMED // size, size, device="cuda").bfloat16()
    providers = [
        Provider("longtail", by_events(lambda i: hadamard(x)), x.numel()),
        Provider(FLOOR, copy_of(2 * x.nbytes), x.numel()),
    ]
    rows = [
        timing.record("attention-cuda", "hadamard_transform", f"rows of {size}")
        for timing in interleave(providers, repeats)
    ]
    for row in rows:
        row.dtype = "bfloat16"
    return rows


def measure_all(repeats: int) -> list[Record]:
    """Prefill, decode and the transform; a line a case."""
    records: list[Record] = []
    for length in LENGTHS:
        for causal in (False, True):
            rows = measure(length, causal, repeats)
            records += rows
            shown = "   ".join(
                f"{r.provider} {r.extra['tops']:.0f} (cos {r.extra['cosine']:.5f})" for r in rows
            )
            print(f"{rows[0].case}, TOPS: {shown}")
    for case in DECODE:
        rows = measure_decode(case, repeats)
        records += rows
        shown = "   ".join(
            f"{r.provider} {r.extra['gigabytes_per_second']:.0f} ({r.extra['share_of_copy']:.0%})"
            for r in rows
        )
        print(f"decode, {rows[0].case}, GB/s and share of a copy's: {shown}")
    for size in HADAMARD:
        ours, floor = measure_hadamard(size, repeats)
        records += [ours, floor]
        print(f"hadamard_transform, {ours.case}: {ours.median / floor.median:.2f} times a copy")
    return records


def run_small() -> None:
    """Every kernel once, odd lengths and channels, for compute-sanitizer."""
    capability = torch.cuda.get_device_capability()
    paths = ["portable", "mma", "mma4"]
    paths += ["mma_fp8", "mma4_fp8"] * (capability >= (8, 9)) + ["wgmma"] * (capability == (9, 0))
    for path in paths:
        os.environ["LONGTAIL_CUDA_ATTENTION"] = path
        for channels in (24, 128, 200):
            q = torch.randn(1, 2, 65, channels, device="cuda")
            k = torch.randn(1, 1, 193, channels, device="cuda")
            mask = torch.rand(65, 193, device="cuda") > 0.3
            for kind in KINDS:
                attention = partial(longtail.quantized_attention, q, k, k, enable_gqa=True, qk=kind)
                attention(rotate=True)
                attention(attn_mask=mask)
                attention(is_causal=True, strict_causal=True)
    del os.environ["LONGTAIL_CUDA_ATTENTION"]
    for bits, k_format in OURS.values():
        cache = longtail.QuantizedKVCache(bits, k_format)
        for length in (65, 1, 130):
            k = torch.randn(2, 1, length, 72, device="cuda")
            cache.append(k, k[..., :40])
            cache.attend(torch.randn(2, 4, length, 72, device="cuda"))
    for size in (12, 128, 28 * 64, 4096):
        hadamard(torch.randn(3, size, device="cuda"))


if __name__ == "__main__":
    sys.exit(run("bench/cuda/attention.py", __doc__, run_small, measure_all, repeats=15))
