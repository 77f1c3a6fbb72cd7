"""log I and log K beside SciPy, TensorFlow Probability and torch.special.

    python bench/peers/bessel.py [--peers-python PATH] [--quick]

Cells {I, K} x grids {A, B, C, D}: each one call of 1e6 random points where SciPy is finite, all
providers on the same inputs, taking turns, results written to memory that is used again. Stores
records in bench/results/bessel-cpu-<name>.jsonl and prints the bars of the family.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT), str(ROOT / "tests")]  # in place of this folder: it has a bessel.py too

from bench.kit import environment, records  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from bench.kit.runner import Peer, Provider, interleave, timed  # noqa: E402
from bessel import grids, metrics, oracle, tables  # noqa: E402

Array = NDArray[np.float64]

SEED = 77
FUNCTIONS = ("log_bessel_i", "log_bessel_k")
GRIDS = ("A", "B", "C", "D")
THREADS = (1, 2)

# The bars: SciPy's time over ours at one thread in the 8 cells, and what a second thread brings.
MEDIAN_RATIO, MINIMUM_RATIO, GOAL_RATIO, TWO_THREADS = 25, 4, 50, 1.8

# Regions of csrc/bessel/methods.h as boxes: name, functions, rule on (v, x, w).
Rule = Callable[[Array, Array, Array], NDArray[np.bool_]]
REGIONS: dict[str, tuple[str, Rule]] = {
    "series, v < 1/2": ("log_bessel_i", lambda v, x, w: (w < 25) & (v < 0.5)),
    "series": ("log_bessel_i", lambda v, x, w: (w < 25) & (v >= 0.5)),
    "Temme": ("log_bessel_k", lambda v, x, w: (w < 25) & (x <= 1)),
    "trapezoid, w < 6": ("log_bessel_k", lambda v, x, w: (w < 6) & (x > 1)),
    "trapezoid, w < 13": ("log_bessel_k", lambda v, x, w: (w >= 6) & (w < 13) & (x > 1)),
    "trapezoid, w < 25": ("log_bessel_k", lambda v, x, w: (w >= 13) & (w < 25) & (x > 1)),
    "Debye, w < 60": ("both", lambda v, x, w: (w >= 25) & (w < 60) & ~near_zero(v, x)),
    "Debye, w < 300": ("both", lambda v, x, w: (w >= 60) & (w < 300) & ~near_zero(v, x)),
    "Debye, w < 4000": ("both", lambda v, x, w: (w >= 300) & (w < 4000) & ~near_zero(v, x)),
    "Debye, w >= 4000": ("both", lambda v, x, w: (w >= 4000) & ~near_zero(v, x)),
    "zero strip": ("both", lambda v, x, w: (w >= 25) & deep_in_strip(v, x)),
}


def near_zero(v: Array, x: Array) -> NDArray[np.bool_]:
    """Where log I and log K may be small beside w, so that double-double is needed: |L| < w/4."""
    return np.abs(_leading(v, x)) < 0.4 * np.hypot(v, x)


def deep_in_strip(v: Array, x: Array) -> NDArray[np.bool_]:
    return np.abs(_leading(v, x)) < 0.15 * np.hypot(v, x)


def _leading(v: Array, x: Array) -> Array:
    """log I to leading order: w - v asinh(v/x)."""
    return np.hypot(v, x) - v * np.arcsinh(v / x)


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
    import longtail
    import torch

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
    providers.append(
        Provider("scipy", timed(lambda: scipy_log(function, v, x, out)), len(v), 1)
    )
    if peer:
        few = min(options.peer_points, len(v))
        providers.append(tfp(peer, function, v[:few], x[:few], outputs))
    timings = interleave(providers, options.repeats)
    return [
        record(timing, function, f"grid {grid}", truth.errors(outputs[key]))
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
            record(timing, function, f"order {order}", truth.errors(results[timing.provider.name]))
            for timing in timings
        ]
    return rows


def measure_regions(options: argparse.Namespace) -> list[Record]:
    """Ours alone, ns an element in each region of the method map."""
    rows = []
    for name, (which, rule) in REGIONS.items():
        v, x = region_points(rule, options.region_points)
        for function in FUNCTIONS if which == "both" else (which,):
            out = np.empty_like(v)
            provider = Provider("longtail", ours(function, v, x, 1, out), len(v))
            timing = interleave([provider], options.repeats)[0]
            rows.append(record(timing, function, f"region {name}", (None, None)))
    return rows


def region_points(rule: Rule, n: int) -> tuple[Array, Array]:
    """n log-uniform points of one region."""
    rng = np.random.default_rng(SEED)
    kept_v: list[Array] = []
    kept_x: list[Array] = []
    while sum(map(len, kept_v)) < n:
        v, x = (np.exp(rng.uniform(np.log(1e-2), np.log(1e5), 4 * n)) for _ in range(2))
        inside = rule(v, x, np.hypot(v, x))
        kept_v.append(v[inside])
        kept_x.append(x[inside])
    return np.concatenate(kept_v)[:n], np.concatenate(kept_x)[:n]


def record(
    timing: object, function: str, case: str, errors: tuple[float | None, float | None]
) -> Record:
    """The record of one timing; `errors` are the largest and median E1."""
    from bench.kit.runner import Timing

    assert isinstance(timing, Timing)
    provider = timing.provider
    return Record(
        family="bessel",
        kernel=function,
        case=case,
        provider=provider.name,
        threads=provider.threads,
        elements=provider.elements,
        median=timing.percentile(50),
        p20=timing.percentile(20),
        p80=timing.percentile(80),
        repeats=len(timing.samples),
        max_error=errors[0],
        median_error=errors[1],
    )


def show(rows: Sequence[Record], floor: float) -> None:
    """The records as a table, each beside the floor."""
    print(f"{'kernel':14} {'case':26} {'provider':14} {'thr':>3} {'ns/element':>22} "
          f"{'x floor':>8} {'max E1':>9} {'median':>7}")  # fmt: skip
    for row in rows:
        spread = f"{row.median:9.2f} ({row.p20:.2f} .. {row.p80:.2f})"
        error = "" if row.max_error is None else f"{row.max_error:9.3g} {row.median_error:7.2g}"
        print(f"{row.kernel:14} {row.case:26} {row.provider:14} {row.threads:3} {spread:>22} "
              f"{row.median / floor:8.1f} {error}")  # fmt: skip


def show_bars(rows: Sequence[Record]) -> bool:
    """The family's bars, each met or missed; whether all are met."""
    time = {(row.kernel, row.case, row.provider, row.threads): row.median for row in rows}
    cells = [(f, f"grid {g}") for f in FUNCTIONS for g in GRIDS]
    cells = [cell for cell in cells if (*cell, "longtail", 1) in time]
    ratios = [time[(*cell, "scipy", 1)] / time[(*cell, "longtail", 1)] for cell in cells]
    scaling = [time[(*cell, "longtail", 1)] / time[(*cell, "longtail", 2)] for cell in cells]
    print("SciPy / longtail, 1 thread: "
          + ", ".join(f"{f[-1].upper()}{c[-1]} {r:.1f}"
                      for (f, c), r in zip(cells, ratios, strict=True)))  # fmt: skip
    bars = [
        ("median ratio", float(np.median(ratios)), MEDIAN_RATIO, f" (goal {GOAL_RATIO})"),
        ("minimum ratio", min(ratios), MINIMUM_RATIO, ""),
        ("2 threads, median", float(np.median(scaling)), TWO_THREADS, ""),
        ("largest E1", *largest_error(rows), ""),
    ]
    for name, value, bar, note in bars:
        met = value <= bar if name == "largest E1" else value >= bar
        print(f"{name:18} {value:8.2f}  bar {bar:g}{note}: {'met' if met else 'MISSED'}")
    return all(v <= b if n == "largest E1" else v >= b for n, v, b, _ in bars)


