"""Learnable rational activations as a module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from longtail._rational_fit import values, variance_gain
from longtail.nn import _checkpoints
from longtail.rationals import Version, fit_rational, rational


class GroupRational(nn.Module):
    """A safe rational function for each group of channels, ``longtail.rational`` with parameters.

    Args:
        channels: C; the size of x at ``channel_dim``.
        groups: how many denominators; divides C.
        init: the function to start as: a name that ``fit_rational`` knows, a function to fit, or
            coefficients as it returns them, ``([1, m + 1], [1, n])``.
        version: "A" or "B".
        shared_numerator: one numerator for all groups (as in KAT), else one for each.
        channel_dim: which dimension of x holds the channels; 1 for images.
        orders: (m, n) of numerator and denominator; default those of given coefficients, else
            (5, 4), which the kernels are tuned for.
        interval: where to fit; default [-3, 3]. Neither goes with given coefficients.
        device, dtype: of the parameters.

    Shape: x of any shape with C channels, to the same.

    Attributes:
        numerator: ``[1 or groups, m + 1]``.
        denominator: ``[groups, n]``.

    ``load_state_dict`` also takes the names of KAT (``weight_numerator``, ``weight_denominator``)
    and FlashKAT (``numerator_v``, ``denominator_v``). Their tables for gelu, geglu and swishglu
    were fitted for the other version: untrained ones are recognised, loaded, and warned of.

    Raises:
        ValueError: groups that do not divide the channels, or what ``fit_rational`` refuses.
    """

    def __init__(
        self,
        channels: int,
        groups: int = 8,
        *,
        init: str | Callable[[Tensor], Tensor] | tuple[Tensor, Tensor] = "identity",
        version: Version = "A",
        shared_numerator: bool = True,
        channel_dim: int = -1,
        orders: tuple[int, int] | None = None,
        interval: tuple[float, float] | None = None,
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
        if isinstance(init, tuple):
            if orders is not None or interval is not None:
                raise ValueError("GroupRational: init is coefficients; orders and interval are its")
            self._start = _coefficients(init)
            self._init = "coefficients"
        else:
            orders, interval = orders or (5, 4), interval or (-3.0, 3.0)
            self._start = fit_rational(init, version, interval, orders=orders)
            self._init = init if isinstance(init, str) else "a function"
        rows = 1 if shared_numerator else groups
        terms, n = (each.shape[1] for each in self._start)
        self.numerator = nn.Parameter(torch.empty(rows, terms, device=device, dtype=dtype))
        self.denominator = nn.Parameter(torch.empty(groups, n, device=device, dtype=dtype))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Back to the function that it started as."""
        numerator, denominator = self._start
        self.numerator.copy_(numerator.expand(self.numerator.shape))
        self.denominator.copy_(denominator.expand(self.denominator.shape))

    def variance_gain(self) -> float:
        """1/E[F(z)^2] of the function that it starts as, z standard normal, by quadrature: a linear
        layer of d inputs behind it keeps the variance if its weights have variance gain/d (2.81
        for silu, 2.35 for gelu, 1 for the identity)."""
        a, b = (each[0].numpy() for each in self._start)
        return variance_gain(lambda z: values(z, a, b, self.version))

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

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *arguments: Any, **keywords: Any
    ) -> None:
        """As any module, after translating other packages' names. ``state_dict`` is the copy that
        ``load_state_dict`` made."""
        own = {"numerator": self.numerator, "denominator": self.denominator}
        _checkpoints.rename(state_dict, prefix, own)
        numerator, denominator = (state_dict.get(prefix + name) for name in own)
        if self.version == "A" and numerator is not None and denominator is not None:
            table = _checkpoints.misfitted_table(numerator, denominator)
            if table is not None:
                _checkpoints.warn_of_misfit(table, prefix + "numerator")
        super()._load_from_state_dict(state_dict, prefix, *arguments, **keywords)

    def extra_repr(self) -> str:
        """As printed."""
        text = (
            f"{self.channels}, groups={self.groups}, init={self._init!r}, version={self.version!r}"
        )
        m, n = self._start[0].shape[1] - 1, self._start[1].shape[1]
        return text if (m, n) == (5, 4) else f"{text}, orders={(m, n)}"


def _coefficients(given: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    shapes = [list(each.shape) for each in given]
    if len(given) != 2 or any(len(shape) != 2 or shape[0] != 1 for shape in shapes):
        raise ValueError(f"GroupRational: init has shapes {shapes}, expected [1, m + 1] and [1, n]")
    numerator, denominator = (each.detach().cpu().double() for each in given)
    return numerator, denominator
