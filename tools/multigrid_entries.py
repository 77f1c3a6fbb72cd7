"""What the tables of tools/multigrid_convergence.py are made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
CONTRACT: dict[str, dict[str, float]] = {
    name: limits
    for name, limits in json.loads((ROOT / "csrc/multigrid/contract.json").read_text()).items()
    if name != "about"
}


class Entry(NamedTuple):
    """One number; ``promise`` and ``case`` name its limit in the contract, or are empty."""

    table: str
    row: str
    column: str
    value: float
    seed: int
    promise: str = ""
    case: str = ""

    @property
    def limit(self) -> float | None:
        """The most it may be."""
        return CONTRACT[self.promise][self.case] if self.promise else None

    @property
    def passes(self) -> bool:
        """Whether the contract is kept. A nan is not kept."""
        return self.limit is None or self.value <= self.limit


class Sizes(NamedTuple):
    """What is measured: all, or as much as a test has time for."""

    powers: tuple[int, ...]  # 2^k - 1
    others: tuple[int, ...]
    cubes: tuple[int, ...]
    ratios: tuple[float, ...]  # of spacings
    solves: tuple[int, ...]

    @property
    def squares(self) -> tuple[int, ...]:
        """Of factors, in order."""
        return tuple(sorted(self.powers + self.others))


WHOLE = Sizes(
    powers=(63, 127, 255, 511, 1023),
    others=(61, 100, 421, 1000),
    cubes=(15, 31, 63, 100, 127),
    ratios=(1, 1.1, 1.25, 1.3, 1.5, 2, 3, 4, 10, 30, 100),
    solves=(63, 127, 255, 511, 1023),
)
QUICK = Sizes(
    powers=(63, 127), others=(61, 100), cubes=(15, 31), ratios=(1, 1.5, 4, 100), solves=(63, 127)
)
