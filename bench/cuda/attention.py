"""CUDA times of quantized_attention beside torch's scaled_dot_product_attention in the same run.

    python bench/cuda/attention.py [--small] [--repeats N] [--out FILE]

Batch 1, 32 heads of 128 channels, bfloat16, lengths 1024 to 32768, with and without a causal mask:
10^12 operations a second (4 L^2 D a head, half of it if causal) by CUDA events, for each kind of
codes, quantisation included. Beside each time the cosine of its output with float32 attention on
the first head. `--small` runs every kernel once on short inputs, for compute-sanitizer.
"""

from __future__ import annotations

import argparse
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
from bench.cuda.bessel import ROTATION, by_events  # noqa: E402
from bench.kit.environment import environment  # noqa: E402
from bench.kit.records import Record, write  # noqa: E402
from bench.kit.runner import Provider, interleave  # noqa: E402

HEADS, CHANNELS = 32, 128
LENGTHS = (1024, 4096, 16384, 32768)
KINDS = ("int4", "q8k4", "int8")


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


def run_small() -> None:
    """Every kernel once, odd lengths and channels, for compute-sanitizer."""
    for path in ("portable", "mma", "mma4"):
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
    torch.cuda.synchronize()
    print("every kernel ran once")


def main() -> int:
    """Runs the benchmark; exit status 1 without a GPU."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--small", action="store_true", help="each kernel once, on short inputs")
    parser.add_argument("--out", type=Path, help="a JSON lines file for the records")
    args = parser.parse_args()
    if not torch.cuda.is_available():
        print("bench/cuda/attention.py: this torch sees no GPU", file=sys.stderr)
        return 1
    if args.small:
        run_small()
        return 0
    records: list[Record] = []
    for length in LENGTHS:
        for causal in (False, True):
            rows = measure(length, causal, args.repeats)
            records += rows
            shown = "   ".join(
                f"{r.provider} {r.extra['tops']:.0f} (cos {r.extra['cosine']:.5f})" for r in rows
            )
            print(f"{rows[0].case}, TOPS: {shown}")
    if args.out:
        block = environment(("numpy", "torch"))
        block["gpu"] = torch.cuda.get_device_name()
        block["cuda"] = torch.version.cuda
        write(args.out, block, records)
    return 0


if __name__ == "__main__":
    sys.exit(main())
