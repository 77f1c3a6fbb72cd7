"""Matrices of elliptic operators by SciPy, put together axis by axis or face by face."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sparse
import torch
from torch import Tensor

Pair = tuple[str, str]

#: Every kind of axis.
PAIRS: tuple[Pair, ...] = (
    ("dirichlet", "dirichlet"),
    ("dirichlet", "neumann"),
    ("neumann", "dirichlet"),
    ("neumann", "neumann"),
    ("periodic", "periodic"),
)


def spacings_of(sizes: Sequence[int], sides: Sequence[Pair], cell: bool) -> list[float]:
    """Of the unit box."""
    result = []
    for n, pair in zip(sizes, sides, strict=True):
        intervals = n if cell or pair[0] == "periodic" else n - 1 + pair.count("dirichlet")
        result.append(1 / intervals)
    return result


def volumes_along(n: int, pair: Pair, cell: bool) -> Any:
    """Of the unknowns of an axis, in steps."""
    volumes = np.ones(n)
    if not cell:
        if pair[0] == "neumann":
            volumes[0] /= 2
        if pair[1] == "neumann":
            volumes[-1] /= 2
    return volumes


def volumes_of(sizes: Sequence[int], sides: Sequence[Pair], cell: bool) -> Any:
    """Of all unknowns."""
    result = np.ones(())
    for n, pair in zip(sizes, sides, strict=True):
        result = np.multiply.outer(result, volumes_along(n, pair, cell))
    return result


def right_side(sizes: Sequence[int], sides: Sequence[Pair], cell: bool) -> Tensor:
    """Random numbers; without their mean by volume where constants are in the null space."""
    f = torch.randn(*sizes, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    if all("dirichlet" not in pair for pair in sides):
        volumes = torch.from_numpy(volumes_of(sizes, sides, cell))
        f -= (f * volumes).sum() / volumes.sum()
    return f


def second_difference(n: int, h: float, pair: Pair, cell: bool) -> Any:
    """-u'' of one axis times volumes (in steps): symmetric."""
    matrix = sparse.lil_matrix((n, n))
    for i in range(n - 1):
        matrix[i, i] += 1
        matrix[i + 1, i + 1] += 1
        matrix[i, i + 1] -= 1
        matrix[i + 1, i] -= 1
    if pair[0] == "periodic":
        matrix[0, 0] += 1
        matrix[n - 1, n - 1] += 1
        matrix[0, n - 1] -= 1
        matrix[n - 1, 0] -= 1
    for end, side in ((0, pair[0]), (n - 1, pair[1])):
        if side == "dirichlet":
            matrix[end, end] += 2 if cell else 1
    return matrix.tocsr() / h**2


def poisson_matrix(
    sizes: Sequence[int], spacings: Sequence[float], sides: Sequence[Pair], cell: bool
) -> Any:
    """-Laplace times volumes, as a sum of Kronecker products."""
    result = None
    for axis in range(len(sizes)):
        term = sparse.eye(1)
        for other, n in enumerate(sizes):
            factor = (
                second_difference(n, spacings[axis], sides[axis], cell)
                if other == axis
                else sparse.diags(volumes_along(n, sides[other], cell))
            )
            term = sparse.kron(term, factor)
        result = term if result is None else result + term
    return result.tocsr()


def diffusion_matrix(a: Any, spacings: Sequence[float], sides: Sequence[Pair], cell: bool) -> Any:
    """-div(a grad) times volumes, face by face: the harmonic mean of both sides."""
    sizes = a.shape
    number = np.arange(a.size).reshape(sizes)
    along = [volumes_along(n, pair, cell) for n, pair in zip(sizes, sides, strict=True)]
    matrix = sparse.lil_matrix((a.size, a.size))
    for place in itertools.product(*map(range, sizes)):
        for axis, h in enumerate(spacings):
            area = np.prod([along[d][place[d]] for d in range(len(sizes)) if d != axis])
            i, n, to = number[place], sizes[axis], list(place)
            to[axis] += 1
            if to[axis] == n and sides[axis][1] == "periodic":
                to[axis] = 0
            if to[axis] < n:
                j, there = number[tuple(to)], a[tuple(to)]
                weight = area * 2 / (1 / a[place] + 1 / there) / h**2
                matrix[i, i] += weight
                matrix[j, j] += weight
                matrix[i, j] -= weight
                matrix[j, i] -= weight
            for end, side in ((0, sides[axis][0]), (n - 1, sides[axis][1])):
                if place[axis] == end and side == "dirichlet":
                    matrix[i, i] += area * a[place] * (2 if cell else 1) / h**2
    return matrix.tocsr()


def matrix_of(function: Callable[[Tensor], Tensor], sizes: Sequence[int]) -> Any:
    """The dense matrix of a linear function of grids ``[..., sizes]``, which takes batches."""
    n = int(np.prod(sizes))
    columns = function(torch.eye(n, dtype=torch.float64).reshape(n, *sizes))
    return columns.reshape(n, -1).numpy().T


def matrix_of_entries(entries: dict[tuple[int, ...], Tensor], sizes: Sequence[int]) -> Any:
    """The matrix whose row i has ``entries[o][i]`` in column i + o; indices wrap around."""
    n = int(np.prod(sizes))
    number = np.arange(n).reshape(sizes)
    matrix = np.zeros((n, n))
    for offset, values in entries.items():
        to = np.roll(number, [-o for o in offset], range(len(sizes)))
        np.add.at(matrix, (number.ravel(), to.ravel()), values.numpy().ravel())
    return matrix


def colours_of(sizes: Sequence[int], red_black: bool) -> list[Any]:
    """Numbers of the unknowns of each colour, in the order of Gauss-Seidel."""
    index = np.indices(sizes).reshape(len(sizes), -1)
    if red_black:
        return [np.flatnonzero(index.sum(0) % 2 == colour) for colour in (0, 1)]
    kinds = itertools.product((0, 1), repeat=len(sizes))
    return [np.flatnonzero((index % 2 == np.array(kind)[:, None]).all(0)) for kind in kinds]


def relaxed(a: Any, u: Any, f: Any, colours: list[Any], omega: float) -> Any:
    """One sweep."""
    u = u.copy()
    for points in colours:
        u[points] += omega * (f - a @ u)[points] / np.diag(a)[points]
    return u


def chebyshev(a: Any, u: Any, f: Any, degree: int, bound: float) -> Any:
    """By the polynomial itself, on the eigenvectors of A over its diagonal."""
    root = np.sqrt(np.diag(a))
    values, vectors = np.linalg.eigh(a / np.outer(root, root))
    middle, radius = bound * 5 / 8, bound * 3 / 8

    def polynomial(x: Any) -> Any:
        return np.polynomial.chebyshev.chebval(x, [0] * degree + [1])

    left = polynomial((middle - values) / radius) / polynomial(middle / radius)
    # The error e becomes p(D^-1 A) e, so that u moves by (1 - p) / lambda of D^-1 (f - A u).
    gain = np.array(
        [
            (1 - p) / v if abs(v) > 1e-12 else degree_gain(degree, bound)
            for p, v in zip(left, values, strict=True)
        ]
    )
    r = (f - a @ u) / root
    return u + (vectors @ (gain * (vectors.T @ r))) / root


def degree_gain(degree: int, bound: float) -> float:
    """The limit of (1 - p(x)) / x at 0."""
    middle, radius = bound * 5 / 8, bound * 3 / 8
    series = np.polynomial.chebyshev.Chebyshev([0] * degree + [1])
    return float(series.deriv()(middle / radius) / radius / series(middle / radius))
