"""log I and log K beside SciPy, TensorFlow Probability and torch.special.

    python bench/peers/bessel.py [--peers-python PATH] [--cpp PATH] [--quick]

Cells {I, K} x grids {A, B, C, D}: each one call of 1e6 random points where SciPy is finite, all
providers on the same inputs, taking turns, results written to memory that is used again. Stores
records under bench/results/ and prints the bars of the family.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT), str(ROOT / "tests")]  # in place of this folder: it has a bessel.py too

from bench.kit import environment, records  # noqa: E402
from bench.kit.bars import Bar  # noqa: E402
from bench.kit.parts import finish  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from bench.kit.report import show  # noqa: E402
from bench.kit.runner import Peer, Provider, Timing, interleave, timed  # noqa: E402
from bench.peers._bessel_regions import REGIONS, region_points  # noqa: E402
from bessel import grids, metrics, oracle, tables  # noqa: E402

Array = NDArray[np.float64]

SEED = 77
FUNCTIONS = ("log_bessel_i", "log_bessel_k")
GRIDS = ("A", "B", "C", "D")
THREADS = (1, 2)

# The bars: SciPy's time over ours at one thread in the 8 cells, and what a second thread brings.
MEDIAN_RATIO, MINIMUM_RATIO, GOAL_RATIO, TWO_THREADS = 25, 4, 50, 1.8


def scipy_log(function: str, v: Array, x: Array, out: Array | None = None) -> Array:
    """What a careful SciPy user writes: log(ive) + x, log(kve) - x."""
    from scipy import special

    with np.errstate(divide="ignore"):
        if function == "log_bessel_i":
            result = np.log(special.ive(v, x, out=out), out=out)
            return np.add(result, x, out=out)
        result = np.log(special.kve(v, x, out=out), out=out)
        return np.subtract(result, x, out=out)


def cell_points(function: str, grid: str, n: int) -> tuple[Array, Array]:
    """n points of a grid at which SciPy's result is finite."""
    kept: list[tuple[Array, Array]] = []
    found, draw = 0, 0
    while found < n:
        v, x = grids.points(grid, n, SEED + draw)
        finite = np.isfinite(scipy_log(function, v, x))
        kept.append((v[finite], x[finite]))
        found, draw = found + int(finite.sum()), draw + 1
    return np.concatenate([k[0] for k in kept])[:n], np.concatenate([k[1] for k in kept])[:n]


def ours(function: str, v: Array, x: Array, threads: int, out: Array) -> Callable[[], float]:
    """longtail through torch, into `out`."""
    import torch

    import longtail

    op = getattr(longtail, function)
    arguments = [torch.from_numpy(each) for each in (v, x)]
    target = torch.from_numpy(out)

    def call() -> None:
        torch.set_num_threads(threads)
        op(*arguments, out=target)

    return timed(call)


class Truth:
    """Exact results at some of the points of a cell, to put accuracy beside speed."""

    def __init__(self, function: str, v: Array, x: Array, n: int) -> None:
        self.rows = np.random.default_rng(SEED).choice(len(v), n, replace=False)
        values = np.array(
            [oracle.split(oracle.value(function, v[k], x[k])) for k in self.rows.tolist()]
        )
        names = np.full(n, "")
        self.table = tables.Table(names, v[self.rows], x[self.rows], *values.T)

    def errors(self, result: Array) -> tuple[float, float]:
        """(largest, median) E1 of a whole cell's result; rows beyond its end are left out."""
        known = self.rows < len(result)
        table = tables.Table(*(part[known] for part in self.table))
        e1 = metrics.e1(metrics.errors(result[self.rows[known]], table), table.hi)
        return float(e1.max()), float(np.median(e1))


def measure_cell(
    function: str, grid: str, options: argparse.Namespace, peer: Peer | None
) -> list[Record]:
    """Every provider at one cell."""
    v, x = cell_points(function, grid, options.points)
    truth = Truth(function, v, x, options.checked)
    outputs: dict[str, Array] = {}
    providers: list[Provider] = []
    for threads in THREADS:
        out = outputs[f"longtail-{threads}"] = np.empty_like(v)
        call = ours(function, v, x, threads, out)
        providers.append(Provider("longtail", call, len(v), threads))
    out = outputs["scipy-1"] = np.empty_like(v)
    providers.append(Provider("scipy", timed(lambda: scipy_log(function, v, x, out)), len(v), 1))
    if peer:
        few = min(options.peer_points, len(v))
        providers.append(tfp(peer, function, v[:few], x[:few], outputs))
    timings = interleave(providers, options.repeats)
    return [
        timing.record("bessel", function, f"grid {grid}", truth.errors(outputs[key]))
        for timing, key in zip(timings, outputs, strict=True)
    ]


