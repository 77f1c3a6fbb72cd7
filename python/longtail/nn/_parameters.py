"""How parameters take part in a call on x of another dtype."""

from __future__ import annotations

import torch
from torch import Tensor

_NARROWER = (torch.float32, torch.float16, torch.bfloat16)


def parameters_for(x: Tensor, *parameters: Tensor) -> tuple[Tensor, ...]:
    """As they are where the ops take them: in the dtype of x, or float32 beside a narrower x;
    otherwise in the dtype of x."""
    return tuple(
        each
        if each.dtype == x.dtype or (each.dtype == torch.float32 and x.dtype in _NARROWER)
        else each.to(x.dtype)
        for each in parameters
    )
