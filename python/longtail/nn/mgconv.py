"""A learned linear multigrid V-cycle (MgConv)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from longtail._grid_conv import CycleForm, learned_cycle
from longtail.nn._grid_arguments import choice, flag, grid, positive_int
from longtail.nn._grid_convolutions import (
    conv3x3,
    conv_transpose4x4,
    grid_of,
    or_none,
    ours,
    rows_of,
)

__all__ = ["MgConv"]

PADDINGS = ("zeros", "reflect", "circular")
Steps = Sequence[Sequence[int]]


def checked_steps(name: str, steps: Any) -> tuple[tuple[int, int], ...]:
    """Pairs (before, after) a level, finest first."""
    pairs = tuple(tuple(each) for each in steps)
    for level, each in enumerate(pairs):
        if len(each) != 2 or any(not isinstance(n, int) or n < 0 for n in each):
            raise ValueError(
                f"{name}: steps[{level}] is {list(each)}, expected two ints from 0 on: smoothing "
                "steps before the coarser levels and after them"
            )
    if not pairs or pairs[0][0] < 1:
        raise ValueError(
            f"{name}: steps is {list(pairs)}, expected at least one level and at least one step on "
            "the finest before the coarser ones"
        )
    if pairs[-1][1]:
        raise ValueError(
            f"{name}: steps[-1] is {list(pairs[-1])}, expected [n, 0]: no level is coarser"
        )
    return tuple((first, second) for first, second in pairs)


class Weight(nn.Module):
    """Weights of a convolution of 3 x 3 (or 4 x 4) points, started as torch starts those."""

    def __init__(self, rows: int, columns: int, points: int, like: dict[str, Any]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(rows, columns, points, points, **like))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """New numbers."""
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))

    def extra_repr(self) -> str:
        """As printed."""
        return "x".join(map(str, self.weight.shape))


class Smoother(nn.Module):
    """``u + S (f - A u)``, or ``S f`` from u = 0, for which there is no A."""

    def __init__(self, f: int, u: int, first: bool, like: dict[str, Any]) -> None:
        super().__init__()
        self.S = Weight(u, f, 3, like)
        self.A = None if first else Weight(f, u, 3, like)


class Restriction(nn.Module):
    """To the next coarser level: ``Pi u`` and ``R f``, or ``R (f - A u)``."""

    def __init__(self, f: int, u: int, residual: bool, like: dict[str, Any]) -> None:
        super().__init__()
        self.Pi = Weight(u, u, 3, like)
        self.R = Weight(f, f, 3, like)
        self.A = Weight(f, u, 3, like) if residual else None


class MgConv(nn.Module):
    """A linear V-cycle whose operators, smoothers and transfers are learned.

    ``f [N, C_f, H, W]`` to ``u [N, C_u, H, W]``. On each level, finest first, smoothing steps
    ``u <- u + S (f - A u)``, the very first, from u = 0, being ``u = S f``; then ``u <- Pi u`` and
    ``f <- R f`` for the next level. On the way back ``u <- u + T u_coarser`` and the steps that are
    to come after. S, A: convolutions of 3 x 3; Pi, R: of 3 x 3, stride 2; T: transposed, of 4 x 4,
    stride 2; none has a bias.

    **Sizes.** Any H, W >= 1. A level of n points has (n + 1) // 2 on the next; T gives twice
    as many, of which the last is dropped where n is odd. Where a side has one point, reflection is
    that point again.

    **Layout.** With kernels of ours (the CPU, CUDA) u is laid out in memory with channels innermost
    (``channels_last``); f is brought into that layout first.

    **Kernels.** In float32 with zeros around (on CUDA up to 64 channels) the whole cycle is one
    operator and its gradient another; second gradients are made of single convolutions. All else,
    ``torch.func``, forward mode and autocast run the library's convolutions.

    Source: He, Liu, Xu, "MgNO: Efficient Parameterization of Linear Operators via Multigrid", 2024.

    Args:
        in_channels: C_f.
        channels: C_u.
        steps: for each level, finest first, the smoothing steps before and after the coarser ones.
        padding_mode: "zeros", "reflect" or "circular": what S, A, Pi and R see around the grid. T
            sees zeros.
        restrict_residual: whether f of a coarser level is ``R (f - A u)``, with one A more a level.
        device: of the parameters.
        dtype: of the parameters.

    ``state_dict``s of the reference implementation (``layer0.0.S``, ``RTlayers`` ...) load.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        steps: Steps = ((1, 0), (1, 0), (1, 0), (1, 0), (1, 0), (2, 0)),
        *,
        padding_mode: str = "zeros",
        restrict_residual: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_channels = positive_int("MgConv", "in_channels", in_channels)
        self.channels = positive_int("MgConv", "channels", channels)
        self.steps = checked_steps("MgConv", steps)
        self.padding_mode = choice("MgConv", "padding_mode", padding_mode, PADDINGS)
        self.restrict_residual = flag("MgConv", "restrict_residual", restrict_residual)
        like: dict[str, Any] = {"device": device, "dtype": dtype}
        f, u = in_channels, channels
        self.before = nn.ModuleList()
        self.after = nn.ModuleList()
        self.down = nn.ModuleList()
        self.up = nn.ModuleList()
        for level, (before, after) in enumerate(self.steps):
            self.before.append(
                nn.ModuleList(Smoother(f, u, level == i == 0, like) for i in range(before))
            )
            self.after.append(nn.ModuleList(Smoother(f, u, False, like) for _ in range(after)))
            if level + 1 < len(self.steps):
                self.down.append(Restriction(f, u, restrict_residual, like))
                self.up.append(Weight(u, u, 4, like))

    def forward(self, f: Tensor) -> Tensor:
        """u of f."""
        return grid_of(self.cycle(rows_of(grid("MgConv", "f", f, self.in_channels)))[0])

    def cycle(self, f: Tensor, bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """u of f, each point of u with ``bias`` ``[C_u]``; and f, see ``conv3x3``. Grids are
        ``[N, H, W, C]`` here."""
        modules = self._in_order()
        weights = [each.weight for each in modules]
        whole = self.padding_mode == "zeros" and type(f) is Tensor  # DTensors go step by step
        if whole and ours(f, *weights, compiled=True):
            steps = tuple(count for pair in self.steps for count in pair)
            form = CycleForm(self.channels, steps, self.restrict_residual)

            def by_steps(
                f: Tensor, bias: Tensor, weights: Sequence[Tensor]
            ) -> tuple[Tensor, Tensor]:
                given = dict(zip(modules, weights, strict=True))
                return self._cycle(f, bias if bias.numel() else None, given.__getitem__)

            twice = None if torch.compiler.is_compiling() else by_steps
            return learned_cycle(f, or_none(bias, f), form, weights, twice)
        return self._cycle(f, bias, lambda module: module.weight)

    def _in_order(self) -> list[Weight]:
        """Those that have weights in the order of csrc/multigrid/learned_cycle.h."""
        result: list[nn.Module | None] = []
        for level in range(len(self.steps)):
            for step in self._smoothers(self.before, level):
                result += (step.A, step.S)
            if level < len(self.down):
                down = self.down[level]
                assert isinstance(down, Restriction)
                result += (down.A, down.Pi, down.R, self.up[level])
            for step in self._smoothers(self.after, level):
                result += (step.A, step.S)
        return [each for each in result if isinstance(each, Weight)]

    def _cycle(
        self, f: Tensor, bias: Tensor | None, of: Callable[[Weight], Tensor]
    ) -> tuple[Tensor, Tensor]:
        u: Tensor | None = None
        visited: list[tuple[Tensor, Tensor]] = []
        last = len(self.steps) - 1
        for level in range(last + 1):
            steps = self._smoothers(self.before, level)
            u, f = self._smooth(u, f, steps, None if last else bias, of)
            if level < last:
                coarse, u, f = self._restrict(u, f, level, of)
                visited.append((u, f))
                u, f = coarse
        assert u is not None
        for level in reversed(range(last)):
            fine, f = visited[level]
            steps = self._smoothers(self.after, level)
            mine = None if level else bias
            up = self.up[level]
            assert isinstance(up, Weight)
            u = conv_transpose4x4(u, of(up), fine, None if steps else mine)
            u, f = self._smooth(u, f, steps, mine, of)
        return u, f

    def _smoothers(self, of: nn.ModuleList, level: int) -> list[Smoother]:
        steps = of[level]
        assert isinstance(steps, nn.ModuleList)
        return [each for each in steps if isinstance(each, Smoother)]

    def _smooth(
        self,
        u: Tensor | None,
        f: Tensor,
        steps: list[Smoother],
        bias: Tensor | None,
        of: Callable[[Weight], Tensor],
    ) -> tuple[Tensor, Tensor]:
        """All steps of a level; the bias goes into the last convolution."""
        mode = self.padding_mode
        for step in steps:
            b = bias if step is steps[-1] else None
            if step.A is None or u is None:
                u, f = conv3x3(f, of(step.S), bias=b, padding=mode)
            else:
                r, u = conv3x3(u, -of(step.A), add=f, padding=mode)
                u, _ = conv3x3(r, of(step.S), add=u, bias=b, padding=mode)
        assert u is not None
        return u, f

    def _restrict(
        self, u: Tensor, f: Tensor, level: int, of: Callable[[Weight], Tensor]
    ) -> tuple[tuple[Tensor, Tensor], Tensor, Tensor]:
        """u and f of the coarser level, and of this one."""
        step, mode = self.down[level], self.padding_mode
        assert isinstance(step, Restriction)
        r = f
        if step.A is not None:
            r, u = conv3x3(u, -of(step.A), add=f, padding=mode)
        coarse_u, u = conv3x3(u, of(step.Pi), stride=2, padding=mode)
        coarse_f, r = conv3x3(r, of(step.R), stride=2, padding=mode)
        return (coarse_u, coarse_f), u, f if step.A is not None else r

    def reset_parameters(self) -> None:
        """New numbers."""
        for module in self.modules():
            if isinstance(module, Weight):
                module.reset_parameters()

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *arguments: Any
    ) -> None:
        """Names of the reference implementation become ours."""
        for key in [key for key in state_dict if key.startswith(prefix)]:
            ours = _our_name(key[len(prefix) :])
            if ours is not None:
                state_dict[prefix + ours] = state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, *arguments)

    def extra_repr(self) -> str:
        """As printed."""
        return (
            f"{self.in_channels}, {self.channels}, steps={[list(each) for each in self.steps]}, "
            f"padding_mode={self.padding_mode!r}, restrict_residual={self.restrict_residual}"
        )


def _our_name(name: str) -> str | None:
    """``layer1.0.Pi.weight`` is ``down.0.Pi.weight`` here; ``layer1.1.S.weight``, behind it,
    ``before.1.0.S.weight``."""
    head, *rest = name.split(".")
    if head == "RTlayers":
        return ".".join(("up", *rest))
    for stem, name_of_ours in (("post_smooth_layer", "after"), ("layer", "before")):
        if head.startswith(stem) and head[len(stem) :].isdigit():
            level, at = int(head[len(stem) :]), int(rest[0])
            if name_of_ours == "before" and level > 0:
                if at == 0:
                    return ".".join(("down", str(level - 1), *rest[1:]))
                at -= 1
            return ".".join((name_of_ours, str(level), str(at), *rest[1:]))
    return None
