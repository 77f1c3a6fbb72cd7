"""CUDA times of the log-Bessel functions beside their floor and the one rival torch has.

    python bench/cuda/bessel.py [--small] [--repeats N] [--out FILE]

Every grid of the accuracy contract, float64 and float32: nanoseconds an element by CUDA events,
the inputs rotated over more memory than the L2 cache holds. In the same run: a copy of the same
bytes (the floor), torch's log of `special.i0e` at order 0, and this machine's CPU kernel. `--small`
runs each kernel once on few points, for compute-sanitizer.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import longtail  # noqa: E402
from bench.kit.cuda import ROTATION, by_events, run  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from bench.kit.runner import Provider, Timing, interleave, timed  # noqa: E402
from bessel import grids  # noqa: E402

FUNCTIONS = ("log_bessel_i", "log_bessel_k", "bessel_i_ratio")
CELLS = "ABCD"
POINTS = 1_000_000


def measure(name: str, cell: str, dtype: torch.dtype, points: int, repeats: int) -> list[Record]:
    """One function on one grid, with everything it is compared to."""
    v, x = (torch.from_numpy(a).to(dtype) for a in grids.inputs(name, cell, points, seed=1))
    function = getattr(longtail, name)
    inputs = [(v.cuda(), x.cuda()) for _ in range(ROTATION)]
    out = torch.empty_like(inputs[0][0])
    providers = [
        Provider("longtail CUDA", by_events(lambda i: function(*inputs[i])), points),
        Provider("copy of the bytes", by_events(lambda i: torch.add(*inputs[i], out=out)), points),
        Provider("longtail CPU", timed(lambda: function(v, x)), points, repeats=3),
    ]
    if name == "log_bessel_i":
        providers.append(
            Provider(
                "torch i0e, v = 0",
                by_events(lambda i: torch.special.i0e(inputs[i][1]).log()),
                points,
            )
        )
    timings: list[Timing] = interleave(providers, repeats)
    records = [t.record("bessel-cuda", name, cell) for t in timings]
    for record in records:
        record.dtype = str(dtype).removeprefix("torch.")
    return records


def run_small() -> None:
    """Every function, partial derivative and dtype once, for compute-sanitizer."""
    for name in longtail.bessel.__all__:
        for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
            a, b = (
                torch.from_numpy(values).to(dtype).cuda()
                for values in grids.inputs(name, "A", 257, seed=1)
            )
            getattr(torch.ops.longtail, name)(a, b)
            for i, j in ((1, 0), (0, 1), (2, 0), (1, 1), (0, 2)):
                getattr(torch.ops.longtail, f"{name}_derivative")(a, b, i, j)


def measure_all(repeats: int) -> list[Record]:
    """Every function on every grid."""
    records: list[Record] = []
    for name in FUNCTIONS:
        for dtype in (torch.float64, torch.float32):
            for cell in CELLS:
                rows = measure(name, cell, dtype, POINTS, repeats)
                records += rows
                times = "   ".join(f"{r.provider} {r.median:.3f}" for r in rows)
                print(f"{name:15} {cell} {rows[0].dtype:8} ns: {times}")
    return records


if __name__ == "__main__":
    sys.exit(run("bench/cuda/bessel.py", __doc__, run_small, measure_all, repeats=25))
