"""Grids cut into patches with what surrounds them (MultigridPatching2d)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from longtail.nn._grid_arguments import choice, flag, grid, positive_int

__all__ = ["MultigridPatching2d"]

AROUND = ("circular", "replicate")


class MultigridPatching2d(nn.Module):
    """A model on patches of a grid, each with coarser views of its surroundings as channels.

    ``[N, C, H, W]`` is cut into ``2^levels`` patches an axis, with ``padding`` points around
    each. Beside it go, for l = 1 ... levels, windows of as many points of the grid sampled at
    every ``2^l``-th point, with the patch in their middle. The model sees
    ``[4^levels N, (1 + levels) C, h + 2 p_h, w + 2 p_w]``, patches of a grid one behind the other,
    row by row; from what it gives, ``padding`` is cut and the grid put together again.

    Source: Kossaifi et al., "Multi-Grid Tensorized Fourier Neural Operator for High-Resolution
    PDEs", 2024; windows, order and channels as in neuraloperator 2.0.0's ``MultigridPatching2D``
    (which fails on patches of ``2^levels`` points).

    Args:
        model: of patches, keeps their height and width; None: the identity.
        levels: from 0 on; 0 leaves grids whole.
        padding: share of H and of W that is added on every side of a patch, one number or two.
        around: what lies beyond the grid: "circular", or "replicate", the outermost points.
        stitching: whether the results become a grid again. Without, losses are taken on patches:
            see ``patch_target``.

    Raises:
        ValueError: H or W is no multiple of ``4^levels``: windows would drift off their patches.
    """

    def __init__(
        self,
        model: nn.Module | None = None,
        levels: int = 1,
        padding: float | tuple[float, float] = 0.0,
        *,
        around: str = "circular",
        stitching: bool = True,
    ) -> None:
        super().__init__()
        name = "MultigridPatching2d"
        if model is not None and not isinstance(model, nn.Module):
            raise TypeError(
                f"{name}: model must be a torch.nn.Module or None, got {type(model).__name__}"
            )
        self.levels = positive_int(name, "levels", levels, least=0)
        both = (padding, padding) if isinstance(padding, (int, float)) else tuple(padding)
        if len(both) != 2 or any(not 0 <= each < 1 for each in both):
            raise ValueError(f"{name}: padding is {padding!r}, expected shares in [0, 1)")
        self.padding = (float(both[0]), float(both[1]))
        self.around = choice(name, "around", around, AROUND)
        self.stitching = flag(name, "stitching", stitching)
        self.model = nn.Identity() if model is None else model

    def forward(self, x: Tensor) -> Tensor:
        """The model's result on ``x [N, C, H, W]``: a grid, or patches where not stitching."""
        y = self.unpad(self.model(self.patch(x)), x.shape[-2], x.shape[-1])
        return self.stitch(y) if self.stitching else y

    def patch(self, x: Tensor) -> Tensor:
        """What the model sees of ``x``."""
        self.check("x", x)
        height, width = x.shape[-2:]
        margins = self._margins(height, width)
        views = []
        for level in range(self.levels + 1):
            coarse = x[..., :: 1 << level, :: 1 << level]
            rows = self._windows(height, margins[0], level, x.device)
            columns = self._windows(width, margins[1], level, x.device)
            # [N, C, patches, h + 2 p, patches, w + 2 p]
            view = coarse.index_select(-2, rows.flatten()).index_select(-1, columns.flatten())
            view = view.unflatten(-1, columns.shape).unflatten(-3, rows.shape)
            views.append(view.permute(0, 2, 4, 1, 3, 5).flatten(0, 2))
        return torch.cat(views, 1)

    def patch_target(self, y: Tensor) -> Tensor:
        """Patches of ``y [N, C, H, W]`` without anything around: ``[4^levels N, C, h, w]``."""
        self.check("y", y)
        n = 1 << self.levels
        view = y.unflatten(-1, (n, -1)).unflatten(-3, (n, -1))
        return view.permute(0, 2, 4, 1, 3, 5).flatten(0, 2)

    def unpad(self, y: Tensor, height: int, width: int) -> Tensor:
        """Without what was added around patches of a grid of this height and width."""
        grid("MultigridPatching2d", "y", y)
        top, left = self._margins(height, width)
        n = 1 << self.levels
        wanted = (height // n + 2 * top, width // n + 2 * left)
        if tuple(y.shape[-2:]) != wanted:
            raise ValueError(
                f"MultigridPatching2d: the model's result has shape {list(y.shape)}, expected "
                f"height and width to stay {list(wanted)}"
            )
        return y[..., top : wanted[0] - top, left : wanted[1] - left]

    def stitch(self, y: Tensor) -> Tensor:
        """Patches ``[4^levels N, C, h, w]`` to grids ``[N, C, H, W]``."""
        grid("MultigridPatching2d", "y", y)
        n = 1 << self.levels
        if y.shape[0] % (n * n):
            raise ValueError(
                f"MultigridPatching2d: y has shape {list(y.shape)}, expected a multiple of {n * n} "
                "patches"
            )
        view = y.unflatten(0, (-1, n, n)).permute(0, 3, 1, 4, 2, 5)
        return view.flatten(-2).flatten(-3, -2)

    def _windows(self, size: int, margin: int, level: int, device: torch.device) -> Tensor:
        """Indices ``[patches, points]`` into every ``2^level``-th point of an axis."""
        n = 1 << self.levels
        patch, points = size // n, size >> level
        step = patch >> level
        before = margin
        if level:  # the windows together reach as far to the left as to the right
            before += -(-(patch + (n - 1) * step - points) // 2)
        starts = torch.arange(n, device=device).unsqueeze(1) * step - before
        index = starts + torch.arange(patch + 2 * margin, device=device)
        return index.remainder(points) if self.around == "circular" else index.clamp(0, points - 1)

    def _margins(self, height: int, width: int) -> tuple[int, int]:
        if self.levels == 0:
            return 0, 0
        return round(height * self.padding[0]), round(width * self.padding[1])

    def check(self, argument: str, x: Any) -> None:
        """That it can be cut into patches."""
        grid("MultigridPatching2d", argument, x)
        multiple = 4**self.levels
        if x.shape[-2] % multiple or x.shape[-1] % multiple:
            raise ValueError(
                f"MultigridPatching2d: {argument} has shape {list(x.shape)}, expected height and "
                f"width to be multiples of {multiple}"
            )

    def extra_repr(self) -> str:
        """As printed."""
        return (
            f"levels={self.levels}, padding={self.padding}, around={self.around!r}, "
            f"stitching={self.stitching}"
        )
