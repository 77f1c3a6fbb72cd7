"""What the kinds of Kolmogorov-Arnold bases are called with, made into what the kernels take: two
tensors of parameters and three numbers (csrc/rational/kan_math.h)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

KINDS = (
    "bspline",
    "gaussian_rbf",
    "rswaf",
    "chebyshev",
    "legendre",
    "hermite",
    "relu_window",
    "fourier",
    "mexican_hat",
)
POLYNOMIALS = ("chebyshev", "legendre", "hermite")
ACTIVATIONS = ("relu", "silu", "sigmoid", "tanh")
COMBINATIONS = ("quad1", "quad2", "sum", "prod", "sum_prod", "cubic1", "cubic2")

MOST_FUNCTIONS = 95  # of one input, a spline's degree included
INTERVALS = 5  # of a default grid
CENTRES = 8
DEGREE = {"bspline": 3, "fourier": 5, "chebyshev": 4, "legendre": 4, "hermite": 4}


class Choice(NamedTuple):
    """A basis as the raw ops take it."""

    first: Tensor
    second: Tensor
    kind: int
    degree: int
    variant: int

    @property
    def functions(self) -> int:
        """K."""
        return functions_of(self.first.shape[1], self.kind, self.degree, self.variant)


def functions_of(parameters: int, kind: int, degree: int, variant: int) -> int:
    """K, of a basis with so many parameters an input."""
    name = KINDS[kind]
    if name == "bspline":
        return parameters - degree - 1
    if name == "fourier":
        return 2 * degree
    return degree + 1 if name in POLYNOMIALS else parameters


def uniform_knots(
    intervals: int, degree: int, interval: tuple[float, float] = (-1.0, 1.0)
) -> Tensor:
    """``intervals + 2 degree + 1`` knots, float64: the interval cut evenly, and as many knots as
    the degree beyond either end, so that the ``intervals + degree`` splines sum to 1 inside."""
    low, high = interval
    steps = torch.arange(-degree, intervals + degree + 1, dtype=torch.float64)
    return low + (high - low) / intervals * steps


def window_ends(intervals: int = INTERVALS, degree: int = 3) -> tuple[Tensor, Tensor]:
    """Starts ``-degree/G ... (G-1)/G`` and ends ``(degree+1)/G`` further on, as in ReLU-KAN."""
    starts = torch.arange(-degree, intervals, dtype=torch.float64) / intervals
    return starts, starts + (degree + 1) / intervals


def choose(
    name: str,
    x: Tensor,
    kind: str,
    grid: Tensor | Sequence[float] | None,
    degree: int | None,
    params: Any,
) -> Choice:
    """Check what a basis is called with, fill in the defaults, and name what is wrong."""
    if kind not in KINDS:
        raise ValueError(f"{name}: kind is {kind!r}, expected one of {', '.join(KINDS)}")
    code = KINDS.index(kind)
    order = _degree(name, kind, degree)
    empty = _parameters_like(x, torch.empty(1, 0))
    if kind == "bspline":
        _refuse(name, kind, params=params)
        if grid is None:
            grid = _parameters_like(x, uniform_knots(INTERVALS, order))
        knots = _table(name, "grid", x, grid)
        if torch.is_grad_enabled() and knots.requires_grad:
            raise NotImplementedError(f"{name}: knots of a bspline have no gradient; detach grid")
        if knots.shape[1] < order + 2:
            raise ValueError(
                f"{name}: grid has {knots.shape[1]} knots, expected at least {order + 2} for "
                f"degree {order}"
            )
        choice = Choice(knots, _parameters_like(x, torch.empty(len(knots), 0)), code, order, 0)
    elif kind in ("gaussian_rbf", "rswaf"):
        choice = Choice(*_centres(name, x, grid, params), code, 0, 0)
    elif kind == "relu_window":
        _refuse(name, kind, grid=grid)
        starts, ends, variant = _windows(name, x, params)
        choice = Choice(starts, ends, code, 0, variant)
    else:
        _refuse(name, kind, grid=grid, params=params)
        choice = Choice(empty, empty, code, order, 0)
    used = choice.functions + (order if kind == "bspline" else 0)
    if not 1 <= used <= MOST_FUNCTIONS:
        what = "degree" if choice.first.numel() == 0 else "params" if grid is None else "grid"
        raise ValueError(
            f"{name}: {what} gives {choice.functions} functions, expected 1 to {MOST_FUNCTIONS} "
            "(a spline's degree included)"
        )
    return choice


def _degree(name: str, kind: str, degree: int | None) -> int:
    if kind not in DEGREE:
        _refuse(name, kind, degree=degree)
        return 0
    order = DEGREE[kind] if degree is None else degree
    lowest = 1 if kind == "fourier" else 0
    if not isinstance(order, int) or isinstance(order, bool) or order < lowest:
        raise ValueError(f"{name}: degree is {degree!r}, expected an int of at least {lowest}")
    return min(order, MOST_FUNCTIONS + 1)  # too many functions are told of later


def _refuse(name: str, kind: str, **given: Any) -> None:
    for argument, value in given.items():
        if value is not None:
            raise ValueError(f"{name}: {argument} is given, but {kind} has none")


def _parameters_like(x: Tensor, values: Tensor) -> Tensor:
    """In the precision that x is computed in, where x is."""
    return values.to(x.device, torch.float64 if x.dtype == torch.float64 else torch.float32)


def _table(name: str, argument: str, x: Tensor, values: Tensor | Sequence[float]) -> Tensor:
    """Parameters ``[k]`` or ``[in, k]`` as ``[1 or in, k]``."""
    if not isinstance(values, Tensor):
        try:
            values = torch.tensor(values, dtype=torch.float64)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"{name}: {argument} must be a Tensor or numbers, got {type(values).__name__}"
            ) from error
        values = _parameters_like(x, values)
    table = values.unsqueeze(0) if values.dim() == 1 else values
    if table.dim() != 2 or table.shape[0] not in (1, x.shape[-1]):
        raise ValueError(
            f"{name}: {argument} has shape {list(values.shape)}, expected [k] or [{x.shape[-1]}, k]"
        )
    return table


def _centres(name: str, x: Tensor, grid: Any, width: Any) -> tuple[Tensor, Tensor]:
    if grid is None:
        grid = _parameters_like(x, torch.linspace(-2, 2, CENTRES, dtype=torch.float64))
    centres = _table(name, "grid", x, grid)
    count = centres.shape[1]
    if width is None:
        spacing = (centres[:, -1:] - centres[:, :1]) / max(count - 1, 1) if count else centres
        width = spacing.detach() if count > 1 else torch.ones_like(centres)
    elif not isinstance(width, Tensor):
        if not isinstance(width, (int, float)) or isinstance(width, bool):
            raise TypeError(
                f"{name}: params must be the width of the functions, a number or a Tensor, got "
                f"{type(width).__name__}"
            )
        width = centres.new_tensor(float(width))
    return centres, _beside(name, "params", x, centres, width)


def _beside(name: str, argument: str, x: Tensor, table: Tensor, values: Tensor) -> Tensor:
    """Values that broadcast with a table ``[1 or in, k]`` without making it larger."""
    try:
        return values.expand(table.shape)
    except RuntimeError:
        raise ValueError(
            f"{name}: {argument} has shape {list(values.shape)}, expected one that broadcasts to "
            f"{list(table.shape)}"
        ) from None


def _windows(name: str, x: Tensor, params: Any) -> tuple[Tensor, Tensor, int]:
    if params is None:
        starts, ends = (_parameters_like(x, each.unsqueeze(0)) for each in window_ends())
        return starts, ends, 0
    usable = isinstance(params, (tuple, list)) and len(params) in (2, 4)
    if not usable or not all(isinstance(each, Tensor) for each in params[:2]):
        raise TypeError(
            f"{name}: params of relu_window must be (start, end) or (start, end, activation, "
            f"combination) with Tensors first, got {_describe(params)}"
        )
    starts = _table(name, "params[0]", x, params[0])
    ends = _beside(name, "params[1]", x, starts, params[1])
    if len(params) == 2:
        return starts, ends, 0
    for index, known in ((2, ACTIVATIONS), (3, COMBINATIONS)):
        if params[index] not in known:
            raise ValueError(
                f"{name}: params[{index}] is {params[index]!r}, expected one of {', '.join(known)}"
            )
    code = len(COMBINATIONS) * ACTIVATIONS.index(params[2]) + COMBINATIONS.index(params[3])
    return starts, ends, 1 + code


def _describe(params: Any) -> str:
    if isinstance(params, (tuple, list)):
        return f"{type(params).__name__} of {', '.join(type(each).__name__ for each in params)}"
    return type(params).__name__
