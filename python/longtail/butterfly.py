"""Long convolutions by butterfly factors, which may be learned.

Source: Fu et al., "Simple Hardware-Efficient Long Convolutions for Sequence Modeling", 2023
(FlashButterfly); the factors are those of Cooley and Tukey, 1965.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from longtail._arguments import (
    check_device,
    check_dims,
    check_floating,
    check_parameter,
    check_tensor,
)

__all__ = ["butterfly_conv", "butterfly_factors"]

_COMPLEX = {torch.float64: torch.complex128, torch.float32: torch.complex64}


def butterfly_factors(
    length: int, order: int = 2, *, dtype: torch.dtype | None = None, device: Any = None
) -> list[Tensor]:
    """DFT matrices of ``order`` sizes of nearly the same size, whose product N is at least
    ``length``.

    For a causal convolution of L numbers with K taps the length is ``L + min(K, L) - 1``, for
    ``butterfly_conv`` to be that convolution.

    Args:
        length: N at least.
        order: how many, from 2 on.
        dtype: ``complex64``, the default, or ``complex128``.
        device: of the results.

    Returns:
        ``[N_1, N_1], ..., [N_order, N_order]``: ``exp(-2 pi i j k / N_i)``.
    """
    name = "butterfly_factors"
    for argument, size, least in (("length", length, 1), ("order", order, 2)):
        if not isinstance(size, int) or isinstance(size, bool):
            raise TypeError(f"{name}: {argument} must be an int, got {type(size).__name__}")
        if size < least:
            raise ValueError(f"{name}: {argument} is {size}, expected at least {least}")
    dtype = torch.complex64 if dtype is None else dtype
    if dtype not in _COMPLEX.values():
        raise TypeError(f"{name}: dtype is {dtype}, expected torch.complex64 or torch.complex128")
    result, rest = [], length
    for left in range(order, 0, -1):
        size = max(1, math.ceil(round(rest ** (1 / left), 9)))
        rest = -(-rest // size)
        result.append(_roots(size, size, size, torch.empty(0, device=device)).to(dtype))
    return result


def butterfly_conv(
    u: Tensor,
    k: Tensor,
    factors: Sequence[Tensor],
    inverse_factors: Sequence[Tensor] | None = None,
) -> Tensor:
    """``y = Re(T' (T k * T u))``, T a transform of N numbers made of the factors.

    ``T = D_p (I x M_p) ... D_1 (M_1 x I)``: each M_i acts on one digit of the index in the mixed
    radix N_1 ... N_p, each D_i holds fixed twiddle factors. With M_i the DFT matrices
    (``butterfly_factors``) T is the DFT, its results in an order that does not matter here, T' its
    inverse and y the causal convolution ``long_conv(u, k)``. With learned factors it is some
    bilinear map nearby, as a rule neither causal nor the same at all times.

    Args:
        u: ``[..., H, L]``, float64, float32, bfloat16 or float16; the narrower three are computed
            in float32.
        k: ``[H, K]``; taps from L on are not used. In the dtype of u or float32.
        factors: p >= 2 complex matrices ``[N_i, N_i]``, or ``[H, N_i, N_i]`` for each channel by
            itself; ``N = N_1 ... N_p`` is at least ``L + min(K, L) - 1``, so that nothing wraps
            around.
        inverse_factors: those of T', by default ``conj(M_i)^T / N_i``.

    Returns:
        y, in the shape and dtype of u, contiguous. With DFT matrices its largest error
        over the largest result: 1e-6 in float32, 1e-14 in float64, 5e-4 in float16, 4e-3 in
        bfloat16.

    Gradients: exact in all tensors, to any order: all is made of torch's own operations. They cost
    N (N_1 + ... + N_p) products a row, where ``long_conv`` costs N log N. Last bits of the factors'
    gradients may differ with the number of threads, where torch's products do.

    Raises:
        TypeError: a dtype that does not fit.
        ValueError: a wrong shape, fewer than two factors, or too small an N.
    """
    taps, sizes = _checked(u, k, factors)
    wide = torch.float64 if u.dtype == torch.float64 else torch.float32
    forward = [_matrix(each, wide) for each in factors]
    if inverse_factors is None:
        # AOTInductor has no complex operations with numbers.
        backward = [each.mH / u.new_full((), each.shape[-1], dtype=wide) for each in forward]
    else:
        _check_factors("inverse_factors", inverse_factors, u.shape[-2])
        theirs = [each.shape[-1] for each in inverse_factors]
        if theirs != sizes:
            raise ValueError(
                f"butterfly_conv: inverse_factors have sizes {theirs}, expected those of factors, "
                f"{sizes}"
            )
        backward = [_matrix(each, wide) for each in inverse_factors]
    spectrum = _transform(u.to(wide), forward) * _transform(taps.to(wide), forward)
    return _inverse(spectrum, backward, u.shape[-1]).to(u.dtype)


def _transform(x: Tensor, matrices: Sequence[Tensor]) -> Tensor:
    """Of real x ``[..., H, n]``, zeros behind it, to ``[..., H, N]``."""
    lead, size = x.shape[:-1], math.prod([each.shape[-1] for each in matrices])
    blocks, rest = 1, size
    for i, matrix in enumerate(matrices):
        side = matrix.shape[-1]
        rest, rows = rest // side, side
        if i == 0:  # what is behind x is not multiplied
            rows = -(-x.shape[-1] // rest)
            x = functional.pad(x, (0, rows * rest - x.shape[-1])).to(matrix.dtype)
            matrix = matrix[..., :rows]
        x = _product(matrix, x.reshape(*lead, blocks, rows, rest))
        if rest > 1:
            x = x * _roots(side, rest, side * rest, x).to(x.dtype)
        blocks *= side
    return x.reshape(*lead, size)


def _inverse(x: Tensor, matrices: Sequence[Tensor], length: int) -> Tensor:
    """The first ``length`` numbers of the way back, real parts."""
    lead, blocks = x.shape[:-1], x.shape[-1]
    rest = rows = 1
    for i, matrix in reversed([*enumerate(matrices)]):
        side = matrix.shape[-1]
        blocks //= side
        x = x.reshape(*lead, blocks, side, rest)
        if rest > 1:
            x = x * _roots(side, rest, side * rest, x).to(x.dtype).conj()
        if i == 0:
            rows = -(-length // rest)
            x = _product(matrix[..., :rows, :], x)
            break
        x = _product(matrix, x)
        rest *= side
    return x.reshape(*lead, rows * rest)[..., :length].real.contiguous()


def _product(matrix: Tensor, x: Tensor) -> Tensor:
    """``matrix @ x`` for x ``[..., H, blocks, N_i, rest]``; of single columns all at once, where
    torch would take a product for each block: 8 times slower."""
    if x.shape[-1] > 1:
        return matrix @ x
    turned = (matrix if matrix.dim() == 2 else matrix.squeeze(-3)).mT
    return (x.squeeze(-1) @ turned).unsqueeze(-1)


def _roots(rows: int, columns: int, order: int, like: Tensor) -> Tensor:
    """``exp(-2 pi i j k / order)`` in complex128; angles are reduced as integers."""
    # arange would be no DTensor where ``like`` is one
    j = like.new_ones(rows, 1, dtype=torch.int64).cumsum(0) - 1
    k = like.new_ones(columns, dtype=torch.int64).cumsum(0) - 1
    angle = (j * k % order).double() * (-2 * math.pi / order)
    return torch.complex(angle.cos(), angle.sin())


def _matrix(factor: Tensor, wide: torch.dtype) -> Tensor:
    """In the precision of a call; one for each channel gets a dimension for blocks."""
    factor = factor.to(_COMPLEX[wide])
    return factor.unsqueeze(-3) if factor.dim() == 3 else factor


def _checked(u: Any, k: Any, factors: Any) -> tuple[Tensor, list[int]]:
    """The taps that count, and the sizes of the factors."""
    name = "butterfly_conv"
    for argument, tensor in (("u", u), ("k", k)):
        check_floating(name, argument, tensor)
    check_dims(name, "u", u, 2, "[..., H, L]")
    check_parameter(name, "k", k, "u", u)
    heads, length = u.shape[-2:]
    if k.dim() != 2 or k.shape[0] != heads or k.shape[1] == 0:
        raise ValueError(
            f"{name}: k has shape {list(k.shape)}, expected [{heads}, K] with K > 0, as u has "
            f"shape {list(u.shape)}"
        )
    _check_factors("factors", factors, heads)
    for argument, each in (("k", k), *((f"factors[{i}]", each) for i, each in enumerate(factors))):
        check_device(name, argument, each, "u", u)
    sizes = [each.shape[-1] for each in factors]
    taps = k[:, : max(1, length)]
    needed = length + taps.shape[1] - 1
    if math.prod(sizes) < needed:
        raise ValueError(
            f"{name}: factors of sizes {sizes} transform {math.prod(sizes)} numbers, expected at "
            f"least {needed}, as u has shape {list(u.shape)} and k {list(k.shape)}"
        )
    return taps, sizes


def _check_factors(argument: str, factors: Any, heads: int) -> None:
    name = "butterfly_conv"
    if not isinstance(factors, (list, tuple)) or len(factors) < 2:
        raise ValueError(f"{name}: {argument} must be a list or tuple of two or more matrices")
    for i, each in enumerate(factors):
        check_tensor(name, f"{argument}[{i}]", each)
        if each.dtype not in _COMPLEX.values():
            raise TypeError(
                f"{name}: {argument}[{i}] has dtype {each.dtype}, expected complex64 or complex128"
            )
        side = each.shape[-1] if each.dim() else 0
        if side == 0 or list(each.shape) not in ([side, side], [heads, side, side]):
            raise ValueError(
                f"{name}: {argument}[{i}] has shape {list(each.shape)}, expected [N, N] or "
                f"[{heads}, N, N]"
            )
