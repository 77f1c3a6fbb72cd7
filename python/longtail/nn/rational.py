"""Learnable rational activations as a module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from longtail.rationals import Version, fit_rational, rational


class GroupRational(nn.Module):
    """A safe rational function for each group of channels, ``longtail.rational`` with parameters.

    Args:
        channels: C; the size of x at ``channel_dim``.
        groups: how many denominators; divides C.
        init: the function to start as: a name that ``fit_rational`` knows, or a function to fit.
        version: "A" or "B".
        shared_numerator: one numerator for all groups (as in KAT), else one for each.
        channel_dim: which dimension of x holds the channels; 1 for images.
        device, dtype: of the parameters.

    Shape: x of any shape with C channels, to the same.

    Attributes:
        numerator: ``[1 or groups, 6]``.
        denominator: ``[groups, 4]``.

    Raises:
        ValueError: groups that do not divide the channels, or what ``fit_rational`` refuses.
    """

    def __init__(
        self,
        channels: int,
        groups: int = 8,
        *,
        init: str | Callable[[Tensor], Tensor] = "identity",
        version: Version = "A",
        shared_numerator: bool = True,
        channel_dim: int = -1,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if not (isinstance(channels, int) and isinstance(groups, int) and channels > 0):
            raise ValueError(f"GroupRational: channels is {channels!r}, expected a positive int")
        if groups <= 0 or channels % groups != 0:
            raise ValueError(
                f"GroupRational: groups is {groups}, expected a divisor of the {channels} channels"
            )
        self.channels, self.groups = channels, groups
        self.version: Version = version
        self.channel_dim = channel_dim
        self._start = fit_rational(init, version)
        self._init = init if isinstance(init, str) else "a function"
        rows = 1 if shared_numerator else groups
        self.numerator = nn.Parameter(torch.empty(rows, 6, device=device, dtype=dtype))
        self.denominator = nn.Parameter(torch.empty(groups, 4, device=device, dtype=dtype))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Back to the function that it started as."""
        numerator, denominator = self._start
        self.numerator.copy_(numerator.expand(self.numerator.shape))
        self.denominator.copy_(denominator.expand(self.denominator.shape))

    def forward(self, x: Tensor) -> Tensor:
        """``rational(x, numerator, denominator)``; parameters wider than x take part in its dtype
        unless they are float32."""
        numerator: Tensor = self.numerator
        denominator: Tensor = self.denominator
        if numerator.dtype not in (x.dtype, torch.float32):
            numerator, denominator = numerator.to(x.dtype), denominator.to(x.dtype)
        if x.dtype == torch.float64 and numerator.dtype == torch.float32:
            numerator, denominator = numerator.double(), denominator.double()
        return rational(x, numerator, denominator, self.version, self.channel_dim)

    def extra_repr(self) -> str:
        """As printed."""
        return (
            f"{self.channels}, groups={self.groups}, init={self._init!r}, version={self.version!r}"
        )
