"""Data for operator learning: random fields, and equations solved for random coefficients.

Sample i of a seed is a function of (seed, i) and the parameters: the same bits whatever the number
of samples, batches, threads, files and interruptions.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from longtail._darcy import pressures
from longtail._data_generate import generated
from longtail._data_load import ChunkedDataset, Darcy, Helmholtz
from longtail._helmholtz import DirectSolver, HelmholtzOperator
from longtail._progress import Report
from longtail._random_fields import (
    LARGEST_KEY,
    GaussianRandomField,
    grid_size,
    positive_number,
    random_numbers,
    storage_dtype,
    whole_number,
)
from longtail._solve_result import ConvergenceError, tolerance

__all__ = [
    "ChunkedDataset",
    "ConvergenceError",
    "Darcy",
    "GaussianRandomField",
    "Helmholtz",
    "HelmholtzOperator",
    "darcy_dataset",
    "helmholtz_dataset",
    "load",
]

#: Of the shortest wave: below this a second-order grid shows no wave at all.
_POINTS_PER_WAVE = 4


def load(folder: str | Path) -> ChunkedDataset:
    """The data set of a folder; see :class:`~longtail.data.ChunkedDataset`."""
    return ChunkedDataset(folder)


def darcy_dataset(
    n: int,
    size: int | Sequence[int],
    contrast: float = 4.0,
    seed: int = 0,
    *,
    low: float = 3.0,
    f: float | Tensor = 1.0,
    alpha: float = 2.0,
    tau: float = 3.0,
    first: int = 0,
    tol: float | None = None,
    dtype: torch.dtype = torch.float32,
    out: str | Path | None = None,
    chunk: int | None = None,
    progress: bool | Report = False,
) -> Darcy | ChunkedDataset:
    """Flow through a medium of two phases: ``-div(a grad u) = f``, u = 0 on the boundary.

    a is ``low * contrast`` where a :class:`GaussianRandomField` is not negative and ``low``
    elsewhere; by default 12 and 3. Unit box, centres of cells, harmonic faces, in float64, as
    ``longtail.multigrid.diffusion_solve`` has them. The Fourier neural operator's recipe but
    for one thing: there a is interpolated by splines, which overshoot, so that published sets
    differ from this one by 0.3 to 1.5 %.

    Args:
        n: samples.
        size: of the grid: an int for a square, or one for each of 2 or 3 axes.
        contrast: of the phases, 1 or more.
        seed: 0 to 2^64 - 1.
        low: the lower coefficient.
        f: a number, or a tensor of the grid, the same for all samples.
        alpha: of the field.
        tau: of the field.
        first: index of the first sample: machines can share a set.
        tol: relative residual of the float64 solution; None: 1e-8, or 1e-6 if ``dtype`` is float32,
            which leaves an error of 7e-9 of the largest u, less than rounding (measured at 64^2 to
            256^2, contrasts 4 and 1000).
        dtype: of what is returned or stored, float32 or float64.
        out: a folder for chunks of samples, each a safetensors file that is there whole or not at
            all; needs ``longtail[data]``. The same call goes on where another was interrupted, and
            the files do not show it.
        chunk: samples in a file; None: files of at most 64 MiB.
        progress: True for a bar, or a callable (done, total, note).

    Returns:
        :class:`Darcy` (a, u) of ``[n, *size]``, or a :class:`ChunkedDataset` of ``out``.

    Raises:
        TypeError: a dtype or type that does not fit.
        ValueError: a number or shape that does not fit, or a folder with other parameters.
        ConvergenceError: a solve did not reach ``tol``.
        ImportError: ``out`` without safetensors.
        RuntimeError: another process writes to ``out``.

    Source: Li et al., "Fourier neural operator for parametric partial differential equations",
    2021, A.3.2.
    """
    name = "darcy_dataset"
    sizes = grid_size(name, size, (2, 3))
    contrast = positive_number(name, "contrast", contrast)
    if contrast < 1:
        raise ValueError(f"{name}: contrast: got {contrast}, expected 1 or more")
    low = positive_number(name, "low", low)
    kind = storage_dtype(name, dtype)
    tol = _tolerance(name, tol, kind)
    seed = whole_number(name, "seed", seed, 0, LARGEST_KEY)
    field = GaussianRandomField(sizes, alpha=alpha, tau=tau)
    right = _source(name, f, sizes)

    def make(index: int, count: int) -> dict[str, Tensor]:
        g = field.sample(count, seed=seed, first=index)
        a = torch.full_like(g, low).masked_fill_(g >= 0, low * contrast)
        u = pressures(a, right, tol)
        return {"a": a.to(kind), "u": u.to(kind)}

    parameters = {
        "alpha": float(alpha),
        "contrast": contrast,
        "f": _described(f),
        "low": low,
        "seed": seed,
        "size": list(sizes),
        "tau": float(tau),
        "tol": tol,
    }
    tensors = {"a": (sizes, kind), "u": (sizes, kind)}
    return generated("darcy", make, n, first, tensors, parameters, out, chunk, progress)


def helmholtz_dataset(
    n: int,
    size: int | Sequence[int],
    wavenumber: float,
    seed: int = 0,
    *,
    contrast: float = 0.2,
    f: Tensor | None = None,
    source_width: float = 0.05,
    alpha: float = 2.0,
    tau: float = 3.0,
    first: int = 0,
    tol: float | None = None,
    dtype: torch.dtype = torch.complex64,
    out: str | Path | None = None,
    chunk: int | None = None,
    progress: bool | Report = False,
) -> Helmholtz | ChunkedDataset:
    """Waves through a smooth medium: ``-Laplace u - k^2 a u = f``, waves leaving at the boundary.

    The medium has the wave speed ``c = 1 + contrast * tanh(g)``, g a :class:`GaussianRandomField`
    scaled to the standard deviation 1, and ``a = 1 / c^2``; f is a bump at a random place of the
    middle half of the unit square. Discretised by :class:`HelmholtzOperator`, solved by SciPy's
    SuperLU in complex128 with a true residual, 0.7 s for a grid of 256^2, eight times as much
    for twice the size.

    Args:
        n: as of :func:`darcy_dataset`, as all that is not explained here.
        size: an int for a square grid, or two.
        wavenumber: k; four points or more in the shortest wave,
            ``2 pi (1 - contrast) / k``.
        seed: 0 to 2^64 - 1.
        contrast: of the wave speed, 0 to 1 (exclusive).
        f: a source ``[H, W]`` for all samples instead.
        source_width: standard deviation of the bump.
        alpha: of the field.
        tau: of the field.
        first: index of the first sample.
        tol: relative residual of the complex128 solution; None: 1e-8, or 1e-6 for complex64.
        dtype: of u, complex64 or complex128; a and f are real of that precision.
        out: a folder.
        chunk: samples in a file.
        progress: True for a bar, or a callable (done, total, note).

    Returns:
        :class:`Helmholtz` (a, f, u) of ``[n, H, W]``, or a :class:`ChunkedDataset` of ``out``.

    Raises:
        As :func:`darcy_dataset`; ImportError without SciPy.

    Source of the medium: de Hoop, Huang, Qian, Stuart, "The cost-accuracy trade-off in operator
    learning with neural networks", 2022, 4.1.3.
    """
    name = "helmholtz_dataset"
    sizes = grid_size(name, size, (2,))
    k = positive_number(name, "wavenumber", wavenumber)
    if isinstance(contrast, bool) or not isinstance(contrast, (int, float)):
        raise TypeError(f"{name}: contrast must be a number, got {type(contrast).__name__}")
    if not 0 <= contrast < 1:
        raise ValueError(f"{name}: contrast: got {contrast}, expected 0 to 1 (exclusive)")
    width = positive_number(name, "source_width", source_width)
    if dtype not in (torch.complex64, torch.complex128):
        raise TypeError(f"{name}: dtype: got {dtype}, expected torch.complex64 or torch.complex128")
    real = torch.float32 if dtype == torch.complex64 else torch.float64
    tol = _tolerance(name, tol, real)
    seed = whole_number(name, "seed", seed, 0, LARGEST_KEY)
    points = 2 * math.pi * (1 - contrast) / k * min(sizes)
    if points < _POINTS_PER_WAVE:
        raise ValueError(
            f"{name}: wavenumber: {k:g} leaves {points:.2g} points in the shortest wave of a grid "
            f"{list(sizes)}, expected {_POINTS_PER_WAVE} or more"
        )
    field = GaussianRandomField(sizes, alpha=alpha, tau=tau)
    solve = DirectSolver(sizes, k, tol)
    given = None if f is None else _source(name, f, sizes).expand(sizes)

    def make(index: int, count: int) -> dict[str, Tensor]:
        a, sources, u = [], [], []
        for i in range(index, index + count):
            g = field.sample(1, seed=seed, first=i)[0].numpy()
            # numpy: the bits of torch's tanh depend on the number of threads.
            speed = 1 + contrast * np.tanh(g / (field.standard_deviation or 1.0))
            a.append(torch.from_numpy(speed**-2.0))
            sources.append(_bump(sizes, seed, i, width) if given is None else given)
            u.append(solve(a[-1], sources[-1])[0])
        return {
            "a": torch.stack(a).to(real),
            "f": torch.stack(sources).to(real),
            "u": torch.stack(u).to(dtype),
        }

    parameters = {
        "alpha": float(alpha),
        "contrast": float(contrast),
        "f": "bumps" if f is None else _described(f),
        "seed": seed,
        "size": list(sizes),
        "source_width": width,
        "tau": float(tau),
        "tol": tol,
        "wavenumber": k,
    }
    tensors = {"a": (sizes, real), "f": (sizes, real), "u": (sizes, dtype)}
    return generated("helmholtz", make, n, first, tensors, parameters, out, chunk, progress)


def _tolerance(name: str, tol: Any, stored: torch.dtype) -> float:
    """Of a solve in double precision whose result is stored in this one."""
    default = 1e-8 if stored == torch.float64 else 1e-6
    return tolerance(name, default if tol is None else tol, torch.float64)


def _source(name: str, f: Any, sizes: tuple[int, ...]) -> Tensor:
    """f of the grid, float64."""
    if isinstance(f, Tensor):
        if not f.is_floating_point():
            raise TypeError(f"{name}: f has dtype {f.dtype}, expected a floating one")
        if tuple(f.shape) != sizes:
            raise ValueError(f"{name}: f has shape {list(f.shape)}, expected {list(sizes)}")
        result = f.detach().to("cpu", torch.float64)
        if not bool(result.isfinite().all()):
            raise ValueError(f"{name}: f has values that are not finite")
        return result
    if isinstance(f, bool) or not isinstance(f, (int, float)):
        raise TypeError(f"{name}: f must be a number or a Tensor, got {type(f).__name__}")
    if not math.isfinite(f):
        raise ValueError(f"{name}: f: got {f}, expected a finite number")
    return torch.full(sizes, float(f), dtype=torch.float64)


def _described(f: float | Tensor) -> float | str:
    """f for the manifest."""
    if not isinstance(f, Tensor):
        return float(f)
    values = f.detach().to("cpu", torch.float64).contiguous().numpy()
    return "sha256 of float64: " + hashlib.sha256(values.tobytes()).hexdigest()


def _bump(sizes: tuple[int, ...], seed: int, index: int, width: float) -> Tensor:
    """exp(-r^2 / 2 width^2) about a random place of [1/4, 3/4]^2."""
    place = random_numbers(seed, index, stream=1).uniform(0.25, 0.75, len(sizes))
    result = np.ones(())
    for n, center in zip(sizes, place):
        x = (np.arange(n) + 0.5) / n
        result = result[..., None] * np.exp(-0.5 * ((x - center) / width) ** 2)
    return torch.from_numpy(result)
