"""A long convolution whose transform is learned with its taps (FlashButterfly)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from longtail.butterfly import butterfly_conv, butterfly_factors
from longtail.nn._long_taps import widened
from longtail.nn._parameters import parameters_for

__all__ = ["ButterflyConv"]


class ButterflyConv(nn.Module):
    """``butterfly_conv`` with its taps and factors as parameters, and a skip term.

    At the start it is the causal convolution of ``long_conv``; training may move its transform away
    from the DFT. u ``[..., H, n]``, n at most L, gives y of its shape.

    Args:
        channels: H.
        length: L, how many taps there are.
        order: how many factors.
        per_channel: whether each channel has factors of its own.
        learn_transform: False: the factors need no gradient and stay those of the DFT.
        device: of the parameters.
        dtype: of the parameters.

    Attributes:
        kernel: ``[H, L]``, from N(0, 1) / sqrt(L).
        skip: ``[H]``, from N(0, 1).
        factors: of the transform: ``[N_i, N_i, 2]`` or ``[H, N_i, N_i, 2]``, real and imaginary
            parts.
        inverse_factors: of the way back, likewise.
    """

    def __init__(
        self,
        channels: int,
        length: int,
        *,
        order: int = 2,
        per_channel: bool = False,
        learn_transform: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for name, size, least in (
            ("channels", channels, 1),
            ("length", length, 1),
            ("order", order, 2),
        ):
            if not isinstance(size, int) or isinstance(size, bool) or size < least:
                raise ValueError(
                    f"ButterflyConv: {name} is {size!r}, expected an int from {least} on"
                )
        self.channels, self.length, self.order = channels, length, order
        self.per_channel, self.learn_transform = per_channel, learn_transform
        like: dict[str, Any] = {"device": device, "dtype": dtype}
        self.kernel = nn.Parameter(torch.empty(channels, length, **like))
        self.skip = nn.Parameter(torch.empty(channels, **like))
        sizes = [len(each) for each in butterfly_factors(2 * length - 1, order)]
        lead = (channels,) if per_channel else ()

        def matrices() -> nn.ParameterList:
            return nn.ParameterList(
                nn.Parameter(torch.empty(*lead, n, n, 2, **like), requires_grad=learn_transform)
                for n in sizes
            )

        self.factors, self.inverse_factors = matrices(), matrices()
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """New taps, and the factors of the DFT."""
        nn.init.normal_(self.kernel, std=self.length**-0.5)
        nn.init.normal_(self.skip)
        exact = butterfly_factors(2 * self.length - 1, self.order, dtype=torch.complex128)
        for matrix, forward, backward in zip(
            exact, self.factors, self.inverse_factors, strict=True
        ):
            forward.copy_(torch.view_as_real(matrix))
            backward.copy_(torch.view_as_real((matrix.conj() / len(matrix)).resolve_conj()))

    def forward(self, u: Tensor) -> Tensor:
        """y of u ``[..., H, n]``."""
        if not isinstance(u, Tensor):
            raise TypeError(f"ButterflyConv: u must be a Tensor, got {type(u).__name__}")
        k, skip = parameters_for(u, widened(self.kernel), self.skip)
        forward, backward = (
            [torch.view_as_complex(widened(each)) for each in factors]
            for factors in (self.factors, self.inverse_factors)
        )
        return butterfly_conv(u, k, forward, backward) + skip.to(u.dtype).unsqueeze(-1) * u

    def extra_repr(self) -> str:
        """As printed."""
        return (
            f"{self.channels}, {self.length}, order={self.order}, per_channel={self.per_channel}, "
            f"learn_transform={self.learn_transform}"
        )
