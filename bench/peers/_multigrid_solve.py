"""Poisson and Darcy problems to 1e-8 in float64, beside everybody who solves them. Part of
bench/peers/multigrid.py; as a script, prints the peak memory of one:

    python bench/peers/_multigrid_solve.py PROVIDER CASE

The residual of every solution is computed here, with the same matrix. Whoever needs longer than
SLOW seconds is measured by one call; who ignores threads stands there once. One thread of BLAS:
conjugate gradients in SciPy are no faster with two. The matrices of those who need one are made
before and count neither as time nor as memory.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import numpy as np
import threadpoolctl
import torch

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT)]

from bench.kit.bars import Bar  # noqa: E402
from bench.kit.memory import give_back, growth, megabytes_of  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from bench.kit.runner import Provider, interleave  # noqa: E402
from bench.peers import _multigrid_rivals as rivals  # noqa: E402
from bench.peers._multigrid_problems import FULL, QUICK, TINY, TOL, Problem  # noqa: E402
from bench.peers._multigrid_rivals import Rival, Solved  # noqa: E402

KERNEL = "solve"
SLOW = 2.0
#: Where memory is measured and whose, by a process for each.
MEMORY_CASE = "Poisson 511^2"
MEMORY_OF = (
    *(rivals.OURS, rivals.OURS_DST, rivals.SCIPY_DST, rivals.EAGER),
    *(rivals.CLASSICAL, rivals.SUPERLU, rivals.SCIPY_CG),
)
#: Of bench/peers/multigrid.py: seconds, iterations.
MOST_SECONDS, MOST_ITERATIONS = 0.05, 12
#: What PyAMG took where that bar was set: seconds are worth what it takes now over this.
AMG_SECONDS = {"Poisson 1023^2": 2.33, "Darcy 511^2": 0.8}
BY_AMG = f", {MOST_SECONDS} where PyAMG is as fast as there"
OVER_PYAMG, OVER_DST = 40, 1.5
#: What somebody may stop above the tolerance, by an estimate of the residual of its own.
SLACK = 1.5


class Run:
    """A rival at a problem: every call's times, and the last call's solution."""

    def __init__(self, rival: Rival, problem: Problem, threads: int) -> None:
        self.rival, self.problem, self.threads = rival, problem, threads
        self.setups: list[float] = []
        self.last: Solved | None = None

    def seconds(self) -> float:
        self.last = None
        solved = self.rival.run(self.problem, self.threads)
        self.setups.append(solved.setup)
        self.last = solved
        return solved.setup + solved.solve

    def fill(self, row: Record) -> Record:
        """What stands beside times; raises RuntimeError for a solution that is none."""
        assert self.last is not None
        row.max_error = row.median_error = self.problem.residual(self.last.x)
        if not row.max_error <= SLACK * TOL:
            raise RuntimeError(
                f"{row.provider}, {row.case}: the residual is {row.max_error:.1e}, expected {TOL:g}"
            )
        total = row.median * row.elements * 1e-6
        setup = 1e3 * float(np.median(self.setups[-row.repeats :]))
        row.extra = {"milliseconds": total, "setup": setup, "iterations": self.last.iterations}
        steps = "" if self.last.iterations is None else f", {self.last.iterations} iterations"
        row.extra["note"] = f"{total:.1f} ms, of it setup {setup:.1f}{steps}"
        return row


def measure_case(
    problem: Problem, everybody: dict[str, Rival], threads: int, repeats: int
) -> list[Record]:
    """All who take the problem, taking turns."""
    runs = {
        name: Run(rival, problem, threads)
        for name, rival in everybody.items()
        if rival.takes(problem)
    }
    providers = [
        Provider(name, run.seconds, problem.f.numel(), threads) for name, run in runs.items()
    ]
    timings = interleave(providers, repeats, SLOW)
    return [
        runs[timing.provider.name].fill(timing.record("multigrid", KERNEL, problem.case))
        for timing in timings
    ]


def load_everything(everybody: dict[str, Rival]) -> None:
    """Code that is loaded on first use is not what a slow provider's one call should measure."""
    for make in TINY:
        problem = make()
        for rival in everybody.values():
            if rival.takes(problem):
                rival.run(problem, 1)


def measure(threads: tuple[int, ...], repeats: int, quick: bool) -> list[Record]:
    """Every problem at every number of threads."""
    result: list[Record] = []
    everybody = rivals.installed()
    with torch.no_grad(), threadpoolctl.threadpool_limits(limits=1, user_api="blas"):
        load_everything(everybody)
        for count in threads:
            torch.set_num_threads(count)
            for make in (QUICK if quick else FULL).values():
                result += measure_case(make(), everybody, count, repeats)
                give_back()
            everybody = {name: rival for name, rival in everybody.items() if rival.threaded}
    for row in result:
        wanted = row.case == MEMORY_CASE and row.provider in MEMORY_OF
        if wanted and row.threads == threads[0]:
            row.extra["peak_megabytes"] = megabytes_of(__file__, row.provider, row.case)
    return result


def bars(rows: list[Record]) -> list[Bar]:
    """Of multigrid.md, one thread."""
    found = {(row.case, row.provider): row for row in rows if row.threads == 1}
    result: list[Bar] = []

    def seconds(case: str, provider: str) -> float:
        return 1e-3 * float(found[case, provider].extra["milliseconds"])

    def in_seconds(case: str, mine: float) -> float | None:
        """The bar of seconds by what PyAMG's better takes, which is returned."""
        amg = [seconds(case, name) for name in rivals.AMG if (case, name) in found]
        if not amg:
            return None
        most = MOST_SECONDS * min(amg) / AMG_SECONDS[case]
        what = "seconds, setup inside"
        result.append(Bar(f"{case}: {what}", mine, most, at_most=True, note=BY_AMG))
        return min(amg)

    case = "Poisson 1023^2"
    if (case, rivals.OURS) in found:
        mine = seconds(case, rivals.OURS)
        amg = in_seconds(case, mine)
        if amg:
            result.append(Bar(f"{case}: PyAMG's better over ours", amg / mine, OVER_PYAMG))
        over = mine / seconds(case, rivals.SCIPY_DST)
        result.append(Bar(f"{case}: ours over SciPy's DST", over, OVER_DST, at_most=True))
    case = "Darcy 511^2"
    if (case, rivals.OURS) in found:
        row = found[case, rivals.OURS]
        mine = seconds(case, rivals.OURS)
        in_seconds(case, mine)
        steps = float(row.extra["iterations"])
        result.append(Bar(f"{case}: iterations", steps, MOST_ITERATIONS, at_most=True))
    for name in (rivals.OURS, rivals.OURS_APART, rivals.OURS_DST):
        mine = max((row.max_error or 0.0 for row in rows if row.provider == name), default=0.0)
        result.append(Bar(f"{name}: largest residual over {TOL:g}", mine / TOL, 1, at_most=True))
    return result


def main() -> None:
    """The memory of one provider."""
    provider, case = sys.argv[1:]
    torch.set_num_threads(1)
    run = rivals.RIVALS[provider].run
    with torch.no_grad(), threadpoolctl.threadpool_limits(limits=1, user_api="blas"):
        load_everything({provider: rivals.RIVALS[provider]})
        problem = {**QUICK, **FULL}[case]()
        print(growth(partial(run, problem, 1)))


if __name__ == "__main__":
    main()
