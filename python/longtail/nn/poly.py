"""PolyNorm and PolyReLU as modules."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

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

    def _parameters_for(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """As they are where they are float32 beside a narrower x, else in the dtype of x."""
        narrower = x.dtype in (torch.float32, torch.float16, torch.bfloat16)
        if self.weight.dtype == torch.float32 and narrower:
            return self.weight, self.bias
        return self.weight.to(x.dtype), self.bias.to(x.dtype)


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
        return poly_norm(x, *self._parameters_for(x), self.eps)

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
        return poly_relu(x, *self._parameters_for(x))
