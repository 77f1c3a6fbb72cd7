"""What modules that make the taps of a long convolution have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from longtail.longconv import LongKernel, long_conv
from longtail.nn._parameters import parameters_for


class LongTaps(nn.Module):
    """``long_conv`` of taps that ``taps()`` makes of parameters, and a skip term.

    In eval mode, where no gradient is asked for in the parameters, taps and their spectrum are made
    once and kept until a parameter or buffer changes. (What is written through ``.data`` is not
    noticed; ``train()`` and ``clear()`` forget them.)

    Args:
        channels: H.
        length: L, how many taps there are.
        outputs: C, results for each channel.
        bidirectional: whether there are as many taps on what is ahead.
        like: device and dtype of the parameters.

    Attributes:
        skip: ``[C, H]``, drawn from N(0, 1).
    """

    def __init__(
        self, channels: int, length: int, outputs: int, bidirectional: bool, like: dict[str, Any]
    ) -> None:
        super().__init__()
        name = type(self).__name__
        for argument, size in (("channels", channels), ("length", length), ("outputs", outputs)):
            if not isinstance(size, int) or isinstance(size, bool) or size < 1:
                raise ValueError(f"{name}: {argument} is {size!r}, expected a positive int")
        if not isinstance(bidirectional, bool):
            raise TypeError(
                f"{name}: bidirectional must be a bool, got {type(bidirectional).__name__}"
            )
        self.channels, self.length, self.outputs = channels, length, outputs
        self.bidirectional = bidirectional
        self.skip = nn.Parameter(torch.empty(outputs, channels, **like))
        self._kept: tuple[tuple[tuple[Tensor, int], ...], LongKernel] | None = None

    def taps(self) -> Tensor:
        """``[D, C, H, L]``, D = 2 with those on what is ahead, otherwise 1; at least float32."""
        raise NotImplementedError

    def forward(
        self, u: Tensor, initial_state: Tensor | None = None, return_final_state: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        """y ``[..., H, n]`` of u ``[..., H, n]``, ``[..., C, H, n]`` where C > 1; any n, taps
        beyond it meet nothing. For the state, ``[..., H, L - 1]``, see ``long_conv``."""
        if not isinstance(u, Tensor):
            raise TypeError(f"{type(self).__name__}: u must be a Tensor, got {type(u).__name__}")
        skip, k, k_rev = self.skip.to(_at_least_float32(self.skip)), None, None
        kernel = self._kernel_for(u)
        if kernel is None:
            k, *rest = self.taps().unbind(0)
            k_rev = rest[0] if rest else None
        else:
            k = kernel.k
        if self.outputs == 1:
            skip, k_rev = skip[0], None if k_rev is None else k_rev[0]
            k = k if kernel is not None else k[0]
        skip, k = parameters_for(u, skip, k)
        if k_rev is not None:
            (k_rev,) = parameters_for(u, k_rev)
        return long_conv(
            u,
            kernel if kernel is not None and k is kernel.k else k,
            skip=skip,
            k_rev=k_rev,
            initial_state=initial_state,
            return_final_state=return_final_state,
        )

    def step(self, u_t: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """The next column: u ``[..., H]`` and the state, ``[..., H, L - 1]``, to y ``[..., H]``,
        ``[..., C, H]`` where C > 1, and the next state; L products a channel."""
        name = type(self).__name__
        if self.bidirectional:
            raise NotImplementedError(f"{name}.step: taps on what is ahead need all of the row")
        wanted = [*u_t.shape[:-1], self.channels, self.length - 1]
        if list(state.shape) != wanted:
            raise ValueError(f"{name}.step: state has shape {list(state.shape)}, expected {wanted}")
        window = torch.cat([state, u_t.unsqueeze(-1)], -1)
        kernel = self._kernel_for(u_t)
        k = self.taps()[0] if kernel is None else kernel.k
        if self.outputs > 1:
            window = window.unsqueeze(-3)
        elif k.dim() == 3:
            k = k[0]
        # No transform for one number; and no matmul, which autocast would round.
        y = (window.to(k.dtype) * k.flip(-1)).sum(-1)
        skip = self.skip.to(k.dtype) if self.outputs > 1 else self.skip[0].to(k.dtype)
        last = u_t.unsqueeze(-2) if self.outputs > 1 else u_t
        y = (y + skip * last.to(k.dtype)).to(u_t.dtype)
        return y, torch.cat([state, u_t.unsqueeze(-1)], -1)[..., 1:]

    def clear(self) -> None:
        """Forget the taps that were kept."""
        self._kept = None

    def train(self, mode: bool = True) -> Any:
        """As of any module."""
        self.clear()
        return super().train(mode)

    def _kernel_for(self, u: Tensor) -> LongKernel | None:
        """The taps of now, kept; None where they have to be made in the call."""
        tensors = (*self.parameters(), *self.buffers())
        plain = all(type(each) in (Tensor, nn.Parameter) for each in (u, *tensors))
        if (
            self.training
            or self.bidirectional
            or not plain
            or torch.compiler.is_compiling()
            or torch._C._are_functorch_transforms_active()
            or any(each.is_inference() for each in tensors)
            or (torch.is_grad_enabled() and any(each.requires_grad for each in tensors))
        ):
            return None
        if self._kept is not None:
            of, kernel = self._kept
            if len(of) == len(tensors) and all(
                each is before and each._version == version
                for each, (before, version) in zip(tensors, of, strict=True)
            ):
                return kernel
        with torch.inference_mode(False), torch.no_grad():
            taps = self.taps()[0]
            kernel = LongKernel(taps[0] if self.outputs == 1 else taps)
        self._kept = tuple((each, each._version) for each in tensors), kernel
        return kernel

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        self.clear()
        module: Any = super()
        return module._apply(fn, recurse)

    def __getstate__(self) -> dict[str, Any]:
        # A copy has parameters of its own, with versions of their own.
        return {**self.__dict__, "_kept": None}

    def extra_repr(self) -> str:
        """As printed."""
        text = f"{self.channels}, {self.length}"
        text += f", outputs={self.outputs}" if self.outputs > 1 else ""
        return text + (", bidirectional=True" if self.bidirectional else "")


def _at_least_float32(tensor: Tensor) -> torch.dtype:
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32


def widened(tensor: Tensor) -> Tensor:
    """In float32 where it is narrower: taps are sums of many terms."""
    return tensor.to(_at_least_float32(tensor))
