"""Fourier neural operators on grids: FNO2d, and TFNO2d with decomposed weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from longtail.nn._grid_arguments import flag, grid, pair, positive_int
from longtail.nn.spectral import Rank, SpectralConv2d

__all__ = ["FNO2d", "TFNO2d"]


class PointwiseMLP(nn.Module):
    """``W2 gelu(W1 x + b1) + b2`` at each point of ``[N, C, H, W]``."""

    def __init__(self, in_channels: int, hidden: int, out_channels: int, like: dict[str, Any]):
        super().__init__()
        self.first = nn.Conv2d(in_channels, hidden, 1, **like)
        self.second = nn.Conv2d(hidden, out_channels, 1, **like)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, in_channels, H, W]`` to ``[N, out_channels, H, W]``."""
        return self.second(functional.gelu(self.first(x)))


class Block(nn.Module):
    """``v = act(K x + W x)``, then ``act(MLP v + g x)``: K a spectral convolution, W a matrix
    without bias, g a number a channel. The last block has no act."""

    def __init__(
        self,
        channels: int,
        modes: tuple[int, int],
        rank: Rank | None,
        hidden: int,
        last: bool,
        like: dict[str, Any],
    ) -> None:
        super().__init__()
        self.spectral = SpectralConv2d(channels, channels, modes, rank=rank, **like)
        self.skip = nn.Conv2d(channels, channels, 1, bias=False, **like)
        self.mlp = PointwiseMLP(channels, hidden, channels, like) if hidden else None
        self.gate = nn.Parameter(torch.ones(channels, **like)) if hidden else None
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C, H, W]`` to the same."""
        v = self.spectral(x) + self.skip(x)
        if not self.last:
            v = functional.gelu(v)
        if self.mlp is None or self.gate is None:
            return v
        v = self.mlp(v) + self.gate.view(-1, 1, 1) * x
        return v if self.last else functional.gelu(v)


class FNO2d(nn.Module):
    """Fourier neural operator: coordinates are added as channels, an MLP at each point lifts,
    blocks of spectral convolutions follow, an MLP at each point projects.

    ``[N, in_channels, H, W]`` to ``[N, out_channels, H, W]``; any H, W. The formulas, sizes and
    defaults are those of neuraloperator 2.0.0's ``FNO`` in two dimensions (with copied weights the
    results agree to 1e-5, on even sizes: on a grid of odd height its frequencies come back shifted
    by one).

    Source: Li et al., "Fourier Neural Operator for Parametric Partial Differential Equations",
    2021.

    Args:
        modes: see ``SpectralConv2d``.
        in_channels: of the grids that come in.
        out_channels: of those that go out.
        hidden_channels: of all between.
        layers: blocks.
        lifting_ratio: hidden width of the lifting MLP over ``hidden_channels``.
        projection_ratio: of the projecting one.
        mlp_expansion: of those in the blocks; 0 leaves them out.
        positions: whether ``i / H`` and ``j / W`` become channels.
        rank: of the weights' Tucker decompositions, or None.
        device: of the parameters.
        dtype: of the parameters.
    """

    def __init__(
        self,
        modes: int | tuple[int, int],
        in_channels: int = 1,
        out_channels: int = 1,
        hidden_channels: int = 32,
        layers: int = 4,
        *,
        lifting_ratio: float = 2,
        projection_ratio: float = 2,
        mlp_expansion: float = 0.5,
        positions: bool = True,
        rank: Rank | None = None,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.modes = pair(name, "modes", modes)
        counts = {"in_channels": in_channels, "out_channels": out_channels}
        counts |= {"hidden_channels": hidden_channels, "layers": layers}
        for argument, value in counts.items():
            positive_int(name, argument, value)
        for argument, ratio in (
            ("lifting_ratio", lifting_ratio),
            ("projection_ratio", projection_ratio),
        ):
            if not int(ratio * hidden_channels) >= 1:
                raise ValueError(
                    f"{name}: {argument} is {ratio!r}, expected a hidden width of at least 1"
                )
        if not mlp_expansion >= 0:
            raise ValueError(f"{name}: mlp_expansion is {mlp_expansion!r}, expected >= 0")
        self.positions = flag(name, "positions", positions)
        self.in_channels = in_channels
        like: dict[str, Any] = {"device": device, "dtype": dtype}
        width = hidden_channels
        entering = in_channels + (2 if positions else 0)
        self.lift = PointwiseMLP(entering, int(lifting_ratio * width), width, like)
        self.blocks = nn.ModuleList(
            Block(width, self.modes, rank, round(width * mlp_expansion), i == layers - 1, like)
            for i in range(layers)
        )
        self.project = PointwiseMLP(width, int(projection_ratio * width), out_channels, like)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, in_channels, H, W]`` to ``[N, out_channels, H, W]``."""
        grid(type(self).__name__, "x", x, self.in_channels)
        if self.positions:
            batch, _, height, width = x.shape
            rows = torch.arange(height, dtype=x.dtype, device=x.device) / height
            columns = torch.arange(width, dtype=x.dtype, device=x.device) / width
            rows = rows.view(1, 1, -1, 1).expand(batch, 1, height, width)
            columns = columns.expand(batch, 1, height, width)
            x = torch.cat([x, rows, columns], 1)
        x = self.lift(x)
        for block in self.blocks:
            x = block(x)
        return self.project(x)


class TFNO2d(FNO2d):
    """``FNO2d`` whose spectral weights are Tucker decompositions of a tenth of the parameters.

    Source: Kossaifi et al., "Multi-Grid Tensorized Fourier Neural Operator for High-Resolution
    PDEs", 2024.

    Args:
        modes: and all that follow: see ``FNO2d``.
        rank: share of the parameters, or four ranks.
        more: any other argument of ``FNO2d``.
    """

    def __init__(self, modes: int | tuple[int, int], *sizes: int, rank: Rank = 0.1, **more: Any):
        super().__init__(modes, *sizes, rank=rank, **more)