def largest_error(rows: Sequence[Record]) -> tuple[float, float]:
    """Our largest E1 and its bound."""
    errors = [row.max_error for row in rows if row.provider == "longtail"]
    return max(error for error in errors if error is not None), 4.0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--points", type=int, default=1_000_000, help="elements of a call")
    parser.add_argument("--peer-points", type=int, default=100_000, help="elements for TFP")
    parser.add_argument("--region-points", type=int, default=200_000)
    parser.add_argument("--checked", type=int, default=1000, help="elements compared with Arb")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--peers-python", help="a Python that has bench/peers/requirements.txt")
    parser.add_argument("--quick", action="store_true", help="fewer points and repeats")
    parser.add_argument("--name", default="local", help="end of the file's name")
    options = parser.parse_args(arguments)
    if options.quick:
        options.points, options.region_points, options.repeats = 200_000, 50_000, 3
        options.peer_points, options.checked = 20_000, 200
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints, stores; 0 if every bar is met."""
    options = parse(arguments)
    block = environment.environment()
    bandwidth = environment.copy_bandwidth()
    floor = 24 / bandwidth * 1e9  # two doubles read, one written
    block |= {"copy_bandwidth": bandwidth, "floor_ns": floor}
    peer = Peer(options.peers_python, str(ROOT / "bench/peers/tfp_worker.py"),
                XLA_FLAGS="--xla_cpu_multi_thread_eigen=false") if options.peers_python else None  # fmt: skip
    if peer:
        block["versions"] |= peer.ask(do="versions")
    else:
        print("without --peers-python there is no TFP beside the others", file=sys.stderr)
    rows: list[Record] = []
    for function in FUNCTIONS:
        for grid in GRIDS:
            rows += measure_cell(function, grid, options, peer)
            print(f"{function} grid {grid} done", file=sys.stderr)
    rows += measure_fixed_orders(options) + measure_regions(options)
    if peer:
        peer.close()
    path = records.RESULTS / f"bessel-cpu-{options.name}.jsonl"
    records.write(path, block, rows)
    print(f"{block['cpu']}, {block['cores']} cores; copy {bandwidth / 1e9:.1f} GB/s, floor "
          f"{floor:.2f} ns an element")  # fmt: skip
    show(rows, floor)
    met = show_bars(rows)
    print(f"stored in {path.relative_to(ROOT)}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
