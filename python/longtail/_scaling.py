"""Units in which squares of right-hand sides are numbers."""

from __future__ import annotations

import torch
from torch import Tensor


def power_of_two(x: Tensor, dims: int) -> Tensor:
    """As large as the largest of each item, whose last ``dims`` axes become 1; 1 where that is 0 or
    not finite. A division by it rounds nothing, and afterwards no square overflows or vanishes."""
    with torch.no_grad():
        return as_power_of_two(x.detach().abs().amax(tuple(range(-dims, 0)), keepdim=True))


def as_power_of_two(largest: Tensor) -> Tensor:
    """The power of two below each, 1 for 0 and what is not finite."""
    with torch.no_grad():
        usable = (largest > 0) & largest.isfinite()
        exponent = torch.where(usable, largest, 1.0).log2().floor().clamp(-1000, 1000)
        return torch.ldexp(torch.ones_like(largest), exponent)
