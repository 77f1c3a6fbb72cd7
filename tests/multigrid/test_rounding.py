"""What decides for cycles in float64 knows the slow modes of a box."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from longtail._grid_geometry import Geometry
from longtail._rounding import _slowest
from multigrid import grid_oracle as oracle

SIDES = [
    ("neumann", "neumann"),
    ("dirichlet", "dirichlet"),
    ("dirichlet", "neumann"),
    ("neumann", "dirichlet"),
    ("periodic", "periodic"),
]


@pytest.mark.parametrize("cell", [True, False], ids=["cells", "vertices"])
@pytest.mark.parametrize("pairs", list(itertools.product(SIDES, SIDES)), ids=str)
def test_the_slowest_mode(pairs: tuple[tuple[str, str], ...], cell: bool) -> None:
    """The smallest eigenvalue of -Laplace but 0, where spacings are far apart."""
    sizes, spacings = (40, 48), (300.0, 1.0)
    eigenvalues = np.zeros(1)
    for n, h, pair in zip(sizes, spacings, pairs, strict=True):
        root = np.sqrt(oracle.volumes_along(n, pair, cell))
        along = oracle.second_difference(n, h, pair, cell).toarray() / np.outer(root, root)
        eigenvalues = np.add.outer(eigenvalues, np.linalg.eigvalsh(along)).reshape(-1)
    smallest = eigenvalues[eigenvalues > 1e-12].min()
    got = _slowest(Geometry(sizes, spacings, pairs, cell))
    assert got == pytest.approx(smallest, rel=0.1)
