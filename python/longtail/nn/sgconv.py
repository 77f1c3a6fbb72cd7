"""Long convolutions whose taps are few at the start and ever smoother behind (SGConv)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from longtail.nn._long_taps import LongTaps, widened

__all__ = ["SGConv"]


class SGConv(LongTaps):
    """``long_conv`` of L taps made of O(log L) parameters a channel: structured global convolution.

    ``k = concat_i(upsample(w_i, 2^max(0, i - 1)) m^(S - 1 - i)) / norm``, for i from 0 to S - 1 and
    ``S = 1 + ceil(log2(L / d))`` scales of d parameters each, cut to L taps. Upsampling is linear
    (``align_corners=False``); norm is that of the taps of each channel at the start. u
    ``[..., H, n]`` gives y of its shape: the convolution and a skip term; activations and what
    mixes channels are to stand behind it.

    Source: Li et al., "What Makes Convolutional Models Great on Long Sequence Modeling?", 2022.

    Args:
        channels: H.
        length: L.
        kernel_dim: d.
        outputs: C, results for each channel.
        decay: m, by how much the taps of each scale are smaller than those of the one before.
        bidirectional: whether there are as many taps on what is ahead.
        device: of the parameters.
        dtype: of the parameters.

    Attributes:
        scales: S parameters ``[C, H, d]`` (``[2, C, H, d]`` where bidirectional), from N(0, 1).
        skip: ``[C, H]``, from N(0, 1).
        norm: a buffer ``[C, H, 1]`` (``[2, C, H, 1]``), part of the ``state_dict``: what taps are
            divided by. Computed here and in ``reset_parameters``, never by a call.
    """

    norm: Tensor

    def __init__(
        self,
        channels: int,
        length: int,
        *,
        kernel_dim: int = 64,
        outputs: int = 1,
        decay: float = 2.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        like: dict[str, Any] = {"device": device, "dtype": dtype}
        super().__init__(channels, length, outputs, bidirectional, like)
        if not isinstance(kernel_dim, int) or isinstance(kernel_dim, bool) or kernel_dim < 1:
            raise ValueError(f"SGConv: kernel_dim is {kernel_dim!r}, expected a positive int")
        if not (isinstance(decay, (int, float)) and 0 < decay < math.inf):
            raise ValueError(f"SGConv: decay is {decay!r}, expected a positive number")
        self.kernel_dim, self.decay = kernel_dim, float(decay)
        count = 1 + max(0, math.ceil(math.log2(length / kernel_dim)))
        directions = (2,) if bidirectional else ()
        self.scales = nn.ParameterList(
            nn.Parameter(torch.empty(*directions, outputs, channels, kernel_dim, **like))
            for _ in range(count)
        )
        self.register_buffer("norm", torch.empty(*directions, outputs, channels, 1, **like))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """New numbers, and their norm."""
        for each in (*self.scales, self.skip):
            nn.init.normal_(each)
        self.norm.copy_(self._unscaled().norm(dim=-1, keepdim=True).view(self.norm.shape))

    def taps(self) -> Tensor:
        """``[D, C, H, L]``, D = 2 with those on what is ahead, otherwise 1; at least float32."""
        k = self._unscaled()
        return k / widened(self.norm).view(*k.shape[:-1], 1)

    def _unscaled(self) -> Tensor:
        pieces = []
        for i, w in enumerate(self.scales):
            rows = widened(w).view(-1, self.channels, self.kernel_dim)
            if i > 1:
                size = self.kernel_dim << (i - 1)
                rows = functional.interpolate(rows, size=size, mode="linear", align_corners=False)
            pieces.append(rows * self.decay ** (len(self.scales) - 1 - i))
        k = torch.cat(pieces, -1)[..., : self.length]
        return k.unflatten(0, (-1, self.outputs))

    def extra_repr(self) -> str:
        """As printed."""
        return f"{super().extra_repr()}, kernel_dim={self.kernel_dim}, decay={self.decay}"