def tfp(peer: Peer, function: str, v: Array, x: Array, outputs: dict[str, Array]) -> Provider:
    """TensorFlow Probability, jitted for this many elements, on one thread."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, "in.npz"), Path(folder, "out.npy")
        np.savez(path, v=v, x=x)
        peer.ask(do="load", function=function, path=str(path), out=str(out))
        outputs["tfp-1"] = np.load(out)
    return Provider("tfp (jit)", lambda: float(peer.ask(do="run")["seconds"]), len(v), 1, repeats=3)


def measure_fixed_orders(options: argparse.Namespace) -> list[Record]:
    """Orders 0 and 1, where torch has its own functions."""
    import torch

    special = torch.special
    rivals: dict[tuple[str, int], Callable[[torch.Tensor], torch.Tensor]] = {
        ("log_bessel_i", 0): lambda x: special.i0e(x).log_().add_(x),
        ("log_bessel_i", 1): lambda x: special.i1e(x).log_().add_(x),
        ("log_bessel_k", 0): lambda x: special.scaled_modified_bessel_k0(x).log_().sub_(x),
        ("log_bessel_k", 1): lambda x: special.scaled_modified_bessel_k1(x).log_().sub_(x),
    }
    rng = np.random.default_rng(SEED)
    x = np.exp(rng.uniform(np.log(1e-3), np.log(700), options.points))
    rows = []
    for (function, order), rival in rivals.items():
        v = np.full_like(x, order)
        out, scipy_out = np.empty_like(x), np.empty_like(x)
        tensor = torch.from_numpy(x)
        results = {"longtail": out, "scipy": scipy_out, "torch.special": rival(tensor).numpy()}

        def torch_call(rival: Callable = rival, tensor: torch.Tensor = tensor) -> None:
            torch.set_num_threads(1)
            rival(tensor)

        providers = [
            Provider("longtail", ours(function, v, x, 1, out), len(x)),
            Provider(
                "scipy",
                timed(lambda f=function, v=v, o=scipy_out: scipy_log(f, v, x, o)),
                len(x),
            ),
            Provider("torch.special", timed(torch_call), len(x)),
        ]
        timings = interleave(providers, options.repeats)
        truth = Truth(function, v, x, options.checked)
        rows += [
            timing.record(
                "bessel", function, f"order {order}", truth.errors(results[timing.provider.name])
            )
            for timing in timings
        ]
    return rows


def measure_regions(options: argparse.Namespace) -> list[Record]:
    """Ours alone in each region of the method map."""
    rows = []
    for name, (functions, rule) in REGIONS.items():
        v, x = region_points(rule, options.region_points)
        for function in functions:
            out = np.empty_like(v)
            provider = Provider("longtail", ours(function, v, x, 1, out), len(v))
            timing = interleave([provider], options.repeats)[0]
            rows.append(timing.record("bessel", function, f"region {name}"))
    return rows


def measure_cpp(binary: str) -> list[Record]:
    """Boost, and ours without Python, by the Google Benchmark binary of bench/cpp (not
    interleaved with the others)."""
    done = subprocess.run(
        [binary, "--benchmark_format=json", "--benchmark_repetitions=5"],
        capture_output=True,
        text=True,
        check=True,
    )
    times: dict[tuple[str, str, str], list[float]] = {}
    for run in json.loads(done.stdout)["benchmarks"]:
        if run["run_type"] == "iteration" and "items_per_second" in run:
            function, grid, provider = run["run_name"].split("/")[:3]
            case = (function, grid.replace("_", " "), provider)
            times.setdefault(case, []).append(1e9 / run["items_per_second"])
    rows = []
    for (function, grid, name), samples in times.items():
        threads = 2 if name.endswith("2_threads") else 1
        provider = Provider(f"{name.split('_')[0]} (C++)", lambda: 0.0, 0, threads)
        rows.append(Timing(provider, samples).record("bessel", function, grid))
    return rows


def bars(rows: Sequence[Record]) -> list[Bar]:
    """The family's bars over the cells that were run."""
    time = {(row.kernel, row.case, row.provider, row.threads): row.median for row in rows}
    cells = [(function, f"grid {grid}") for function in FUNCTIONS for grid in GRIDS]
    one = [time[(*cell, "longtail", 1)] for cell in cells]
    two = [time[(*cell, "longtail", 2)] for cell in cells]
    scipy = [time[(*cell, "scipy", 1)] for cell in cells]
    ratios = np.divide(scipy, one)
    names = (f"{function[-1].upper()}{grid[-1]}" for function, grid in cells)
    pairs = zip(names, ratios, strict=True)
    print("SciPy / longtail, 1 thread: " + ", ".join(f"{name} {r:.1f}" for name, r in pairs))
    errors = [row.max_error for row in rows if row.provider == "longtail" and row.max_error]
    return [
        Bar(
            "SciPy over ours, median of 8 cells",
            float(np.median(ratios)),
            MEDIAN_RATIO,
            note=f" (goal {GOAL_RATIO})",
        ),
        Bar("SciPy over ours, least", float(min(ratios)), MINIMUM_RATIO),
        Bar("one thread over two, median", float(np.median(np.divide(one, two))), TWO_THREADS),
        Bar("largest E1 of ours", max(errors), metrics.bounds(FUNCTIONS[0], (0, 0))["E1"], True),
    ]


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--points", type=int, default=1_000_000, help="elements of a call")
    parser.add_argument("--peer-points", type=int, default=100_000, help="elements for TFP")
    parser.add_argument("--region-points", type=int, default=200_000)
    parser.add_argument("--checked", type=int, default=1000, help="elements compared with Arb")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument(
        "--peers-python",
        default=os.environ.get("LONGTAIL_PEERS_PYTHON"),
        help="a Python that has bench/peers/requirements.txt (default: $LONGTAIL_PEERS_PYTHON)",
    )
    parser.add_argument("--cpp", help="the benchmark binary built from bench/cpp/bessel.cpp")
    parser.add_argument("--quick", action="store_true", help="fewer points and repeats")
    parser.add_argument("--bars", action="store_true", help="fail where a bar is missed")
    parser.add_argument("--name", default=records.LOCAL, help="of the results file")
    options = parser.parse_args(arguments)
    if options.quick:
        options.points, options.region_points, options.repeats = 200_000, 50_000, 3
        options.peer_points, options.checked = 20_000, 200
    return options


