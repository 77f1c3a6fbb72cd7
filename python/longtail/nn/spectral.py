"""Convolutions whose weights are low Fourier frequencies (SpectralConv2d)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from longtail._autocast import autocast_off
from longtail.nn._grid_arguments import flag, grid, pair, positive_int
from longtail.nn._spectrum import from_low_frequencies, kept, low_frequencies

__all__ = ["SpectralConv2d"]

Rank = float | Sequence[int]


def tucker_rank(shape: tuple[int, ...], rank: Rank) -> tuple[int, ...]:
    """Ranks of the axes: given, or, for a share of the parameters, in proportion to the sizes:
    ``round(c size)`` with ``c^d prod(sizes) + c sum(sizes^2) = share prod(sizes)``."""
    if not isinstance(rank, (int, float)):
        ranks = tuple(rank)
        if len(ranks) != len(shape) or any(not isinstance(r, int) or r < 1 for r in ranks):
            raise ValueError(
                f"SpectralConv2d: rank is {rank!r}, expected a positive number or "
                f"{len(shape)} positive ints"
            )
        return ranks
    share = float(rank)
    if isinstance(rank, bool) or not 0 < share < math.inf:
        raise ValueError(f"SpectralConv2d: rank is {rank!r}, expected a positive number")
    total, squares = math.prod(shape), sum(size * size for size in shape)
    low, high = 0.0, max(share, 1.0)
    for _ in range(200):  # the left side grows with c
        middle = (low + high) / 2
        if total * middle ** len(shape) + squares * middle < share * total:
            low = middle
        else:
            high = middle
    return tuple(max(round(size * low), 1) for size in shape)


class SpectralConv2d(nn.Module):
    """``y[o] = F^-1 (sum over i of w[i, o] F x[i]) + b[o]`` on low frequencies, zero on others.

    F is the Fourier transform of ``[N, C, H, W]`` over H and W divided by H W. Kept are
    frequencies ``-(m1 // 2) ... (m1 + 1) // 2 - 1`` along H and ``0 ... m2 // 2`` along W, and
    their conjugates; on a grid that has fewer, those that it has.

    ``rank``: None, one weight for all; otherwise a Tucker decomposition of it,
    ``w[i, o, x, y] = sum of core[a, b, c, d] U1[i, a] U2[o, b] U3[x, c] U4[y, d]``, which is never
    multiplied out.

    Computed in float32, or in float64 where x or the weights are; the result has the dtype of x.

    Source: Li et al., "Fourier Neural Operator for Parametric Partial Differential Equations",
    2021; Kossaifi et al., "Multi-Grid Tensorized Fourier Neural Operator", 2024.

    Args:
        in_channels: of x.
        out_channels: of y.
        modes: (m1, m2), or one number for both.
        rank: None; four ranks of the decomposition; or a number, the share of the parameters of
            the whole weight that it may have.
        bias: whether there is b.
        device: of the parameters.
        dtype: of the parameters.

    Attributes:
        weight: ``[in, out, m1, m2 // 2 + 1, 2]``, real and imaginary parts, row 0 being frequency
            ``-(m1 // 2)``; None with a rank.
        core: ``[r1, r2, r3, r4, 2]``, and ``factors``, four of ``[size, r, 2]``, with a rank.
        bias: ``[out]`` or None.
    """

    weight: nn.Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        modes: int | tuple[int, int],
        *,
        rank: Rank | None = None,
        bias: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_channels = positive_int("SpectralConv2d", "in_channels", in_channels)
        self.out_channels = positive_int("SpectralConv2d", "out_channels", out_channels)
        self.modes = pair("SpectralConv2d", "modes", modes)
        flag("SpectralConv2d", "bias", bias)
        like: dict[str, Any] = {"device": device, "dtype": dtype}
        shape = (in_channels, out_channels, self.modes[0], self.modes[1] // 2 + 1)
        self.rank = None if rank is None else tucker_rank(shape, rank)
        if self.rank is None:
            self.weight = nn.Parameter(torch.empty(*shape, 2, **like))
        else:
            self.register_parameter("weight", None)
            self.core = nn.Parameter(torch.empty(*self.rank, 2, **like))
            self.factors = nn.ParameterList(
                nn.Parameter(torch.empty(size, r, 2, **like))
                for size, r in zip(shape, self.rank, strict=True)
            )
        self.bias = nn.Parameter(torch.empty(out_channels, **like)) if bias else None
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """New numbers: weights from N(0, 2 / (in + out)), split between core and factors."""
        std = math.sqrt(2 / (self.in_channels + self.out_channels))
        if self.rank is None:
            assert self.weight is not None
            nn.init.normal_(self.weight, std=std / math.sqrt(2))
        else:
            each = (std / math.sqrt(math.prod(self.rank))) ** (1 / (len(self.rank) + 1))
            for part in (self.core, *self.factors):
                nn.init.normal_(part, std=each / math.sqrt(2))
        if self.bias is not None:
            nn.init.normal_(self.bias, std=std)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, in_channels, H, W]`` to ``[N, out_channels, H, W]``."""
        grid("SpectralConv2d", "x", x, self.in_channels)
        height, width = x.shape[-2:]
        rows = kept(height, self.modes[0])
        columns = min(width // 2 + 1, self.modes[1] // 2 + 1)
        with autocast_off(x.device):
            own = self.core if self.weight is None else self.weight
            real = torch.float64 if torch.float64 in (x.dtype, own.dtype) else torch.float32
            z = low_frequencies(x.to(real), rows, columns)
            z = self._multiply(z, real)
            y = from_low_frequencies(z, height, width)
            if self.bias is not None:
                y = y + self.bias.to(real).view(-1, 1, 1)
        return y.to(x.dtype)

    def _multiply(self, z: Tensor, real: torch.dtype) -> Tensor:
        """The weight of each frequency times ``z [N, in, rows, columns]``."""
        batch, _, rows, columns = z.shape
        first = self.modes[0] // 2 - rows // 2

        def part(w: Tensor, *axes: int) -> Tensor:
            """As complex numbers, of the frequencies that there are."""
            for axis, begin, size in zip(axes, (first, 0), (rows, columns), strict=False):
                w = w.narrow(axis, begin, size)
            return torch.view_as_complex(w.to(real).contiguous())

        # [rows columns, N, in]: a matrix product for each frequency.
        x = z.permute(2, 3, 0, 1).reshape(rows * columns, batch, self.in_channels)
        if self.weight is not None:
            w = part(self.weight, 2, 3).permute(2, 3, 0, 1)
            y = torch.bmm(x, w.reshape(rows * columns, self.in_channels, self.out_channels))
        else:
            into, out, by_row, by_column = self.factors
            core = torch.view_as_complex(self.core.to(real).contiguous())
            a, b, c, d = core.shape
            # [rows, columns, a, b]: the weight of each frequency between the reduced channels.
            w = (part(by_row, 0) @ core.permute(2, 3, 0, 1).reshape(c, -1)).view(rows, d, a * b)
            u4 = torch.view_as_complex(by_column.narrow(0, 0, columns).to(real).contiguous())
            w = (u4 @ w).reshape(rows * columns, a, b)
            u1, u2 = (torch.view_as_complex(f.to(real).contiguous()) for f in (into, out))
            y = torch.bmm(x @ u1, w) @ u2.mT
        return y.view(rows, columns, batch, self.out_channels).permute(2, 3, 0, 1)

    def extra_repr(self) -> str:
        """As printed."""
        return f"{self.in_channels}, {self.out_channels}, modes={self.modes}, rank={self.rank}"
