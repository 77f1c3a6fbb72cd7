"""Units in which squares of right-hand sides are numbers."""

from __future__ import annotations

import torch
from torch import Tensor


def power_of_two(x: Tensor, dims: int) -> Tensor:
    """As large as the largest of each item, whose last ``dims`` axes become 1; 1 where that is 0 or
    not finite. A division by it rounds nothing, and afterwards no square overflows or vanishes."""
    with torch.no_grad():
        largest = x.detach().abs().amax(tuple(range(-dims, 0)), keepdim=True)
        usable = (largest > 0) & largest.isfinite()
        exponent = torch.where(usable, largest, 1.0).log2().floor().clamp(-1000, 1000)
        return torch.ldexp(torch.ones_like(largest), exponent)
