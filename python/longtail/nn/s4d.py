"""Diagonal state-space layers (S4D)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from longtail.nn._parameters import parameters_for
from longtail.state_space import s4d, s4d_step

__all__ = ["S4D", "ssm_parameter_groups"]

INITS = ("legs", "lin", "inv", "real")
#: What the state-space parameters are called; they train slower and without decay.
SLOW = ("log_dt", "log_A_real", "A_imag", "B")


def legs(states: int) -> tuple[Tensor, Tensor]:
    """Eigenvalues ``[S]`` with positive imaginary parts, and B in their basis, of HiPPO-LegS made
    normal: its diagonal and low-rank part less the rank-one half.

    ``A[n, k] = -sqrt((2 n + 1) (2 k + 1))`` for n > k, ``-(n + 1)`` on the diagonal, plus
    ``p p^T`` with ``p[n] = sqrt((2 n + 1) / 2)``; the order of the matrix is 2 S.
    """
    n = torch.arange(2 * states, dtype=torch.float64)
    root = torch.sqrt(2 * n + 1)
    matrix = -torch.tril(torch.outer(root, root), -1) - torch.diag(n + 1)
    normal = matrix + torch.outer(root, root) / 2
    # Half the identity less than a skew-symmetric matrix: i times that is Hermitian.
    skew = normal + torch.eye(2 * states, dtype=torch.float64) / 2
    values, vectors = torch.linalg.eigh(1j * skew.to(torch.complex128))
    order = torch.argsort(values)[:states]  # exp(-i w t) of negative w turn the same way
    drive = vectors.mH @ root.to(torch.complex128)
    return torch.complex(torch.full_like(values[order], -0.5), -values[order]), drive[order]


def eigenvalues(init: str, states: int) -> tuple[Tensor, Tensor]:
    """A and B ``[S]`` of the named initialisation, in float64."""
    n = torch.arange(states, dtype=torch.float64)
    half = torch.full_like(n, -0.5)
    ones = torch.ones_like(n).to(torch.complex128)
    if init == "legs":
        return legs(states)
    if init == "lin":
        return torch.complex(half, math.pi * n), ones
    if init == "inv":
        size = 2 * states
        return torch.complex(half, size / math.pi * (size / (2 * n + 1) - 1)), ones
    return torch.complex(-(n + 1), torch.zeros_like(n)), ones


class S4D(nn.Module):
    """A diagonal state space for each channel, and a gated linear map that mixes them.

    ``y = GLU(W gelu(s4d(u, dt, A, B, C, D)) + b)`` with ``A = -exp(log_A_real) + i A_imag``,
    ``dt = exp(log_dt)``.

    Source: Gu et al., "On the Parameterization and Initialization of Diagonal State Space Models",
    2022. ``state_dict``s of its reference (``kernel.log_dt``, ``kernel.C``, ``kernel.log_A_real``,
    ``kernel.A_imag``, ``D``, ``output_linear.0``) load, with B = 1.

    Args:
        channels: H.
        d_state: N; N / 2 complex states a channel.
        init: "legs", "lin" (A = -1/2 + i pi n), "inv" (A = -1/2 + i N/pi (N/(2 n + 1) - 1)) or
            "real" (A = -(n + 1)).
        discretization: "zoh" or "bilinear".
        dt_min: the least dt at the start; drawn log-uniformly.
        dt_max: the largest.
        dropout: of gelu's result, whole channels of a row at a time.
        mix: whether there is the gated linear map; False leaves ``s4d`` and gelu.
        device: of the parameters.
        dtype: float32 or float64.

    Attributes:
        log_dt: ``[H]``. C: ``[H, N/2, 2]``, real and imaginary parts, from N(0, 1/2).
        log_A_real, A_imag: ``[H, N/2]``. B: ``[H, N/2, 2]``. D: ``[H]``, from N(0, 1).
        output_linear: a Linear of H to 2 H, or None.
    """

    def __init__(
        self,
        channels: int,
        d_state: int = 64,
        *,
        init: str = "legs",
        discretization: str = "zoh",
        dt_min: float = 1e-3,
        dt_max: float = 1e-1,
        dropout: float = 0.0,
        mix: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for argument, size in (("channels", channels), ("d_state", d_state)):
            if not isinstance(size, int) or isinstance(size, bool) or size < 1:
                raise ValueError(f"S4D: {argument} is {size!r}, expected a positive int")
        if d_state % 2:
            raise ValueError(f"S4D: d_state is {d_state}, expected an even number")
        if init not in INITS:
            raise ValueError(f"S4D: init is {init!r}, expected one of {', '.join(INITS)}")
        if discretization not in ("zoh", "bilinear"):
            raise ValueError(
                f"S4D: discretization is {discretization!r}, expected 'zoh' or 'bilinear'"
            )
        if not 0 < dt_min <= dt_max:
            raise ValueError(
                f"S4D: dt_min is {dt_min} and dt_max {dt_max}, expected 0 < min <= max"
            )
        self.channels, self.d_state, self.init = channels, d_state, init
        self.discretization, self.dt_min, self.dt_max = discretization, dt_min, dt_max
        like: dict[str, Any] = {"device": device, "dtype": dtype}
        states = d_state // 2
        self.log_dt = nn.Parameter(torch.empty(channels, **like))
        self.log_A_real = nn.Parameter(torch.empty(channels, states, **like))
        self.A_imag = nn.Parameter(torch.empty(channels, states, **like))
        self.B = nn.Parameter(torch.empty(channels, states, 2, **like))
        self.C = nn.Parameter(torch.empty(channels, states, 2, **like))
        self.D = nn.Parameter(torch.empty(channels, **like))
        self.dropout = nn.Dropout1d(dropout)
        self.output_linear = nn.Linear(channels, 2 * channels, **like) if mix else None
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """New numbers."""
        a, b = eigenvalues(self.init, self.d_state // 2)
        nn.init.uniform_(self.log_dt, math.log(self.dt_min), math.log(self.dt_max))
        self.log_A_real.copy_(torch.log(-a.real).expand_as(self.log_A_real))
        self.A_imag.copy_(a.imag.expand_as(self.A_imag))
        self.B.copy_(torch.view_as_real(b).expand_as(self.B))
        nn.init.normal_(self.C, std=math.sqrt(0.5))
        nn.init.normal_(self.D)
        if self.output_linear is not None:
            self.output_linear.reset_parameters()

    def system(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """dt, A, B, C and D as ``longtail.s4d`` has them."""
        wide = torch.float64 if self.D.dtype == torch.float64 else torch.float32
        a = torch.complex(-torch.exp(self.log_A_real.to(wide)), self.A_imag.to(wide))
        b, c = (torch.view_as_complex(each.to(wide)) for each in (self.B, self.C))
        return torch.exp(self.log_dt.to(wide)), a, b, c, self.D.to(wide)

    def forward(
        self, u: Tensor, initial_state: Tensor | None = None, return_final_state: bool = False
    ) -> Any:
        """y ``[..., H, L]`` of u ``[..., H, L]``; for the state, ``[..., H, N/2]``, see ``s4d``."""
        if not isinstance(u, Tensor):
            raise TypeError(f"S4D: u must be a Tensor, got {type(u).__name__}")
        result = s4d(
            u,
            *self.system(),
            discretization=self.discretization,
            initial_state=initial_state,
            return_final_state=return_final_state,
        )
        if isinstance(result, tuple):
            return self._mixed(result[0]), result[1]
        return self._mixed(result)

    def step(self, u_t: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """The next column: u ``[..., H]`` and the state to y ``[..., H]`` and the next state."""
        y, last = s4d_step(u_t, state, *self.system(), discretization=self.discretization)
        return self._mixed(y.unsqueeze(-1)).squeeze(-1), last

    def initial_state(self, *batch: int) -> Tensor:
        """Zeros ``[*batch, H, N/2]``."""
        dtype = torch.complex128 if self.D.dtype == torch.float64 else torch.complex64
        return torch.zeros(
            *batch, self.channels, self.d_state // 2, dtype=dtype, device=self.D.device
        )

    def _mixed(self, y: Tensor) -> Tensor:
        y = functional.gelu(y)
        if self.training and self.dropout.p > 0:
            rows = y.reshape(-1, *y.shape[-2:])
            y = self.dropout(rows).reshape(y.shape)
        if self.output_linear is None:
            return y
        weight, bias = parameters_for(y, self.output_linear.weight, self.output_linear.bias)
        mixed = weight.to(y.dtype) @ y + bias.to(y.dtype).unsqueeze(-1)
        return functional.glu(mixed, dim=-2)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *arguments: Any
    ) -> None:
        """Names and shapes of the reference implementation become ours."""
        for name in ("log_dt", "C", "log_A_real", "A_imag"):
            old = f"{prefix}kernel.{name}"
            if old in state_dict:
                state_dict[prefix + name] = state_dict.pop(old)
        for name in ("weight", "bias"):
            old = f"{prefix}output_linear.0.{name}"
            if old in state_dict:
                value = state_dict.pop(old)
                new = f"{prefix}output_linear.{name}"
                state_dict[new] = value.squeeze(-1) if name == "weight" else value
        if f"{prefix}log_A_real" in state_dict and f"{prefix}B" not in state_dict:
            ones = torch.zeros_like(self.B)
            ones[..., 0] = 1
            state_dict[f"{prefix}B"] = ones
        super()._load_from_state_dict(state_dict, prefix, *arguments)

    def extra_repr(self) -> str:
        """As printed."""
        return f"{self.channels}, d_state={self.d_state}, init={self.init!r}"


def ssm_parameter_groups(
    model: nn.Module, lr: float, *, ssm_lr: float = 1e-3, weight_decay: float = 0.01
) -> list[dict[str, Any]]:
    """Parameter groups for an optimizer: dt, A and B of every S4D slower, and without decay.

    Args:
        model: any module.
        lr: learning rate of all other parameters.
        ssm_lr: of ``log_dt``, ``log_A_real``, ``A_imag`` and ``B``; never above ``lr``.
        weight_decay: of all other parameters.

    Returns:
        Two groups, all parameters once.
    """
    slow = {
        id(parameter)
        for module in model.modules()
        if isinstance(module, S4D)
        for name, parameter in module.named_parameters(recurse=False)
        if name in SLOW
    }
    parameters = [each for each in model.parameters() if each.requires_grad]
    return [
        {
            "params": [each for each in parameters if id(each) not in slow],
            "lr": lr,
            "weight_decay": weight_decay,
        },
        {
            "params": [each for each in parameters if id(each) in slow],
            "lr": min(lr, ssm_lr),
            "weight_decay": 0.0,
        },
    ]
