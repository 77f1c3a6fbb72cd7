"""How published kernels sum coefficient gradients, in our own words: float32 atomics.

Each element's terms are added to 6 + 4 accumulators of its group, either one by one (KAT's kernel)
or after a sum over the block (FlashKAT's). Version A with orders (5, 4). Imports triton, which only
GPU builds of torch bring. No GPU has run this yet; triton's interpreter has (TRITON_INTERPRET=1).
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

BLOCK = 1024


@triton.jit
def _kernel(
    grad, x, a, b, dx, da, db, count, channels, per_group,
    BLOCK: tl.constexpr, BY_BLOCK: tl.constexpr,
):  # fmt: skip
    # Program (i, g): the i-th stretch of the elements of group g, of all rows.
    group = tl.program_id(1)
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < count
    where = (at // per_group).to(tl.int64) * channels + group * per_group + at % per_group
    z = tl.load(x + where, mask=inside, other=0.0)
    g = tl.load(grad + where, mask=inside, other=0.0)
    size = tl.abs(z)
    p = tl.zeros_like(z)
    slope = tl.zeros_like(z)
    for i in tl.static_range(5, -1, -1):
        slope = slope * z + p
        p = p * z + tl.load(a + i)
    q = tl.zeros_like(z)
    fall = tl.zeros_like(z)
    for j in tl.static_range(4, 0, -1):
        fall = fall * size + q
        q = q * size + tl.abs(tl.load(b + group * 4 + j - 1))
    fall = fall * size + q
    q = q * size + 1.0
    sign = tl.where(z < 0, -1.0, 1.0)
    t = g / q
    y = p / q
    tl.store(dx + where, (slope - y * fall * sign) * t, mask=inside)
    term = t
    for i in tl.static_range(6):
        if BY_BLOCK:
            tl.atomic_add(da + i, tl.sum(term))
        else:
            tl.atomic_add(da + i + tl.zeros_like(at), term, mask=inside)
        term = term * z
    term = -t * y
    for j in tl.static_range(4):
        term = term * size
        own = term * tl.where(tl.load(b + group * 4 + j) < 0, -1.0, 1.0)
        if BY_BLOCK:
            tl.atomic_add(db + group * 4 + j, tl.sum(own))
        else:
            tl.atomic_add(db + group * 4 + j + tl.zeros_like(at), own, mask=inside)


def backward(
    x: Tensor, numerator: Tensor, denominator: Tensor, grad: Tensor, by_block: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """dx, d_numerator [1, 6] and d_denominator [groups, 4] of float32 tensors, channels last."""
    groups, channels = denominator.shape[0], x.shape[-1]
    result = torch.empty_like(x), torch.zeros_like(numerator), torch.zeros_like(denominator)
    count = x.numel() // groups
    _kernel[(triton.cdiv(count, BLOCK), groups)](
        grad, x, numerator, denominator, *result, count, channels, channels // groups,
        BLOCK=BLOCK, BY_BLOCK=by_block,
    )  # fmt: skip
    return result
