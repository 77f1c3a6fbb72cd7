"""MgNO beside the FNO of neuraloperator on Darcy flow, at equal CPU seconds. Not part of CI.

    python bench/accuracy/mgno_darcy.py [--name NAME] [--case SIZE] [--seed N] [--bars] [--tune]

Needs neuraloperator 2.0.0 (bench/accuracy/requirements.txt) and the data in neuraloperator 0.3.0's
wheel (`longtail demo --fetch`). Both networks get the same data, loop, loss, optimizer, batch size,
schedule and CPU seconds of training on one thread (time.process_time; evaluation is not counted),
taking turns. The number of steps is what fits: the learning rate follows the seconds spent, not the
steps. All seeds together take 23 minutes.

Learning rates, and the depth of MgNO, come from --tune: seed 100, a tenth of the seconds, errors
on samples that were held back from training; no test sample was looked at. Stores lines in
bench/results/mgno-darcy-cpu-<name>.jsonl, each as its training ends; what the file has already is
not trained again.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT)]

from bench.kit import environment, records  # noqa: E402
from bench.kit.bars import Bar, show_bars  # noqa: E402
from longtail import data  # noqa: E402
from longtail._progress import Report, progress_report  # noqa: E402
from longtail.demos.multigrid.data import darcy  # noqa: E402
from longtail.losses import H1Loss  # noqa: E402
from longtail.nn import MgNO  # noqa: E402

MGNO, FNO = "longtail MgNO", "neuraloperator FNO"
SEEDS = (0, 1, 2)
TUNING_SEED, TUNING_SHARE = 100, 0.1
RATES = (1e-3, 2e-3, 4e-3, 8e-3)
WARMUP, FIRST_RATE = 0.3, 1 / 25


@dataclass(frozen=True)
class Case:
    """What both networks have in common, how each is made, and the bar."""

    size: int
    seconds: float
    batch: int
    modes: int
    fno_channels: int
    mgno: dict[str, Any]
    rates: dict[str, float]
    bar: float
    bar_is_open: bool

    @property
    def name(self) -> str:
        return f"{self.size}^2"


def levels(count: int) -> tuple[tuple[int, int], ...]:
    """One step on each level, two on the coarsest, as released."""
    return ((1, 0),) * (count - 1) + ((2, 0),)


OF_SIZES = (
    Case(
        size=16,
        seconds=60,
        batch=20,
        modes=8,
        fno_channels=24,
        mgno={"channels": 24, "layers": 3, "steps": levels(3)},
        rates={MGNO: 4e-3, FNO: 8e-3},
        bar=1.0,
        bar_is_open=True,
    ),
    Case(
        size=64,
        seconds=170,
        batch=10,
        modes=24,
        fno_channels=32,
        mgno={"channels": 16, "layers": 4, "steps": levels(5)},
        rates={MGNO: 2e-3, FNO: 8e-3},
        bar=1.1,
        bar_is_open=False,
    ),
)
CASES = {case.size: case for case in OF_SIZES}
#: What --tune tries in place of the settings above: (channels, layers, levels).
MGNO_TRIED = {16: ((24, 3, 3), (24, 4, 3), (24, 4, 4)), 64: ((16, 4, 5), (24, 4, 5))}


@dataclass(frozen=True)
class Samples:
    """Coefficients and pressures, [N, 1, H, W]; pressures over the deviation of those to learn."""

    a: Tensor
    u: Tensor

    def part(self, first: int, behind: int) -> Samples:
        """Of the samples."""
        return Samples(self.a[first:behind], self.u[first:behind])


def samples(size: int) -> tuple[Samples, Samples]:
    """To learn and to test: published data at 16^2, our own at 64^2."""
    if size == 16:
        learn, test = darcy("train_16"), darcy("test_16")
        phases = [2 * each.a - 1 for each in (learn, test)]
    else:
        learn = data.darcy_dataset(512, size, progress=True)
        test = data.darcy_dataset(100, size, first=512, progress=True)
        phases = [(each.a - 7.5) / 4.5 for each in (learn, test)]
    scale = learn.u.std()
    pair = [
        Samples(a.unsqueeze(1), each.u.unsqueeze(1) / scale)
        for a, each in zip(phases, (learn, test), strict=True)
    ]
    return pair[0], pair[1]


def loss_of(size: int) -> H1Loss:
    """The points of the published data are vertices, from the boundary on to one step before it;
    ours are centres of cells."""
    return H1Loss("dirichlet", "vertex", spacing=1 / 16) if size == 16 else H1Loss(grid="cell")


def network(case: Case, name: str) -> nn.Module:
    """A fresh one, with everything that the case does not say as its authors left it."""
    if name == MGNO:
        return MgNO(1, 1, **case.mgno)
    from neuralop import models

    made: nn.Module = models.FNO((case.modes, case.modes), 1, 1, hidden_channels=case.fno_channels)
    return made


def one_cycle(share: float) -> float:
    """OneCycleLR's learning rate over its largest, after a share of the training: a cosine up from
    1/25 over three tenths, another down to 4e-6."""
    if share < WARMUP:
        return FIRST_RATE + (1 - FIRST_RATE) * (1 - math.cos(math.pi * share / WARMUP)) / 2
    rest = (share - WARMUP) / (1 - WARMUP)
    return FIRST_RATE * 1e-4 + (1 - FIRST_RATE * 1e-4) * (1 + math.cos(math.pi * rest)) / 2


def batches(count: int, size: int) -> Iterator[Tensor]:
    """Rows, for ever; what is left of an epoch is dropped."""
    while True:
        yield from (rows for rows in torch.randperm(count).split(size) if len(rows) == size)


def train(
    model: nn.Module, learn: Samples, case: Case, rate: float, report: Report, label: str
) -> int:
    """For the CPU seconds of the case; returns the steps."""
    loss = loss_of(case.size)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    model.train()
    start = time.process_time()
    for step, rows in enumerate(batches(len(learn.a), case.batch)):
        spent = time.process_time() - start
        report(round(spent), round(case.seconds), label)
        if spent >= case.seconds:
            return step
        for group in optimizer.param_groups:
            group["lr"] = rate * one_cycle(spent / case.seconds)
        value = loss(model(learn.a[rows]), learn.u[rows])
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()
    raise AssertionError("batches never end")


@torch.no_grad()
def errors(model: nn.Module, on: Samples, size: int) -> dict[str, float]:
    """Means of the relative norms."""
    model.eval()
    got = torch.cat([model(a) for a in on.a.split(50)])
    ratio = (got - on.u).flatten(1).norm(dim=1) / on.u.flatten(1).norm(dim=1)
    return {"l2": float(ratio.mean()), "h1": float(loss_of(size)(got, on.u))}


def run(
    case: Case, name: str, seed: int, learn: Samples, test: Samples, rate: float, report: Report
) -> dict[str, Any]:
    """One training, as it is stored."""
    torch.manual_seed(seed)
    model = network(case, name)
    label = f"{case.name} {name} seed {seed}"
    steps = train(model, learn, case, rate, report, label)
    return {
        "kind": "training",
        "family": "multigrid",
        "case": case.name,
        "provider": name,
        "seed": seed,
        "cpu_seconds": case.seconds,
        "steps": steps,
        "epochs": steps * case.batch / len(learn.a),
        "batch": case.batch,
        "rate": rate,
        "parameters": sum(p.numel() * (1 + p.is_complex()) for p in model.parameters()),
        "settings": case.mgno
        if name == MGNO
        else {"modes": case.modes, "channels": case.fno_channels},
        **errors(model, test, case.size),
    }


def show(row: dict[str, Any]) -> None:
    """A line of the table."""
    print(
        f"{row['case']:5} {row['provider']:19} seed {row['seed']:<3} rate {row['rate']:.0e} "
        f"{row['parameters']:8} parameters {row['steps']:6} steps ({row['epochs']:5.1f} epochs)  "
        f"L2 {100 * row['l2']:6.3f} %  H1 {100 * row['h1']:6.3f} %",
        flush=True,
    )


def bars(rows: Sequence[dict[str, Any]]) -> list[Bar]:
    """Of multigrid.md: the mean of our L2 errors over the mean of theirs."""
    result = []
    for case in CASES.values():
        means = [
            statistics.fmean(found)
            for name in (MGNO, FNO)
            if (found := [r["l2"] for r in rows if (r["case"], r["provider"]) == (case.name, name)])
        ]
        if len(means) == 2:
            # "Beats" is one of the last bit below.
            bar = math.nextafter(case.bar, 0) if case.bar_is_open else case.bar
            title = f"Darcy {case.name}, error of MgNO over FNO's"
            result.append(Bar(title, means[0] / means[1], bar, at_most=True))
    return result


def tune(cases: Sequence[Case], report: Report) -> None:
    """Prints errors on samples held back: a fifth of those to learn from."""
    for whole in cases:
        learn, _ = samples(whole.size)
        cut = len(learn.a) * 4 // 5
        case = replace(whole, seconds=whole.seconds * TUNING_SHARE)
        tried: list[tuple[str, dict[str, Any]]] = [
            (MGNO, {"channels": channels, "layers": layers, "steps": levels(count)})
            for channels, layers, count in MGNO_TRIED[case.size]
        ]
        tried.append((FNO, case.mgno))
        for name, mgno in tried:
            for rate in RATES:
                row = run(
                    replace(case, mgno=mgno),
                    name,
                    TUNING_SEED,
                    learn.part(0, cut),
                    learn.part(cut, len(learn.a)),
                    rate,
                    report,
                )
                show(row)
                print(f"      {row['settings']}")


def stored(path: Path) -> list[dict[str, Any]]:
    """The trainings of a file."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [row for row in rows if row["kind"] == "training"]


