"""The unit sphere S^(p-1) in R^p: its constraint, its area and its checks."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.distributions import constraints

# SciPy's tolerance (numpy.allclose) for what counts as a unit vector; a float16 or bfloat16
# vector cannot be held closer than about its own eps.
_UNIT_TOLERANCE = {torch.float16: 2e-3, torch.bfloat16: 1.6e-2}

# What torch.distributions takes as a shape.
Shape = torch.Size | list[int] | tuple[int, ...]

# Length of the parts of a long sum, and of a sum by columns.
_PART = 1024
_FEW = 8


DTYPES = (torch.float64, torch.float32, *_UNIT_TOLERANCE)


def check_vectors(x: object, name: str, p: int | None = None) -> Tensor:
    """Check that x is a dense tensor [..., p] of a supported dtype, p >= 2; return it."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}: expected a tensor, got {type(x).__name__}")
    if x.dtype not in DTYPES:
        supported = ", ".join(str(dtype).removeprefix("torch.") for dtype in DTYPES)
        raise TypeError(f"{name}: expected dtype {supported}, got {x.dtype}")
    if x.layout is not torch.strided:
        raise NotImplementedError(f"{name}: expected a dense tensor, got layout {x.layout}")
    if x.dim() < 1 or x.shape[-1] < 2 or p not in (None, x.shape[-1]):
        length = "p >= 2" if p is None else f"p = {p}"
        raise ValueError(f"{name}: expected shape [..., p] with {length}, got {list(x.shape)}")
    return x


def unit_tolerance(dtype: torch.dtype) -> float:
    """Return how far a norm may be from 1 for a vector of this dtype to be a unit vector."""
    return _UNIT_TOLERANCE.get(dtype, 1e-5)


def wide(x: Tensor) -> Tensor:
    """Return x in float32 at least: half precision holds vectors but is too coarse to sum in."""
    return x.float() if x.dtype in _UNIT_TOLERANCE else x


class Sphere(constraints.Constraint):
    """Vectors of norm 1, within 1e-5 in float32 and float64, 2e-3 float16, 1.6e-2 bfloat16."""

    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        """Return, for every vector along the last axis, whether it has norm 1."""
        norm: Tensor = torch.linalg.vector_norm(wide(value), dim=-1)
        return (norm - 1).abs() <= unit_tolerance(value.dtype)


sphere = Sphere()


def log_sphere_area(p: int) -> float:
    """Return log S_(p-1), S_(p-1) = 2 pi^(p/2) / Gamma(p/2): the area of the sphere in R^p."""
    return math.log(2.0) + 0.5 * p * math.log(math.pi) - math.lgamma(0.5 * p)


def row_sum(x: Tensor) -> Tensor:
    """Return the sums along the last axis, the same for any number of threads.

    torch splits a long sum that has a single result over the threads, so that its last bits
    depend on their number; a sum with several results it does not. Hence parts of fixed length.
    """
    length = x.shape[-1]
    if length <= _FEW:
        # torch's sum takes 60 ns a row here, columns 2 ns an element.
        total, *rest = x.unbind(-1)
        for column in rest:
            total = total + column
        return total
    whole = length - length % _PART
    if whole < 2 * _PART:
        return x.sum(-1)
    parts: Tensor = x[..., :whole].unflatten(-1, (-1, _PART)).sum(-1)
    return parts.sum(-1) + x[..., whole:].sum(-1)


def row_norm(x: Tensor) -> Tensor:
    """Return the norms along the last axis, the same for any number of threads."""
    if x.shape[-1] > _FEW and x.numel() > x.shape[-1]:
        norms: Tensor = torch.linalg.vector_norm(x, dim=-1)
        return norms
    return torch.sqrt(row_sum(x.square()))


def versine(x: Tensor, loc: Tensor) -> Tensor:
    """Return 1 - loc.x of unit vectors as |x - loc|^2 / 2, which cancels nothing.

    Rounding that stretches x or loc by 1 + d changes the dot product by d, but this form by d
    times the result only: what a concentration of 1e8 needs.
    """
    return 0.5 * row_sum((x - loc).square())


def unit_rows(x: object, name: str, *, min_rows: int) -> Tensor:
    """Check that x is a matrix [..., n, p] of unit rows; return it in float32 or float64."""
    if isinstance(x, np.ndarray | list | tuple):
        x = torch.as_tensor(np.asarray(x))
    rows = check_vectors(x, name).detach()
    if rows.dim() < 2:
        raise ValueError(f"{name}: expected shape [..., n, p], got {list(rows.shape)}")
    if rows.shape[-2] < min_rows:
        raise ValueError(f"{name}: expected at least {min_rows} rows, got {rows.shape[-2]}")
    norms = torch.linalg.vector_norm(wide(rows), dim=-1)
    # Not (distance > tolerance): a nan must fail too.
    far = ~((norms - 1).abs() <= unit_tolerance(rows.dtype))
    if bool(far.any()):
        worst = norms[far][0].item()
        zero = " (a zero row has no direction)" if worst == 0 else ""
        raise ValueError(
            f"{name}: expected unit rows, got {int(far.sum())} rows of another norm, "
            f"the first {worst:.6g}{zero}; divide each row by its norm"
        )
    return wide(rows)


def as_generator(
    generator: torch.Generator | int | None, device: torch.device
) -> torch.Generator | None:
    """Return a generator for this device from a generator, an integer seed or None (global)."""
    if generator is None or isinstance(generator, torch.Generator):
        if generator is not None and generator.device.type != device.type:
            raise ValueError(
                f"generator: expected one on {device.type}, got one on {generator.device.type}"
            )
        return generator
    if isinstance(generator, bool) or not isinstance(generator, int):
        raise TypeError(
            f"generator: expected torch.Generator, int or None, got {type(generator).__name__}"
        )
    return torch.Generator(device=device).manual_seed(generator)


def random_directions(
    shape: Shape,
    *,
    dtype: torch.dtype,
    device: torch.device,
    generator: torch.Generator | None,
    across_first: bool = False,
) -> Tensor:
    """Return vectors uniform on the sphere, or on its part across the first axis. # [*shape]"""
    draws = torch.randn(shape, dtype=dtype, device=device, generator=generator)
    if across_first:
        draws[..., 0] = 0
    norms = row_norm(draws).unsqueeze(-1)
    # All normals zero, possible in a dimension or two of low precision: take the last axis.
    draws[..., -1:] += (norms == 0).to(dtype)
    return draws.div_(norms.masked_fill(norms == 0, 1))
