"""The arguments of s4d_kernel, s4d and s4d_step: checked, and in the shapes of the raw ops."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import torch
from torch import Tensor

from longtail._arguments import check_device, check_dims, check_shape, check_tensor

METHODS = ("zoh", "bilinear")
MODES = ("auto", "conv", "recurrent", "chunked")
#: What the coefficients of rows of a dtype are: complex ones, and dt and D.
_COEFFICIENTS = {
    torch.float64: (torch.complex128, torch.float64),
    torch.float32: (torch.complex64, torch.float32),
    torch.float16: (torch.complex64, torch.float32),
    torch.bfloat16: (torch.complex64, torch.float32),
}


@dataclasses.dataclass(frozen=True)
class System:
    """dt ``[H]``, A and B ``[H, S]``, C ``[C, H, S]``, D ``[C, H]`` or of shape [0].

    Attributes:
        method: of discretisation.
        several: whether results have a dimension C.
    """

    dt: Tensor
    a: Tensor
    b: Tensor
    c: Tensor
    d: Tensor
    method: str
    several: bool

    @property
    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """As the raw ops have them."""
        return self.dt, self.a, self.b, self.c, self.d

    def shaped(self, y: Tensor, batch: tuple[int, ...]) -> Tensor:
        """Results ``[B, C, ...]`` in the shape that the caller expects."""
        if not self.several:
            y = y.squeeze(1)
        return y if len(batch) == 1 else y.reshape(*batch, *y.shape[1:])


def system_of(
    name: str, dt: Any, a: Any, b: Any, c: Any, d: Any, method: Any, rows: torch.dtype | None = None
) -> System:
    """For rows of a dtype, or of any."""
    check_choice(name, "discretization", method, METHODS)
    check_tensor(name, "A", a)
    if a.dtype not in (torch.complex64, torch.complex128):
        raise TypeError(f"{name}: A has dtype {a.dtype}; supported are complex64 and complex128")
    if rows is not None and a.dtype != _COEFFICIENTS[rows][0]:
        raise TypeError(
            f"{name}: A has dtype {a.dtype}, expected {_COEFFICIENTS[rows][0]} for u of {rows}"
        )
    if a.dim() != 2:
        raise ValueError(f"{name}: A has shape {list(a.shape)}, expected [H, S]")
    heads, states = a.shape
    real = torch.float64 if a.dtype == torch.complex128 else torch.float32
    _check(name, "dt", dt, real, a, [[heads]])
    _check(name, "B", b, a.dtype, a, [[heads, states]])
    check_tensor(name, "C", c)
    several = c.dim() == 3
    of_c = [c.shape[0], heads, states] if several else [heads, states]
    _check(name, "C", c, a.dtype, a, [of_c], "[H, S] or [C, H, S] as A has them, ")
    outputs = c.shape[0] if several else 1
    if d is None:
        d = dt.new_empty(0)
    else:
        _check(name, "D", d, real, a, [[heads], *([[outputs, heads]] if several else [])])
        d = d.expand(outputs, heads)
    return System(dt, a, b, c if several else c.unsqueeze(0), d, method, several)


def rows_of(name: str, u: Any, trailing: str) -> tuple[tuple[int, ...], torch.dtype]:
    """Leading dimensions of u and its dtype; ``trailing`` names the others."""
    check_tensor(name, "u", u)
    if u.dtype not in _COEFFICIENTS:
        raise TypeError(
            f"{name}: u has dtype {u.dtype}; supported are float64, float32, float16 and bfloat16"
        )
    inner = trailing.count(",") + 1
    check_dims(name, "u", u, inner, f"[..., {trailing}]")
    return tuple(u.shape[: u.dim() - inner]), u.dtype


def check_heads(name: str, u: Tensor, axis: int, a: Tensor) -> None:
    """u has as many heads as A, on its device."""
    if u.shape[axis] != a.shape[0]:
        raise ValueError(
            f"{name}: u has shape {list(u.shape)}, expected {a.shape[0]} heads as A of shape "
            f"{list(a.shape)}"
        )
    check_device(name, "u", u, "A", a)


def state_of(name: str, argument: str, state: Any, batch: tuple[int, ...], a: Tensor) -> Tensor:
    """A state as ``[B, H, S]``."""
    _check(name, argument, state, a.dtype, a, [[*batch, *a.shape]])
    return state if len(batch) == 1 else state.reshape(math.prod(batch), *a.shape)


def check_choice(name: str, argument: str, value: Any, choices: tuple[str, ...]) -> None:
    """Refuse what is none of the words."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: {argument} must be a str, got {type(value).__name__}")
    if value not in choices:
        raise ValueError(f"{name}: {argument} is {value!r}, expected one of {', '.join(choices)}")


def _check(
    name: str,
    argument: str,
    tensor: Any,
    dtype: torch.dtype,
    a: Tensor,
    shapes: list[list[int]],
    words: str = "",
) -> None:
    check_tensor(name, argument, tensor)
    if tensor.dtype != dtype:
        raise TypeError(
            f"{name}: {argument} has dtype {tensor.dtype}, expected {dtype} beside A of {a.dtype}"
        )
    check_shape(name, argument, tensor, *shapes, words=words)
    check_device(name, argument, tensor, "A", a)
