"""Layouts of a tensor, and comparisons bit by bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

#: Whether these are the results that are expected.
Same = Callable[[Sequence[Tensor], Sequence[Tensor]], bool]

# A matrix whose sides are no multiple of any tile, and whose rows never start at 16 bytes twice.
MATRIX = (7, 13)

# Shapes with a trap each: no dimension, nothing, one element, lengths beside powers of two, a
# hole in the middle, more than one block of 1024 elements.
SHAPES = ((), (0,), (1,), (127,), (193,), (3, 0, 2), (2, 3, 5), (1, 1, 1, 1), (1031,))


def _transposed(matrix: Tensor) -> Tensor:
    """Dense, but with the dimensions permuted: the case that catches a wrong fake."""
    return matrix.t().contiguous().t()


def _columns(matrix: Tensor) -> Tensor:
    """Every second column of a wider matrix."""
    wide = matrix.new_zeros(matrix.shape[0], 2 * matrix.shape[1] + 1)
    wide[:, 1::2] = matrix
    return wide[:, 1::2]


def _rows(matrix: Tensor) -> Tensor:
    """Rows cut out of a longer and wider matrix."""
    large = matrix.new_zeros(matrix.shape[0] + 2, matrix.shape[1] + 3)
    large[1:-1, 2:-1] = matrix
    return large[1:-1, 2:-1]


def _unaligned(matrix: Tensor) -> Tensor:
    """Contiguous, but one element past a multiple of 16 bytes."""
    flat = matrix.new_zeros(matrix.numel() + 1)
    flat[1:] = matrix.reshape(-1)
    return flat[1:].view(matrix.shape)


# Each gives the same elements in the same order, laid out in another way.
LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "contiguous": lambda matrix: matrix.contiguous(),
    "transposed": _transposed,
    "columns": _columns,
    "rows": _rows,
    "unaligned": _unaligned,
}

_BITS = {8: torch.int64, 4: torch.int32, 2: torch.int16, 1: torch.int8}


def same_bits(left: Tensor, right: Tensor) -> bool:
    """Equal in shape, dtype and every bit (so nan equals the same nan, and 0 is not -0)."""
    if left.shape != right.shape or left.dtype != right.dtype:
        return False
    if left.is_complex():
        left, right = (torch.view_as_real(each.resolve_conj()) for each in (left, right))
    integer = _BITS[left.element_size()]
    return torch.equal(left.contiguous().view(integer), right.contiguous().view(integer))


def results(call: Callable[..., Any], *tensors: Tensor) -> list[Tensor]:
    """As a list, whatever it is."""
    given = call(*tensors)
    return [given] if isinstance(given, Tensor) else list(given)


def all_bits(left: Sequence[Tensor], right: Sequence[Tensor]) -> bool:
    return len(left) == len(right) and all(map(same_bits, left, right))


def round_once(wide: Tensor, dtype: torch.dtype) -> Tensor:
    """float64 to a narrower dtype, to nearest even. (torch goes to 16 bits by way of float32,
    which rounds twice.)"""
    if dtype == torch.float16:
        return torch.from_numpy(wide.numpy().astype(np.float16))
    if dtype != torch.bfloat16:
        return wide.to(dtype)
    # Round to odd in float32 first: then the second rounding cannot go wrong.
    single = wide.float()
    away = (single.double().abs() > wide.abs()) & single.isfinite()
    bits = single.view(torch.int32) - away.int()  # towards zero
    inexact = bits.view(torch.float32).double() != wide
    return (bits | (inexact & wide.isfinite()).int()).view(torch.float32).to(dtype)


def short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def cuda_problem() -> str:
    """Why CUDA cells cannot run here; empty if they can."""
    if not torch.cuda.is_available():
        return "no GPU on this machine"
    from longtail._library import cuda_library

    return cuda_library.problem
