"""Multigrid keeps csrc/multigrid/contract.json, and docstrings quote it.

The numbers are measured by tools/multigrid_convergence.py: here a small part, with ``-m full`` all
sizes and two seeds, which take some minutes on one core.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from longtail.multigrid import diffusion_solve, full_multigrid, poisson_solve, smooth, v_cycle
from multigrid import grid_oracle

ROOT = Path(__file__).parents[2]
CONTRACT: dict[str, Any] = json.loads((ROOT / "csrc/multigrid/contract.json").read_text())

#: By line of the contract: what of which docstrings speaks of it, and whether of all of it.
CLAIMS: dict[str, tuple[tuple[Callable[..., Any], ...], str, bool]] = {
    "poisson_solve": ((poisson_solve,), r"leaves of a residual at last, at most: (.*?)\. ", True),
    "poisson_solve, spacings": ((poisson_solve,), r"Whatever the spacings: (.*?)\. ", True),
    "error, random": ((poisson_solve,), r"tolerances and a random f: (.*?)\. ", False),
    "error, smooth": ((poisson_solve,), r"A smooth f: (.*?)\. ", False),
    "v_cycle V(1,1)": ((v_cycle,), r"leaves of a residual at last, at most: (.*?)\. V\(2", True),
    "v_cycle V(2,1)": ((v_cycle,), r"V\(2,1\): (.*?)\. Sizes", True),
    "diffusion_solve, phases": ((diffusion_solve,), r"63 to 1023, at most: (.*?)\. ", True),
    "diffusion_solve, random cells": ((diffusion_solve,), r"one by one they take (.*?)\. ", True),
    "gradients": ((poisson_solve, diffusion_solve), r"with differences to (.*?)\. ", True),
    "full_multigrid": ((full_multigrid,), r"V\(1,1\) a level, at most: (.*?)\. ", True),
    "residual, random": ((smooth,), r"for a random f, (.*?)\. ", False),
    "residual, smooth": ((smooth,), r"by eps / h\^2, (.*?)\. ", False),
}
CLAIM = re.compile(r"([0-9.]+(?:e-\d+)?) \(([^)]*)\)")


@pytest.mark.parametrize("line", CLAIMS)
def test_docstrings(line: str) -> None:
    """Every number of a sentence is the contract's, beside its case."""
    functions, sentence, whole = CLAIMS[line]
    claimed: dict[str, float] = {}
    for function in functions:
        text = " ".join((function.__doc__ or "").replace("``", "").split()) + " "
        found = re.search(sentence, text)
        assert found is not None
        claimed |= {case: float(number) for number, case in CLAIM.findall(found[1])}
    assert claimed
    assert claimed.items() <= CONTRACT[line].items()
    if whole:
        assert claimed == CONTRACT[line]


@pytest.mark.parametrize("cell", [False, True])
def test_oracle(tool: Callable[[str], Any], cell: bool) -> None:
    """The tables' operator is that of SciPy's matrices, for all sides, and its sines solve it."""
    oracle_of, random = tool("multigrid_oracle").FluxOracle, np.random.default_rng(0)
    for sizes, spacings in (((5, 6), (0.3, 0.7)), ((2, 4, 3), (0.5, 0.2, 0.3))):
        for sides in itertools.product(grid_oracle.PAIRS, repeat=len(sizes)):
            a, u = random.uniform(0.5, 2, sizes), random.standard_normal(sizes)
            oracle = oracle_of(a, sides, cell, spacings)
            matrix = grid_oracle.diffusion_matrix(a, spacings, sides, cell)
            expected = matrix @ u.ravel() / grid_oracle.volumes_of(sizes, sides, cell).ravel()
            assert np.abs(oracle(u).ravel() - expected).max() < 1e-13 * np.abs(expected).max()
    oracle = oracle_of(np.ones((9, 10)), ("dirichlet", "dirichlet"), cell)
    f = random.standard_normal((9, 10))
    assert oracle.residual(oracle.solve(f), f) < 1e-14


def test_manufactured(tool: Callable[[str], Any]) -> None:
    """Its -Laplace is the right one: the discrete solution comes four times nearer for a step half
    as long."""
    module = tool("multigrid_oracle")
    errors = []
    for n in (31, 63):
        oracle = module.FluxOracle(np.ones((n, n)), ("dirichlet", "dirichlet"), False)
        u, f = module.manufactured(oracle, 0)
        errors.append(np.abs(oracle.solve(f) - u).max())
    assert 3.9 < errors[0] / errors[1] < 4.1


def check(tool: Callable[[str], Any], sizes: str, seeds: tuple[int, ...], cases: set[str]) -> None:
    """All limits are kept, and none is left out but those named."""
    module = tool("multigrid_convergence")
    entries = module.measure(getattr(module, sizes), seeds)
    assert module.broken(entries) == []
    judged = {entry.promise for entry in entries if entry.promise}
    assert judged == CONTRACT.keys() - cases


IN_CPP = {"about", "Poisson cycle V(2,1)"}


def test_small(tool: Callable[[str], Any]) -> None:
    """Sizes to 127, to 31 in three dimensions."""
    check(tool, "QUICK", (0,), IN_CPP)


@pytest.mark.full
def test_whole(tool: Callable[[str], Any]) -> None:
    """All sizes, on two seeds that the docs' tables are not of."""
    check(tool, "WHOLE", (2, 3), IN_CPP)


def test_a_number_beyond_its_limit_is_found(tool: Callable[[str], Any]) -> None:
    """And a nan."""
    entry, broken = tool("multigrid_entries").Entry, tool("multigrid_convergence").broken
    fine = entry("a", "b", "c", 1.5, 0, "full_multigrid", "error")
    assert broken([fine, entry("a", "b", "c", 9.0, 0)]) == []
    assert len(broken([fine._replace(value=1.51), fine._replace(value=float("nan"))])) == 2
