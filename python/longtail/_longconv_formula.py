"""long_conv as torch operations in float64: what the kernels have no op for.

Formulas: csrc/longconv/long_conv.h. Tensors that are not given have the shape [0].
"""

from __future__ import annotations

import torch
from torch import Tensor


def given(tensor: Tensor) -> bool:
    """Whether an optional argument of a raw op is there."""
    return tensor.dim() != 1


def value(
    u: Tensor,
    k: Tensor,
    k_rev: Tensor,
    skip: Tensor,
    gate_in: Tensor,
    gate_out: Tensor,
    state: Tensor,
) -> Tensor:
    """The result ``[B, C, H, L]`` in the dtype of u."""
    x = u.double() * gate_in.double() if given(gate_in) else u.double()
    before = torch.cat([state.double(), x], -1) if given(state) else x
    taps = torch.cat([k_rev.double().flip(-1), k.double()], -1) if given(k_rev) else k.double()
    if x.numel() == 0:  # of which MKL makes no transform
        y = x.unsqueeze(1) * taps.sum(-1, keepdim=True)
    else:
        size = before.shape[-1] + taps.shape[-1]
        product = torch.fft.rfft(before, size).unsqueeze(1) * torch.fft.rfft(taps, size)
        start = taps.shape[-1] - k.shape[-1] + before.shape[-1] - x.shape[-1]
        y = torch.fft.irfft(product, size)[..., start : start + x.shape[-1]]
    if given(skip):
        y = y + skip.double().unsqueeze(-1) * x.unsqueeze(1)
    if given(gate_out):
        y = y * gate_out.double()
    return y.to(u.dtype)
