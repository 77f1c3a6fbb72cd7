"""Matrix products of a linear layer in int8, rotated against outliers.

Source: Ashkboos, Nikdan, Tabesh, Castro, Hoefler, Alistarh, "HALO: Hadamard-Assisted
Lower-Precision Optimization for LLMs", 2025; the released code's choices where the paper leaves
one: a scale for each whole tensor, weight gradients without rotation. Unlike it, rotation and
dequantisation are in float32 also for 16-bit tensors, and no scale ever leaves the device.
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtail._autograd import Gradient, Saved, differentiable
from longtail.hadamard import LARGEST_SIZE, hadamard_size_for

_CODES = 127
# int32 sums of so many products of codes cannot overflow.
_LONGEST_SUM = 1 << 17


def quantise(a: Tensor) -> tuple[Tensor, Tensor]:
    """int8 codes and the scale of a whole tensor: a is nearly codes * scale.

    scale = amax / 127; codes = rint(a * (127 / amax)) in the dtype of a; all 0 where amax is 0.
    """
    amax = a.abs().amax() if a.numel() else a.new_zeros(())
    inverse = _CODES / amax
    inverse = torch.where(inverse.isfinite(), inverse, torch.zeros_like(inverse))
    return (a * inverse).round().to(torch.int8), amax / _CODES


def rotate(a: Tensor, *, transpose: bool) -> Tensor:
    """a H^T (or a H) over the last dimension, orthogonal, after zeros up to a size that has an H;
    beyond the largest size in blocks of it."""
    n = int(a.shape[-1])
    size = hadamard_size_for(n) if n <= LARGEST_SIZE else LARGEST_SIZE
    assert size is not None, "every n up to the largest has a size above it"
    padded = torch.nn.functional.pad(a, (0, -n % size))
    blocks = padded.unflatten(-1, (padded.shape[-1] // size, size))
    return torch.ops.longtail.hadamard_transform(blocks, size**-0.5, transpose).flatten(-2)


def integer_product(a: Tensor, b: Tensor, wide: torch.dtype) -> Tensor:
    """a b^T of int8 codes [M, K] and [N, K], exact sums rounded once to ``wide``."""
    rows, depth = a.shape
    columns = b.shape[0]
    if rows == 0 or columns == 0 or depth == 0:
        return torch.zeros(rows, columns, dtype=wide, device=a.device)
    # CUDA asks for M > 16, K and N multiples of 8; torch 2.13's CPU kernel is wrong at K = 1.
    on_cuda = a.device.type == "cuda"
    deeper = -depth % 8 if on_cuda or depth == 1 or depth > _LONGEST_SUM else 0
    pad = torch.nn.functional.pad
    a = pad(a, (0, deeper, 0, max(0, 32 - rows) if on_cuda else 0))
    b = pad(b, (0, deeper, 0, -columns % 8 if on_cuda else 0))
    if a.device.type not in ("cpu", "cuda", "meta"):
        return (a.double() @ b.double().t()).to(wide)  # exact as well
    if a.shape[1] <= _LONGEST_SUM:
        product = torch._int_mm(a, b.t()).to(wide)
    else:
        parts = zip(a.split(_LONGEST_SUM, 1), b.split(_LONGEST_SUM, 1), strict=True)
        sums = [torch._int_mm(p.contiguous(), q.contiguous().t()).long() for p, q in parts]
        product = torch.stack(sums).sum(0).to(wide)
    return product[:rows, :columns]


def _wide(a: Tensor) -> Tensor:
    return a if a.dtype == torch.float64 else a.float()


def _product(a: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor], wide: torch.dtype) -> Tensor:
    return integer_product(a[0].contiguous(), b[0].contiguous(), wide) * (a[1] * b[1])


def _turned(quantised: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return quantised[0].t(), quantised[1]


def _forward(x: Tensor, weight: Tensor, level: int) -> Tensor:
    """[T, in] and [out, in] to [T, out], in the dtype of x."""
    with torch._C._AutoDispatchBelowAutograd():
        wide, wide_weight = _wide(x), _wide(weight)
        if level > 0:
            wide = rotate(wide, transpose=True)
            wide_weight = rotate(wide_weight, transpose=True)
        return _product(quantise(wide), quantise(wide_weight), wide.dtype).to(x.dtype)


def _gradients(grad: Tensor, x: Tensor, weight: Tensor, level: int) -> tuple[Tensor, Tensor]:
    """Those of x and of the weight, in their dtypes."""
    with torch._C._AutoDispatchBelowAutograd():
        error = _wide(grad)
        codes = quantise(error)
        columns = _turned(quantise(_wide(weight)))  # [in, out]
        if level < 2:
            dx = _product(codes, columns, error.dtype)
        else:
            tokens = error.shape[0]
            rotated = _turned(quantise(rotate(error.t(), transpose=False)))  # H E, [T', out]
            back = rotate(_product(columns, rotated, error.dtype), transpose=True)
            dx = back[:, :tokens].t().contiguous()
        d_weight = _product(_turned(codes), _turned(quantise(_wide(x))), error.dtype)
        return dx.to(x.dtype), d_weight.to(weight.dtype)


def _refuse(saved: Saved, *grads: Gradient) -> tuple[Gradient, ...]:
    raise NotImplementedError(
        "HaloLinear: no second derivative; its gradients are products of quantised tensors"
    )


_differentiable_gradients = differentiable("halo_linear_backward", _gradients, _refuse)


def _backward(saved: Saved, grad: Tensor) -> tuple[Gradient, ...]:
    dx, d_weight = _differentiable_gradients(grad, *saved.inputs)
    needs = saved.needs
    return dx if needs[0] else None, d_weight if needs[1] else None, None


halo_linear = differentiable("halo_linear", _forward, _backward)
