"""The layer of AF-KAN: windows of an activation, attention over the inputs, one linear map.

Source: Ta et al., "AF-KAN: Activation Function-Based Kolmogorov-Arnold Networks for Efficient
Representation Learning", 2025.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from longtail._kan_kinds import ACTIVATIONS, COMBINATIONS, window_ends
from longtail.kan import kan_basis
from longtail.nn._parameters import parameters_for

METHODS = ("global_attn", "spatial_attn", "multistep")
NORMS = ("sample", "batch", "none")

_ACTIVATE = {
    "relu": torch.relu,
    "silu": functional.silu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}


class AFKANLinear(nn.Module):
    """``y = W A(norm(r))`` with r [in] reduced from the functions phi [in, K] of x.

    phi are the windows ``relu_window`` of ``longtail.kan_basis`` with an activation A and a
    combination, scaled to [0, 1]. They are reduced with as many parameters as there are functions,
    so that the layer has little more than a linear one:

    * ``global_attn``: ``r_i = a_i sum_k phi_ik``, ``a = softmax_i(phi_i . v / t)``
    * ``spatial_attn``: ``r_i = sum_k a_ik phi_ik``, ``a = softmax_i((phi * v) / t)``
    * ``multistep``: ``r_i = phi_i . v``

    ``phi * v`` convolves each function with 3 weights along the inputs. The reference code adds
    constants to all three, which the softmax and the norm take out again.

    Args:
        in_features, out_features: sizes of the last dimension.
        intervals, degree: of the windows: ``K = intervals + degree``.
        activation: ``silu``, ``relu``, ``sigmoid`` or ``tanh``.
        combination: ``quad1``, ``quad2``, ``sum``, ``prod``, ``sum_prod``, ``cubic1``, ``cubic2``.
        method: how phi is reduced.
        function_norm: over what phi is scaled to [0, 1]: each ``sample``, so that none depends on
            the others, the whole ``batch`` as in the reference code, or ``none``.
        bias: whether there is one.
        device, dtype: of the parameters.

    Shape: ``[..., in_features]`` to ``[..., out_features]``.

    Attributes:
        start, end: of the windows, ``[1, K]``, trained.
        temperature: t, ``[1]``, used where it is above 1; starts at sqrt(in). None for multistep.
        reduce: the linear map v or the convolution.
        norm: LayerNorm over the inputs.
        weight: ``[out, in]``; bias: ``[out]`` or None.

    Raises:
        ValueError: sizes that are not positive, or an unknown name.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        intervals: int = 5,
        degree: int = 3,
        activation: str = "silu",
        combination: str = "quad1",
        method: str = "global_attn",
        function_norm: str = "sample",
        bias: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        sizes = {"in_features": in_features, "out_features": out_features, "intervals": intervals}
        for name, size in (*sizes.items(), ("degree", degree)):
            if not isinstance(size, int) or size < (0 if name == "degree" else 1):
                raise ValueError(f"AFKANLinear: {name} is {size!r}, expected a positive int")
        for name, value, known in (
            ("activation", activation, ACTIVATIONS),
            ("combination", combination, COMBINATIONS),
            ("method", method, METHODS),
            ("function_norm", function_norm, NORMS),
        ):
            if value not in known:
                raise ValueError(
                    f"AFKANLinear: {name} is {value!r}, expected one of {', '.join(known)}"
                )
        self.in_features, self.out_features = in_features, out_features
        self.intervals, self.degree = intervals, degree
        self.activation, self.combination = activation, combination
        self.method, self.function_norm = method, function_norm
        like: dict[str, Any] = {"device": device, "dtype": dtype}
        functions = intervals + degree
        self.start = nn.Parameter(torch.empty(1, functions, **like))
        self.end = nn.Parameter(torch.empty(1, functions, **like))
        # Of one element, not a scalar: FSDP2 shards no scalars.
        attends = method != "multistep"
        self.temperature = nn.Parameter(torch.empty(1, **like)) if attends else None
        self.reduce: nn.Linear | nn.Conv1d
        if method == "spatial_attn":
            self.reduce = nn.Conv1d(
                functions, functions, 3, padding=1, groups=functions, bias=False, **like
            )
        else:
            self.reduce = nn.Linear(functions, 1, bias=False, **like)
        self.norm = nn.LayerNorm(in_features, **like)
        self.weight = nn.Parameter(torch.empty(out_features, in_features, **like))
        self.bias = nn.Parameter(torch.empty(out_features, **like)) if bias else None
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Back to a start: windows over [0, 1], kaiming-uniform weights."""
        starts, ends = window_ends(self.intervals, self.degree)
        self.start.copy_(starts)
        self.end.copy_(ends)
        if self.temperature is not None:
            nn.init.constant_(self.temperature, math.sqrt(self.in_features))
        self.reduce.reset_parameters()
        self.norm.reset_parameters()
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Functions, reduction, norm, activation and the linear map."""
        if x.shape[-1:] != (self.in_features,):
            raise ValueError(
                f"AFKANLinear: x has shape {list(x.shape)}, expected [..., {self.in_features}]"
            )
        start, end = parameters_for(x, self.start, self.end)
        params = (start, end, self.activation, self.combination)
        phi = self._scaled(kan_basis(x, "relu_window", params=params))
        inner = _ACTIVATE[self.activation](self.norm(self._reduced(phi)))
        return functional.linear(inner, self.weight, self.bias)

    def _scaled(self, phi: Tensor) -> Tensor:
        if self.function_norm == "none" or phi.numel() == 0:
            return phi
        over = (-2, -1) if self.function_norm == "sample" else tuple(range(phi.dim()))
        low, high = phi.amin(over, keepdim=True), phi.amax(over, keepdim=True)
        # One function alone has no range; it is then 0.
        return (phi - low) / (high - low).clamp(min=torch.finfo(phi.dtype).tiny)

    def _reduced(self, phi: Tensor) -> Tensor:
        if self.temperature is None:  # multistep
            return self.reduce(phi).squeeze(-1)
        temperature = self.temperature.clamp(min=1.0)
        if self.method == "global_attn":
            attention = torch.softmax(self.reduce(phi) / temperature, -2)
            return (phi * attention).sum(-1)
        functions = phi.flatten(0, -3) if phi.dim() > 3 else phi
        single = functions.dim() == 2
        batch = functions.unsqueeze(0) if single else functions
        scores = self.reduce(batch.transpose(-1, -2)).transpose(-1, -2)
        scores = scores.reshape(phi.shape)
        return (phi * torch.softmax(scores / temperature, -2)).sum(-1)

    def extra_repr(self) -> str:
        """As printed."""
        return (
            f"{self.in_features}, {self.out_features}, activation={self.activation!r}, "
            f"combination={self.combination!r}, method={self.method!r}, "
            f"function_norm={self.function_norm!r}"
        )
