"""PolyNorm and PolyReLU as modules."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from longtail.nn._parameters import parameters_for
from longtail.polynomials import poly_norm, poly_relu


class _Poly(nn.Module):
    """Weight [3], 1/3 each, and bias [1], 0."""

    def __init__(self, device: Any, dtype: torch.dtype | None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(3, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(1, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Back to the start."""
        nn.init.constant_(self.weight, 1 / 3)
        nn.init.zeros_(self.bias)


class PolyNorm(_Poly):
    """``longtail.poly_norm`` with parameters.

    Args:
        eps: added to the mean squares.
        device, dtype: of the parameters.

    Attributes:
        weight: ``[3]``, of the cube, the square and the linear term; starts at 1/3.
        bias: ``[1]``; starts at 0.
    """

    def __init__(
        self, eps: float = 1e-6, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__(device, dtype)
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Over the last dimension of x."""
        weight, bias = parameters_for(x, self.weight, self.bias)
        return poly_norm(x, weight, bias, self.eps)

    def extra_repr(self) -> str:
        """As printed."""
        return f"eps={self.eps}"


class PolyReLU(_Poly):
    """``longtail.poly_relu`` with parameters.

    Args:
        device, dtype: of the parameters.

    Attributes:
        weight: ``[3]``, of the cube, the square and the linear term; starts at 1/3.
        bias: ``[1]``; starts at 0.
    """

    def __init__(self, *, device: Any = None, dtype: torch.dtype | None = None) -> None:
        super().__init__(device, dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Element by element."""
        weight, bias = parameters_for(x, self.weight, self.bias)
        return poly_relu(x, weight, bias)
