"""Kolmogorov-Arnold layers as a module."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from longtail._kan_kinds import CENTRES, DEGREE, INTERVALS, KINDS, POLYNOMIALS, uniform_knots
from longtail.kan import kan_basis, kan_linear
from longtail.nn._parameters import parameters_for

_RADIAL = ("gaussian_rbf", "rswaf")
_RANGES = {"bspline": (-1.0, 1.0), "gaussian_rbf": (-2.0, 2.0), "rswaf": (-2.0, 2.0)}
_RANGES |= {"relu_window": (-2.0, 2.0)}


class KANLinear(nn.Module):
    """A learnt function on every edge: ``longtail.kan_linear`` with parameters.

    ``y_o = bias_o + sum_i base_weight[o, i] silu(x_i) + sum_ik weight[o, i, k] phi_k(x_i)``,
    without the functions of all inputs in memory.

    Args:
        in_features, out_features: sizes of the last dimension.
        basis: ``bspline``, ``gaussian_rbf``, ``rswaf``, ``chebyshev``, ``legendre``, ``hermite``,
            ``relu_window``, ``fourier`` or ``mexican_hat``; see ``longtail.kan_basis``.
        grid_size: intervals of splines and windows (5), or the number of centres (8).
        grid_range: what they cover: [-1, 1] for splines, else [-2, 2]. Splines reach ``degree``
            intervals further.
        degree: of splines (3), windows (3), polynomials (4) and Fourier series (5).
        base: whether silu(x) takes part.
        bias: whether there is one.
        squash: whether tanh(x) is used in place of x; by default for polynomials only, which belong
            on [-1, 1]. ``base`` sees what the basis sees.
        device, dtype: of the parameters.

    Shape: ``[..., in_features]`` to ``[..., out_features]``.

    Attributes:
        weight: ``[out, in, K]``.
        base_weight: ``[out, in]`` or None.
        bias: ``[out]`` or None; starts at 0.
        grid: knots or centres (a buffer), or None.
        start, end: of windows, ``[1, K]``, trained.
        scale, shift: of Mexican hats, ``[out, in]``, trained; start at 1 and evenly over [-2, 2].

    The weights start normal, with a variance that makes that of y 1 (before the bias) for inputs
    that are independent N(0, 1); base and basis have half of it each.

    Raises:
        ValueError: an unknown basis, or an argument that it does not have or that is out of range.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        basis: str = "bspline",
        *,
        grid_size: int | None = None,
        grid_range: tuple[float, float] | None = None,
        degree: int | None = None,
        base: bool = True,
        bias: bool = True,
        squash: bool | None = None,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for name, size in (("in_features", in_features), ("out_features", out_features)):
            if not isinstance(size, int) or size < 1:
                raise ValueError(f"KANLinear: {name} is {size!r}, expected a positive int")
        if basis not in KINDS:
            raise ValueError(f"KANLinear: basis is {basis!r}, expected one of {', '.join(KINDS)}")
        self.in_features, self.out_features, self.basis = in_features, out_features, basis
        self.degree = _degree(basis, degree)
        self.grid_size, self.grid_range = _grid(basis, grid_size, grid_range)
        self.squash = basis in POLYNOMIALS if squash is None else squash
        like: dict[str, Any] = {"device": device, "dtype": dtype}
        edges = (out_features, in_features)
        self.grid: Tensor | None
        self.register_buffer("grid", None)
        self._add_functions(edges, like)
        functions = self._functions()
        self.weight = nn.Parameter(torch.empty(*edges, functions, **like))
        self.base_weight = nn.Parameter(torch.empty(edges, **like)) if base else None
        self.bias = nn.Parameter(torch.empty(out_features, **like)) if bias else None
        self.reset_parameters()

    def _add_functions(self, edges: tuple[int, int], like: dict[str, Any]) -> None:
        """What the basis itself has: knots or centres, windows, scales and shifts."""
        if self.basis == "bspline":
            knots = uniform_knots(self.grid_size, self.degree, self.grid_range)
            self.grid = _to(knots.unsqueeze(0), like)
        elif self.basis in _RADIAL:
            centres = torch.linspace(*self.grid_range, self.grid_size, dtype=torch.float64)
            self.grid = _to(centres.unsqueeze(0), like)
        elif self.basis == "relu_window":
            count = self.grid_size + self.degree
            self.start = nn.Parameter(torch.empty(1, count, **like))
            self.end = nn.Parameter(torch.empty(1, count, **like))
        elif self.basis == "mexican_hat":
            self.scale = nn.Parameter(torch.empty(edges, **like))
            self.shift = nn.Parameter(torch.empty(edges, **like))

    def _functions(self) -> int:
        if self.basis == "mexican_hat":
            return 1
        if self.basis == "fourier":
            return 2 * self.degree
        if self.basis in POLYNOMIALS:
            return self.degree + 1
        return self.grid_size + (0 if self.basis in _RADIAL else self.degree)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw the weights anew; functions go back to where they started."""
        if self.basis == "relu_window":
            low, high = self.grid_range
            step = (high - low) / self.grid_size
            first = torch.arange(-self.degree, self.grid_size, dtype=torch.float64) * step + low
            self.start.copy_(first)
            self.end.copy_(first + (self.degree + 1) * step)
        elif self.basis == "mexican_hat":
            nn.init.ones_(self.scale)
            nn.init.uniform_(self.shift, -2, 2)
        share = 1.0 if self.base_weight is None else 0.5
        of_base, of_basis = self._mean_squares()
        nn.init.normal_(self.weight, 0, math.sqrt(share / (self.in_features * of_basis)))
        if self.base_weight is not None:
            nn.init.normal_(self.base_weight, 0, math.sqrt(share / (self.in_features * of_base)))
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def _mean_squares(self) -> tuple[float, float]:
        """E[silu(x)^2] and E[sum_k phi_k(x)^2] for x ~ N(0, 1), over its quantiles."""
        levels = (torch.arange(2048, dtype=torch.float64) + 0.5) / 2048
        x = torch.special.ndtri(levels)
        if self.squash:
            x = torch.tanh(x)
        of_base = float(functional.silu(x).square().mean())
        if self.basis == "mexican_hat":
            shifts = torch.linspace(-2, 2, 65, dtype=torch.float64)
            one = torch.ones(len(shifts), 1, dtype=torch.float64)
            hats = kan_linear(
                x.unsqueeze(-1), one.unsqueeze(-1), self.basis, params=(one, shifts.unsqueeze(-1))
            )
            return of_base, float(hats.square().mean())
        wide = {name: _on_cpu(value) for name, value in self._keywords().items()}
        phi = kan_basis(x.unsqueeze(-1), self.basis, **wide)
        return of_base, float(phi.square().sum(-1).mean())

    def _keywords(self) -> dict[str, Any]:
        """Those of kan_linear that name the functions."""
        if self.basis == "relu_window":
            return {"params": (self.start, self.end)}
        if self.basis == "mexican_hat":
            return {"params": (self.scale, self.shift)}
        if self.basis == "bspline":
            return {"grid": self.grid, "degree": self.degree}
        if self.basis in _RADIAL:
            return {"grid": self.grid}
        return {"degree": self.degree}

    def forward(self, x: Tensor) -> Tensor:
        """``kan_linear`` of x, or of tanh(x)."""
        if x.shape[-1:] != (self.in_features,):
            raise ValueError(
                f"KANLinear: x has shape {list(x.shape)}, expected [..., {self.in_features}]"
            )
        inner = torch.tanh(x) if self.squash else x
        keywords = self._keywords()
        for name, value in keywords.items():
            if isinstance(value, tuple):
                keywords[name] = parameters_for(x, *value)
            elif isinstance(value, Tensor):
                (keywords[name],) = parameters_for(x, value)
        (weight,) = parameters_for(x, self.weight)
        bias = None if self.bias is None else parameters_for(x, self.bias)[0]
        base = None if self.base_weight is None else parameters_for(x, self.base_weight)[0]
        return kan_linear(inner, weight, self.basis, bias=bias, base_weight=base, **keywords)

    def extra_repr(self) -> str:
        """As printed."""
        return (
            f"{self.in_features}, {self.out_features}, basis={self.basis!r}, "
            f"functions={self.weight.shape[-1]}, squash={self.squash}"
        )


def _on_cpu(value: Any) -> Any:
    """Tensors among the keywords as float64 on the CPU, where the moments are taken."""
    if isinstance(value, tuple):
        return tuple(_on_cpu(each) for each in value)
    return value.detach().to("cpu", torch.float64) if isinstance(value, Tensor) else value


def _to(values: Tensor, like: dict[str, Any]) -> Tensor:
    return values.to(device=like["device"], dtype=like["dtype"] or torch.get_default_dtype())


def _degree(basis: str, degree: int | None) -> int:
    known = DEGREE | {"relu_window": 3}
    if basis not in known:
        if degree is not None:
            raise ValueError(f"KANLinear: degree is given, but {basis} has none")
        return 0
    order = known[basis] if degree is None else degree
    if not isinstance(order, int) or order < (1 if basis == "fourier" else 0):
        raise ValueError(f"KANLinear: degree is {degree!r}, expected a positive int")
    return order


def _grid(
    basis: str, size: int | None, covers: tuple[float, float] | None
) -> tuple[int, tuple[float, float]]:
    if basis not in _RANGES:
        for name, value in (("grid_size", size), ("grid_range", covers)):
            if value is not None:
                raise ValueError(f"KANLinear: {name} is given, but {basis} has no grid")
        return 0, (0.0, 0.0)
    count = (CENTRES if basis in _RADIAL else INTERVALS) if size is None else size
    least = 2 if basis in _RADIAL else 1
    if not isinstance(count, int) or count < least:
        raise ValueError(f"KANLinear: grid_size is {size!r}, expected an int of at least {least}")
    low, high = _RANGES[basis] if covers is None else covers
    if not low < high:
        raise ValueError(f"KANLinear: grid_range is {covers!r}, expected (low, high), low < high")
    return count, (float(low), float(high))
