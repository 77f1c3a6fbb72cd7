"""What arguments are asked everywhere: to be tensors whose dtype, shape and device fit.

Each message names the function, the argument, what it got and what it needs; ``model`` is what the
caller knows the tensor ``like`` as.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

FLOATING = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


def check_tensor(name: str, argument: str, tensor: Any) -> None:
    """Refuse what is no tensor."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{name}: {argument} must be a Tensor, got {type(tensor).__name__}")


def check_floating(name: str, argument: str, tensor: Any) -> None:
    """Refuse what is no tensor of one of the four floating-point dtypes."""
    check_tensor(name, argument, tensor)
    if tensor.dtype not in FLOATING:
        raise TypeError(
            f"{name}: {argument} has dtype {tensor.dtype}; supported are float64, float32, "
            "float16 and bfloat16"
        )


def check_bool(name: str, argument: str, value: Any) -> None:
    """Refuse what is neither True nor False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name}: {argument} must be a bool, got {type(value).__name__}")


def check_dtype(name: str, argument: str, tensor: Tensor, model: str, like: Tensor) -> None:
    """Refuse another dtype than that of ``like``."""
    if tensor.dtype != like.dtype:
        raise TypeError(
            f"{name}: {argument} has dtype {tensor.dtype}, expected that of {model}, {like.dtype}"
        )


def check_parameter(name: str, argument: str, tensor: Tensor, model: str, like: Tensor) -> None:
    """Refuse another dtype than that of ``like`` or float32."""
    if tensor.dtype not in (like.dtype, torch.float32):
        raise TypeError(
            f"{name}: {argument} has dtype {tensor.dtype}, expected that of {model}, "
            f"{like.dtype}, or float32"
        )


def check_device(name: str, argument: str, tensor: Tensor, model: str, like: Tensor) -> None:
    """Refuse another device than that of ``like``."""
    if tensor.device != like.device:
        raise ValueError(f"{name}: {argument} is on {tensor.device} and {model} on {like.device}")


def check_dims(name: str, argument: str, tensor: Tensor, least: int, expected: str) -> None:
    """Refuse fewer dimensions than so many."""
    if tensor.dim() < least:
        raise ValueError(f"{name}: {argument} has shape {list(tensor.shape)}, expected {expected}")


def check_shape(
    name: str, argument: str, tensor: Tensor, *shapes: Sequence[int], words: str = ""
) -> None:
    """Refuse what has none of the shapes; ``words`` stand before them."""
    if all(list(tensor.shape) != [*shape] for shape in shapes):
        raise ValueError(
            f"{name}: {argument} has shape {list(tensor.shape)}, expected "
            f"{words}{' or '.join(str([*shape]) for shape in shapes)}"
        )