def measure(cases: Sequence[Case], seeds: Sequence[int], report: Report, path: Path) -> None:
    """Every training that the file lacks, the two networks taking turns."""
    have = {(row["case"], row["provider"], row["seed"]) for row in stored(path)}
    for case in cases:
        missing = [
            (seed, name)
            for seed in seeds
            for name in (MGNO, FNO)
            if (case.name, name, seed) not in have
        ]
        if not missing:
            continue
        learn, test = samples(case.size)
        for seed, name in missing:
            row = run(case, name, seed, learn, test, case.rates[name], report)
            with path.open("a") as file:
                file.write(json.dumps(row) + "\n")


def main() -> int:
    """What the script exits with."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--name", default=records.LOCAL, help="of the results file")
    parser.add_argument("--case", type=int, choices=CASES, action="append", help="these alone")
    parser.add_argument("--seed", type=int, choices=SEEDS, action="append", help="these alone")
    parser.add_argument("--bars", action="store_true", help="exit with 1 if a bar is missed")
    parser.add_argument("--tune", action="store_true", help="only look for learning rates")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cases = [CASES[size] for size in options.case or CASES]
    with progress_report(True, "training") as report:
        if options.tune:
            tune(cases, report)
            return 0
        path = records.path_of("mgno-darcy", options.name)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            versions = ("numpy", "torch", "neuraloperator", "longtail")
            path.write_text(json.dumps(environment.environment(versions)) + "\n")
        measure(cases, options.seed or SEEDS, report, path)
    rows = stored(path)
    for row in rows:
        show(row)
    met = show_bars(bars(rows))
    records.replace_bars(path, bars(rows))
    print(f"stored in {path.relative_to(environment.ROOT)}")
    return 0 if met or not options.bars else 1


if __name__ == "__main__":
    sys.exit(main())
