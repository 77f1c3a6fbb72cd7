"""Long convolutions whose taps are parameters, squashed and smoothed (LongConv)."""

from __future__ import annotations

import math
import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from longtail.nn._long_taps import LongTaps, widened

__all__ = ["LongConv"]

#: Standard deviation of taps at the start.
_SIZES = {"geometric": 0.02, "random": 0.002}


class LongConv(LongTaps):
    """``long_conv`` of L taps a channel that are parameters.

    ``K`` becomes, in this order: its moving average over 2 p + 1 taps (zeros outside); ``sign(K)
    max(|K| - lam, 0)``, so that small taps vanish; in training, its dropout. u ``[..., H, n]``
    gives y of its shape: the convolution and a skip term; activations and what mixes channels are
    to stand behind it.

    Source: Fu et al., "Simple Hardware-Efficient Long Convolutions for Sequence Modeling", 2023.

    Args:
        channels: H.
        length: L.
        outputs: C, results for each channel.
        lam: what taps are shortened by. A tap that is no larger is 0 and gets no gradient; a module
            warns if most of its taps are so at the start. None: a quarter of them are.
        smooth: p.
        dropout: share of the taps that a call in training leaves out, the others scaled up.
        init: ``"geometric"``, N(0, 1) times ``0.02 exp(-(l / L) (H / 2)^(h / H))`` for channel h
            from 1 to H: some channels look far back, others not; or ``"random"``, 0.002 N(0, 1).
        bidirectional: whether there are as many taps on what is ahead.
        device: of the parameters.
        dtype: of the parameters.

    Attributes:
        kernel: ``[C, H, L]``, or ``[2, C, H, L]`` where bidirectional.
        skip: ``[C, H]``, from N(0, 1).
        lam: a buffer ``[]``, part of the ``state_dict``.
    """

    lam: Tensor

    def __init__(
        self,
        channels: int,
        length: int,
        *,
        outputs: int = 1,
        lam: float | None = None,
        smooth: int = 0,
        dropout: float = 0.0,
        init: str = "geometric",
        bidirectional: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        like: dict[str, Any] = {"device": device, "dtype": dtype}
        super().__init__(channels, length, outputs, bidirectional, like)
        if lam is not None and not (isinstance(lam, (int, float)) and 0 <= lam < math.inf):
            raise ValueError(f"LongConv: lam is {lam!r}, expected None or a number from 0 on")
        if not isinstance(smooth, int) or isinstance(smooth, bool) or smooth < 0:
            raise ValueError(f"LongConv: smooth is {smooth!r}, expected an int from 0 on")
        if not (isinstance(dropout, (int, float)) and 0 <= dropout < 1):
            raise ValueError(f"LongConv: dropout is {dropout!r}, expected a number in [0, 1)")
        if init not in _SIZES:
            raise ValueError(f"LongConv: init is {init!r}, expected one of {sorted(_SIZES)}")
        self.smooth, self.dropout, self.init = smooth, float(dropout), init
        self._given_lam = lam
        directions = (2,) if bidirectional else ()
        self.kernel = nn.Parameter(torch.empty(*directions, outputs, channels, length, **like))
        self.register_buffer("lam", torch.empty((), **like))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """New taps; ``lam`` where it was not given, too."""
        nn.init.normal_(self.skip)
        draws = torch.randn(
            self.kernel.shape, dtype=widened(self.kernel).dtype, device=self.kernel.device
        )
        draws *= _SIZES[self.init]
        if self.init == "geometric":
            draws *= self._envelope(draws)
        self.kernel.copy_(draws)
        size = self._smoothed().abs()
        if self._given_lam is None:
            # kthvalue and not quantile, which has a largest size.
            self.lam.copy_(size.flatten().kthvalue(max(1, size.numel() // 4)).values)
            return
        self.lam.fill_(self._given_lam)
        if not size.is_meta:
            alive = float((size > self._given_lam).double().mean())
            if alive < 0.5:
                warnings.warn(
                    f"LongConv: lam={self._given_lam} squashes {1 - alive:.0%} of the taps to 0 at "
                    "the start, where they have no gradient and never train; lam=None leaves three "
                    "quarters alive",
                    stacklevel=3,
                )

    def taps(self) -> Tensor:
        """``[D, C, H, L]``, D = 2 with those on what is ahead, otherwise 1; at least float32."""
        k = self._smoothed()
        k = k.sign() * functional.relu(k.abs() - widened(self.lam))
        k = functional.dropout(k, self.dropout, self.training)
        return k.view(-1, self.outputs, self.channels, self.length)

    def _envelope(self, like: Tensor) -> Tensor:
        h = torch.arange(1, self.channels + 1, dtype=like.dtype, device=like.device)
        n = torch.arange(self.length, dtype=like.dtype, device=like.device) / self.length
        rate = (self.channels / 2) ** (h / self.channels)
        return torch.exp(-rate.unsqueeze(-1) * n)

    def _smoothed(self) -> Tensor:
        k = widened(self.kernel)
        if self.smooth == 0:
            return k
        width = 2 * self.smooth + 1
        rows = k.reshape(-1, 1, self.length)
        return functional.avg_pool1d(rows, width, 1, self.smooth).view(k.shape)

    def extra_repr(self) -> str:
        """As printed."""
        return (
            f"{super().extra_repr()}, smooth={self.smooth}, dropout={self.dropout}, "
            f"init={self.init!r}"
        )
