"""MgNO: a neural operator whose linear maps are learned multigrid V-cycles."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from longtail.nn._grid_arguments import choice, flag, grid, positive_int
from longtail.nn._grid_convolutions import grid_of, pointwise, rows_of
from longtail.nn.mgconv import MgConv, Steps

__all__ = ["MgNO"]

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": functional.gelu,
    "relu": functional.relu,
    "silu": functional.silu,
    "tanh": torch.tanh,
}
_SIX_LEVELS = ((1, 0), (1, 0), (1, 0), (1, 0), (1, 0), (2, 0))
#: Released configurations whose layers are those of this module.
CONFIGS: dict[str, dict[str, Any]] = {
    "darcy": {"channels": 24, "layers": 4, "steps": _SIX_LEVELS},
    "multiscale": {"channels": 24, "layers": 4, "steps": _SIX_LEVELS},
    "pipe": {
        "in_channels": 2,
        "channels": 24,
        "layers": 5,
        "steps": ((1, 0), (1, 0), (1, 0), (1, 0), (1, 1), (2, 0)),
    },
}


class Layer(nn.Module):
    """``W u + B u + b``: W a V-cycle, B a matrix at each point, b a bias a channel."""

    def __init__(self, in_channels: int, channels: int, steps: Steps, **more: Any) -> None:
        super().__init__()
        like = {"device": more["device"], "dtype": more["dtype"]}
        self.cycle = MgConv(in_channels, channels, steps, **more)
        self.linear = nn.Conv2d(in_channels, channels, 1, **like)

    def forward(self, u: Tensor) -> Tensor:
        """``[N, H, W, in_channels]`` to ``[N, H, W, channels]``."""
        v, u = self.cycle.cycle(u, self.linear.bias)
        return pointwise(u, self.linear.weight, v)


class MgNO(nn.Module):
    """Layers ``u <- gelu(W u + B u + b)``, each W a learned V-cycle (``MgConv``), and a last matrix
    at each point.

    ``[N, in_channels, H, W]`` to ``[N, out_channels, H, W]``, any H, W >= 1.

    **It does not transfer across resolutions**: on a grid of twice the size the error of a trained
    network was 87 %. The size of the last grid that was seen in training is a buffer, and outside
    of training a grid of another size gets a warning (once for each size; not in compiled code).

    Source: He, Liu, Xu, "MgNO: Efficient Parameterization of Linear Operators via Multigrid", 2024.
    ``state_dict``s of its reference (MgNO_DC: ``conv_list``, ``linear_list``, ``linear``) load.

    Args:
        in_channels: of the grids that come in.
        out_channels: of those that go out.
        channels: of all between.
        layers: how many.
        steps: of each V-cycle, see ``MgConv``.
        padding_mode: "zeros" (u = 0 on the boundary), "reflect" or "circular".
        restrict_residual: see ``MgConv``.
        activation: "gelu", "relu", "silu" or "tanh".
        recompute: whether training keeps only what enters each layer, and computes the layer again
            in the backward pass: less memory for a third more time.
        device: of the parameters.
        dtype: of the parameters.
    """

    trained_size: Tensor

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        channels: int = 24,
        layers: int = 4,
        steps: Steps = _SIX_LEVELS,
        *,
        padding_mode: str = "zeros",
        restrict_residual: bool = False,
        activation: str = "gelu",
        recompute: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_channels = positive_int("MgNO", "in_channels", in_channels)
        self.out_channels = positive_int("MgNO", "out_channels", out_channels)
        self.channels = positive_int("MgNO", "channels", channels)
        positive_int("MgNO", "layers", layers)
        self.activation = choice("MgNO", "activation", activation, tuple(ACTIVATIONS))
        self.recompute = flag("MgNO", "recompute", recompute)
        more: dict[str, Any] = {
            "padding_mode": padding_mode,
            "restrict_residual": restrict_residual,
            "device": device,
            "dtype": dtype,
        }
        self.layers = nn.ModuleList(
            Layer(channels if i else in_channels, channels, steps, **more) for i in range(layers)
        )
        self.last = nn.Conv2d(channels, out_channels, 1, bias=False, device=device, dtype=dtype)
        self.register_buffer("trained_size", torch.zeros(2, dtype=torch.int64, device=device))
        self._seen: set[tuple[int, int]] = set()
        self._trained: tuple[int, int] | None = None

    @classmethod
    def from_config(cls, name: str, **overrides: Any) -> MgNO:
        """A released configuration: "darcy" (24 channels, 6 levels, 4 layers: 572,661 parameters;
        with ``layers=5`` 738,573), "multiscale" (the same) or "pipe" (2 channels in, 5 layers).
        ``overrides``: any argument of ``MgNO``."""
        choice("MgNO.from_config", "name", name, tuple(CONFIGS))
        return cls(**{**CONFIGS[name], **overrides})

    def forward(self, u: Tensor) -> Tensor:
        """``[N, in_channels, H, W]`` to ``[N, out_channels, H, W]``."""
        grid("MgNO", "u", u, self.in_channels)
        self._note_size(u.shape[-2], u.shape[-1])
        u = rows_of(u)
        for layer in self.layers:
            if self.recompute and torch.is_grad_enabled():
                u = checkpoint(self._activated, layer, u, use_reentrant=False)
            else:
                u = self._activated(layer, u)
        return grid_of(pointwise(u, self.last.weight)).contiguous()

    def _activated(self, layer: nn.Module, u: Tensor) -> Tensor:
        return ACTIVATIONS[self.activation](layer(u))

    @torch.no_grad()
    def _note_size(self, height: int, width: int) -> None:
        if self.training:
            self.trained_size[0].fill_(height)
            self.trained_size[1].fill_(width)
        if self.training or torch.compiler.is_compiling() or (height, width) in self._seen:
            return
        if self._trained is None:
            if self.trained_size.is_meta:
                return
            trained = self.trained_size.tolist()
            self._trained = (trained[0], trained[1])
        self._seen.add((height, width))
        if self._trained not in ((0, 0), (height, width)):
            rows, columns = self._trained
            warnings.warn(
                f"MgNO: the grid is {height} x {width}, the network was trained on {rows} x "
                f"{columns}. MgNO does not transfer across resolutions: expect errors near 100 %. "
                "Train on this size.",
                UserWarning,
                stacklevel=3,
            )

    def train(self, mode: bool = True) -> MgNO:
        """Sets the mode of training."""
        self._forget()
        return super().train(mode)

    def _forget(self) -> None:
        self._seen, self._trained = set(), None

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *arguments: Any
    ) -> None:
        """Names of the reference implementation become ours; a file without a size has none."""
        self._forget()
        for theirs, ours in (("linear.weight", "last.weight"),):
            if prefix + theirs in state_dict:
                state_dict[prefix + ours] = state_dict.pop(prefix + theirs)
        for theirs, ours in (("conv_list", "cycle"), ("linear_list", "linear")):
            start = f"{prefix}{theirs}."
            for key in [key for key in state_dict if key.startswith(start)]:
                index, _, rest = key[len(start) :].partition(".")
                state_dict[f"{prefix}layers.{index}.{ours}.{rest}"] = state_dict.pop(key)
                state_dict.setdefault(f"{prefix}trained_size", torch.zeros_like(self.trained_size))
        super()._load_from_state_dict(state_dict, prefix, *arguments)

    def extra_repr(self) -> str:
        """As printed."""
        return f"activation={self.activation!r}, recompute={self.recompute}"