def start_peer(python: str | None) -> Peer | None:
    """TFP's process, held to one thread; None, with a word about it, where there is none."""
    if python:
        flags = "--xla_cpu_multi_thread_eigen=false"
        return Peer(python, str(ROOT / "bench/peers/_tfp_worker.py"), XLA_FLAGS=flags)
    print("without --peers-python there is no TFP beside the others", file=sys.stderr)
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints, stores; 1 if a bar is missed and --bars was given."""
    options = parse(arguments)
    block = environment.environment()
    bandwidth = environment.copy_bandwidth()
    floor = 24 / bandwidth * 1e9  # two doubles read, one written
    block |= {"copy_bandwidth": bandwidth, "floor_ns": floor}
    peer = start_peer(options.peers_python)
    if peer:
        block["versions"] |= peer.ask(do="versions")
    rows: list[Record] = []
    for function in FUNCTIONS:
        for grid in GRIDS:
            rows += measure_cell(function, grid, options, peer)
            print(f"{function} grid {grid} done", file=sys.stderr)
    if peer:
        peer.close()
    rows += measure_fixed_orders(options) + measure_regions(options)
    if options.cpp:
        rows += measure_cpp(options.cpp)
    print(f"{block['cpu']}, {block['cores']} cores, load {block['load']}; copy "
          f"{bandwidth / 1e9:.1f} GB/s, floor {floor:.2f} ns an element")  # fmt: skip
    show(rows, floor)
    return finish("bessel", options, block, rows, bars(rows))


if __name__ == "__main__":
    sys.exit(main())
