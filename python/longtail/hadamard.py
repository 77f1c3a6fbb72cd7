"""Hadamard transforms of the last dimension.

Sources: Sylvester 1867; the matrices of the other sizes are Paley's (1933) and Williamson's (1944),
chosen as two public packages choose them: github.com/Dao-AILab/fast-hadamard-transform (K = 12,
20, 28, 40) and github.com/spcl/QuaRot (36, 52, 60, 108, 140, 156, 172).
"""

from __future__ import annotations

import numbers
from typing import Any

import torch
from torch import Tensor

from longtail import _dtensor, _library  # noqa: F401  (loads the raw ops)
from longtail._autograd import Gradient, Saved, differentiable
from longtail._dtensor import register_rules_for

__all__ = ["hadamard_transform"]

#: K of the sizes K 2^k. The first that fits is taken, so 20 serves n = 20 alone.
_BASES = (172, 156, 140, 108, 60, 52, 40, 36, 28, 20, 12)
#: The largest n.
LARGEST_SIZE = 1 << 15
_SIZES = (
    "2^k or K 2^k with K = " + ", ".join(map(str, sorted(_BASES))) + f", at most {LARGEST_SIZE}"
)
_DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


def hadamard_transform(x: Tensor, scale: float = 1.0, *, transpose: bool = False) -> Tensor:
    """``y = scale x H^T`` over the last dimension (``transpose=True``: ``scale x H``).

    With n = 2^k, H is Sylvester's matrix, that of ``scipy.linalg.hadamard``: entry (i, j) is -1 to
    the number of bits that i and j share. With n = K 2^k it is ``kron(H_K, Sylvester)``, the same
    matrix as in fast-hadamard-transform (K = 12, 20, 28, 40) and QuaRot (36, 52, 60, 108, 140, 156,
    172), in their orientation. Of these only 12 and 36 are symmetric: what one orientation rotated,
    the other rotates back. ``H H^T = n I``, so ``scale = n ** -0.5`` makes it a rotation.

    Where 40 divides n, K is 40, as in QuaRot; ``hadamard_transform_20N`` of
    fast-hadamard-transform on such an n is the transform of 2^k on ``x.unflatten(-1, (20, -1))``
    followed by that of 20 on dimension -2.

    Args:
        x: ``[..., n]`` of any layout; float64, float32, bfloat16 or float16, the narrower three
            computed in float32 and rounded once.
        scale: factor, a number; rounded to the type computed in.
        transpose: multiply by H instead of H^T.

    Returns:
        Tensor of the shape and dtype of x, contiguous. The same bits for any number of threads, on
        every CPU level, and for any layout of x.

    Accuracy: the largest error measured over all sizes, relative to the largest element of y, for
    rows of N(0, 1), is 9e-7 in float32 and 2e-15 in float64 (3e-7 and 6e-16 for powers of two);
    bfloat16 and float16 add one rounding.

    Gradients: exact to any order, in forward mode too: the transform is linear, and its gradient is
    the transform with ``transpose`` the other way round. Nothing is kept for backward.

    DTensor: every dimension but the last may be sharded, and partial sums stay partial; no data
    moves.

    Raises:
        TypeError: x is no floating-point tensor, scale no number, or transpose no bool.
        ValueError: x has no dimension, or a last one of another size.
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"hadamard_transform: x must be a Tensor, got {type(x).__name__}")
    if x.dtype not in _DTYPES:
        raise TypeError(
            f"hadamard_transform: x has dtype {x.dtype}; supported are float64, float32, float16 "
            "and bfloat16"
        )
    factor: Any = scale
    if isinstance(factor, numbers.Real):
        factor = float(factor)
    elif not isinstance(factor, (torch.SymInt, torch.SymFloat)):
        raise TypeError(f"hadamard_transform: scale must be a number, got {type(scale).__name__}")
    if not isinstance(transpose, bool):
        raise TypeError(
            f"hadamard_transform: transpose must be a bool, got {type(transpose).__name__}"
        )
    if x.dim() == 0:
        raise ValueError("hadamard_transform: x has shape [], expected at least one dimension")
    size = int(x.shape[-1])  # under torch.compile with dynamic shapes: this one is fixed
    if not is_hadamard_size(size):
        raise ValueError(
            f"hadamard_transform: the last dimension of x has size {size}, expected {_SIZES}"
        )
    return _transform(x, factor, transpose)


def is_hadamard_size(n: int) -> bool:
    """Whether ``hadamard_transform`` has a matrix of size n."""
    if not 0 < n <= LARGEST_SIZE:
        return False
    return any(n % base == 0 and _is_power_of_two(n // base) for base in (1, *_BASES))


def hadamard_size_for(n: int) -> int | None:
    """The smallest size of ``hadamard_transform`` that is at least n; None if there is none."""
    return next(
        (size for size in range(max(n, 1), LARGEST_SIZE + 1) if is_hadamard_size(size)), None
    )


def _is_power_of_two(n: int) -> bool:
    return n & (n - 1) == 0


def _forward(x: Tensor, scale: float, transpose: bool) -> Tensor:
    register_rules_for(x)
    with torch._C._AutoDispatchBelowAutograd():
        return torch.ops.longtail.hadamard_transform.default(x, scale, transpose)


def _backward(saved: Saved, grad: Tensor) -> tuple[Gradient, ...]:
    _, scale, transpose = saved.inputs
    return _transform(grad, scale, not transpose), None, None


def _jvp(saved: Saved, tangent: Gradient, *constants: Gradient) -> Tensor:
    assert tangent is not None, "x is the only input that moves"
    _, scale, transpose = saved.inputs
    return _transform(tangent, scale, transpose)


_transform = differentiable("hadamard_transform", _forward, _backward, _jvp, linear=True)


def _batched(info: Any, in_dims: tuple[int | None, ...], x: Tensor, *constants: Any) -> Any:
    """vmap: the batch becomes one more leading dimension."""
    dim = in_dims[0]
    assert dim is not None, "x is the only tensor"
    return torch.ops.longtail.hadamard_transform(x.movedim(dim, 0), *constants), 0


def _shardings(x: Any, scale: float, transpose: bool) -> list[_dtensor.Sharding]:
    """Any dimension but the last; and, as the transform is linear, sums that are still to come."""
    from torch.distributed.tensor import Partial, Replicate, Shard

    places = [Replicate(), Partial(), *(Shard(dim) for dim in range(len(x.shape) - 1))]
    return [([place], [place, None, None]) for place in places]


torch.library.register_vmap(torch.ops.longtail.hadamard_transform.default, _batched)
_dtensor.declare_sharding(torch.ops.longtail.hadamard_transform.default, _shardings)
