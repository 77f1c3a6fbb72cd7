"""The tables of docs/families/multigrid-convergence.md: factors, iterations, errors, gradients.

    python tools/multigrid_convergence.py [--seed N ...] [--quick] [--write]

Exit status 1 if a number passes its limit in csrc/multigrid/contract.json. --write puts the tables
between the markers of the page, the larger number of the seeds in every cell. Two minutes a seed
on one core; --quick, small sizes only, takes seconds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence

import torch
from multigrid_entries import CONTRACT, QUICK, ROOT, WHOLE, Entry, Sizes
from multigrid_factors import METHODS, factors
from multigrid_solves import solves

PAGE = ROOT / "docs/families/multigrid-convergence.md"
BEGIN = "<!-- convergence: tools/multigrid_convergence.py --write -->\n"
END = "<!-- /convergence -->"


def measure(sizes: Sizes, seeds: Sequence[int]) -> list[Entry]:
    """All of every seed, on one thread."""
    torch.set_num_threads(1)
    return [entry for seed in seeds for of in (factors, solves) for entry in of(sizes, seed)]


def broken(entries: Iterable[Entry]) -> list[str]:
    """What passes its limit, in words."""
    return [f"beyond {entry.limit:g}: {entry}" for entry in entries if not entry.passes]


def three(value: float) -> str:
    """Digits behind the point."""
    return f"{value:.3f}"


def two(value: float) -> str:
    """Digits behind the point."""
    return f"{value:.2f}"


def whole(value: float) -> str:
    """A count."""
    return f"{value:.0f}"


def plain(number: float) -> str:
    """2.1e-7, not 2.1e-07."""
    digits, power = f"{number:.1e}".split("e")
    return f"{digits.removesuffix('.0')}e{int(power)}"


Shown = Callable[[float], str]


def grid(entries: Sequence[Entry], table: str, corner: str, shown: Shown) -> str:
    """A row a row, a column a column, the worst of the seeds in each cell."""
    worst: dict[tuple[str, str], float] = {}
    for entry in entries:
        if entry.table == table:
            place = (entry.row, entry.column)
            worst[place] = max(entry.value, worst.get(place, entry.value))
    rows = sorted(dict.fromkeys(row for row, _ in worst), key=order)
    columns = list(dict.fromkeys(column for _, column in worst))
    lines = [f"| {corner} | " + " | ".join(columns) + " |", "| --- |" + " ---: |" * len(columns)]
    for row in rows:
        cells = []
        for column in columns:
            value = worst.get((row, column))
            of_residual = row == "true residual"
            cells.append("-" if value is None else plain(value) if of_residual else shown(value))
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def order(row: str) -> tuple[bool, float]:
    """Sizes and ratios first."""
    is_number = row.replace(".", "", 1).isdigit()
    return not is_number, float(row) if is_number else 0.0


def limits(entries: Sequence[Entry]) -> str:
    """What the contract allows beside the worst of each seed."""
    seeds = sorted({entry.seed for entry in entries})
    heads = " | ".join(f"worst, seed {seed}" for seed in seeds)
    lines = [f"| promise | of | limit | {heads} |", "| --- | --- | ---: |" + " ---: |" * len(seeds)]
    for promise, cases in CONTRACT.items():
        for case, most in cases.items():
            cells = []
            for seed in seeds:
                mine = [
                    entry.value
                    for entry in entries
                    if (entry.promise, entry.case, entry.seed) == (promise, case, seed)
                ]
                cells.append(short(max(mine)) if mine else "in C++")
            lines.append(f"| {promise} | {case} | {short(most)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def short(value: float) -> str:
    """A number of any size."""
    return plain(value) if value and value < 1e-3 else f"{value:.3g}"


def section(title: str, *parts: str) -> str:
    """A heading and what is under it."""
    return "\n\n".join([f"## {title}", *parts])


def page(entries: Sequence[Entry]) -> str:
    """All tables."""

    def by_size(shown: Shown, *tables: str) -> list[str]:
        return [grid(entries, table, "size", shown) for table in tables]

    by_method = [
        part
        for dims in (2, 3)
        for method in METHODS
        for part in (
            f"{dims} axes, `{method}`:".replace(" V(", "`, `V("),
            *by_size(three, f"{dims}-D {method}"),
        )
    ]
    return "\n\n".join(
        [
            section(
                "Factors by size",
                "What one cycle leaves of a residual, at last: a power iteration of 16 cycles, the "
                "mean of the last 5. Mixed: Dirichlet and Neumann along the first axis, Neumann "
                "along the last. Spread: the largest less the smallest.",
                *by_method,
            ),
            section(
                "Cycles of poisson_solve to 1e-8",
                "From a random residual on, as many cycles:",
                *by_size(whole, "2-D cycles", "3-D cycles"),
                "and what each of them leaves, in the mean:",
                *by_size(three, "2-D mean", "3-D mean"),
            ),
            section(
                "Unlike spacings",
                "Factors where the spacing of one axis (of three axes one, or two) is that many "
                "times the other: $127^2$, $31^3$, Dirichlet unless it says Neumann.",
                grid(entries, "spacings", "ratio", three),
            ),
            section(
                "Iterations of diffusion_solve",
                "Conjugate gradients to 1e-8 at cells between Dirichlet sides, the more of two "
                "right-hand sides, 1 and random numbers. Phases are those of `darcy_dataset`; the "
                "checkerboard has eight by eight fields; channels are eight lines of cells; random "
                "cells are drawn one by one. A heading ends with the contrast. The true residual "
                "is that of the NumPy oracle.",
                *by_size(whole, *(f"iterations {contrast}" for contrast in (4, 40, 400, 1000))),
                "Phases of contrast 4 between other sides:",
                *by_size(whole, "sides"),
            ),
            section(
                "Residuals and errors by precision",
                "-Laplace on a square of vertices. `v_cycle` is run 16 times from 0 in one "
                "precision; poisson_solve works in both, and stops at its tolerance (1e-4 for "
                "float32, 1e-8 for float64), or goes on for 20 cycles. f is rounded to float32 for "
                "all. Relative residuals of what is returned, recomputed in float64 by the oracle; "
                "random f, then a smooth one:",
                *by_size(plain, "residual, random", "residual, smooth"),
                "Largest errors beside the discrete solution (SciPy's sine transforms), over its "
                "largest number:",
                *by_size(plain, "error, random", "error, smooth"),
                "Largest errors of the smooth one beside the exact solution, times $n^2$:",
                *by_size(two, "exact"),
                "What results say of themselves: the residual of the iterate in float64, that of "
                "what is returned, and by how much the latter differs from the oracle's, relative "
                "to it.",
                *by_size(plain, "reported, float32", "reported, float64"),
            ),
            section(
                "Full multigrid",
                "One V(1,1) a level, a manufactured solution between Dirichlet sides: the error "
                "over that of the discrete solution,",
                *by_size(two, "full_multigrid, error"),
                "and the distance from the discrete solution over the same:",
                *by_size(two, "full_multigrid, distance"),
            ),
            section(
                "Gradients",
                "Directional derivatives of a weighted sum of the solution (tolerance 1e-13) by "
                "autograd beside differences of the fourth order; relative differences.",
                *by_size(plain, "gradients"),
            ),
            section(
                "Limits",
                "Of `csrc/multigrid/contract.json`, and the worst of all rows:",
                limits(entries),
            ),
        ]
    )


def main() -> int:
    """Prints the tables, or writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, nargs="+", default=[0, 1], help="of the inputs")
    parser.add_argument("--quick", action="store_true", help="small sizes only")
    parser.add_argument("--write", action="store_true", help="write the page of the docs")
    options = parser.parse_args()
    if options.quick and options.write:
        parser.error("the page is of all sizes")
    entries = measure(QUICK if options.quick else WHOLE, options.seed)
    text = page(entries)
    if options.write:
        before, rest = PAGE.read_text().split(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}{text}\n{END}{rest.split(END)[1]}")
    print(text)
    wrong = broken(entries)
    print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
