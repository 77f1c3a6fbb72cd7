"""A linear layer whose products run in int8."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from longtail._halo import halo_linear

_LEVELS = (0, 1, 2)


class HaloLinear(nn.Linear):
    """``nn.Linear`` with int8 matrix products forward and backward, after HALO.

    With Q(A) = s rint(A / s), s = amax |A| / 127, one scale for a whole tensor, as HALO's code has
    it; X ``[T, in]`` the input with its leading dimensions as T tokens, E the gradient of the
    output, H an orthogonal Hadamard matrix (``longtail.hadamard_transform``, scaled by n ** -0.5):

    ===== ======================= ============================ ====================
    level output                  gradient of X                gradient of W
    ===== ======================= ============================ ====================
    0     Q(X) Q(W)^T + b         Q(E) Q(W)                    Q(E)^T Q(X)
    1     Q(X H) Q(W H)^T + b     Q(E) Q(W)                    Q(E)^T Q(X)
    2     Q(X H) Q(W H)^T + b     H^T (Q(H E) Q(W))            Q(E)^T Q(X)
    ===== ======================= ============================ ====================

    The rotation of level 1 spreads outlying input channels, that of level 2 outlying tokens of the
    gradient. The gradient of b is the sum of E, not quantised. These gradients are
    straight-through: each rounding counts as the identity, and each product is quantised anew; a
    second derivative or forward mode raises NotImplementedError. HALO runs int8 at level 2.

    The H of X H is of size ``in_features``, that of H E of size T. Where no Hadamard matrix has
    that size, zeros are appended up to the next that has (sizes: ``longtail.hadamard_transform``);
    past 32768, in blocks of 32768. Products of codes are exact int32 sums (``torch._int_mm``; on
    CUDA padded to the shapes it takes; on other devices float64, exact as well). Rotations, scales
    and dequantisation are in float32, or float64 for float64 tensors, with one rounding at the end.
    Scales stay on the device: nothing waits for it. Weights stay as they are, so ``state_dict`` is
    that of ``nn.Linear``. Under ``torch.compile`` with dynamic shapes, level 2 compiles once for
    each T.

    Args:
        in_features, out_features, bias: as of ``nn.Linear``.
        level: 0, 1 or 2.
        device, dtype: of the parameters.

    Shape: ``[..., in_features]`` to ``[..., out_features]``, in the dtype of the input: float64,
    float32, bfloat16 or float16, whatever that of the weight.

    Raises:
        ValueError: another level, a size that is no positive int, or an input of another last
            dimension.
        TypeError: an input that is no floating-point tensor.
        NotImplementedError: a second derivative, or forward mode.

    Source: Ashkboos, Nikdan, Tabesh, Castro, Hoefler, Alistarh, "HALO: Hadamard-Assisted
    Lower-Precision Optimization for LLMs", 2025 (github.com/IST-DASLab/HALO).
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        level: int = 2,
        *,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        for name, size in (("in_features", in_features), ("out_features", out_features)):
            if not isinstance(size, int) or size < 1:
                raise ValueError(f"HaloLinear: {name} is {size!r}, expected a positive int")
        super().__init__(in_features, out_features, bias, device=device, dtype=dtype)
        self.level = _checked_level(level)

    @classmethod
    def from_linear(cls, linear: nn.Linear, level: int = 2) -> HaloLinear:
        """A layer that shares the parameters of ``linear``."""
        if not isinstance(linear, nn.Linear):
            raise TypeError(f"HaloLinear: linear must be an nn.Linear, got {type(linear).__name__}")
        layer = cls(
            linear.in_features, linear.out_features, linear.bias is not None, level, device="meta"
        )
        layer.weight, layer.bias = linear.weight, linear.bias
        return layer.train(linear.training)

    def forward(self, x: Tensor) -> Tensor:
        """Of ``[..., in_features]``."""
        if not isinstance(x, Tensor):
            raise TypeError(f"HaloLinear: input must be a Tensor, got {type(x).__name__}")
        if not x.is_floating_point() or x.element_size() < 2:
            raise TypeError(
                f"HaloLinear: input has dtype {x.dtype}; supported are float64, float32, float16 "
                "and bfloat16"
            )
        if x.dim() == 0 or x.shape[-1] != self.in_features:
            raise ValueError(
                f"HaloLinear: input has shape {list(x.shape)}, expected [..., {self.in_features}]"
            )
        y = halo_linear(x.reshape(-1, self.in_features), self.weight, self.level)
        if self.bias is not None:
            y = y + self.bias.to(y.dtype)
        return y.reshape(*x.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        """As printed."""
        return f"{super().extra_repr()}, level={self.level}"


def _checked_level(level: int) -> int:
    if isinstance(level, bool) or level not in _LEVELS:
        raise ValueError(f"HaloLinear: level is {level!r}, expected 0, 1 or 2")
    return level
