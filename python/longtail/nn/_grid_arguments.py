"""What modules on grids ``[..., channels, H, W]`` check."""

from __future__ import annotations

from typing import Any

from torch import Tensor


def positive_int(module: str, argument: str, value: Any, least: int = 1) -> int:
    """``value`` if it is an int of at least ``least``."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        wanted = "a positive int" if least == 1 else f"an int from {least} on"
        raise ValueError(f"{module}: {argument} is {value!r}, expected {wanted}")
    return value


def flag(module: str, argument: str, value: Any) -> bool:
    """``value`` if it is a bool."""
    if not isinstance(value, bool):
        raise TypeError(f"{module}: {argument} must be a bool, got {type(value).__name__}")
    return value


def choice(module: str, argument: str, value: Any, choices: tuple[str, ...]) -> str:
    """``value`` if it is one of ``choices``."""
    if value not in choices:
        raise ValueError(
            f"{module}: {argument} is {value!r}, expected one of {', '.join(map(repr, choices))}"
        )
    return str(value)


def pair(module: str, argument: str, value: Any) -> tuple[int, int]:
    """Two positive ints, or one for both axes."""
    both = (value, value) if isinstance(value, int) else tuple(value)
    if len(both) != 2:
        raise ValueError(f"{module}: {argument} is {value!r}, expected one or two ints")
    return positive_int(module, argument, both[0]), positive_int(module, argument, both[1])


def grid(module: str, argument: str, x: Any, channels: int | None = None) -> Tensor:
    """``x`` if it is a real floating tensor ``[N, channels, H, W]`` of at least one point."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{module}: {argument} must be a Tensor, got {type(x).__name__}")
    if not x.dtype.is_floating_point:
        raise TypeError(f"{module}: {argument} has dtype {x.dtype}, expected a floating one")
    wanted = f"[N, {'C' if channels is None else channels}, H, W]"
    if x.dim() != 4 or (channels is not None and x.shape[1] != channels):
        raise ValueError(f"{module}: {argument} has shape {list(x.shape)}, expected {wanted}")
    if x.shape[2] < 1 or x.shape[3] < 1:
        raise ValueError(
            f"{module}: {argument} has shape {list(x.shape)}, expected at least one point an axis"
        )
    return x
