"""The parts of a vision transformer that have no rational in them, named as in timm."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class PatchEmbed(nn.Module):
    """Squares of an image to rows: ``[N, in_chans, H, W]`` to ``[N, patches, embed_dim]``.

    Args:
        img_size: height and width of the images.
        patch_size: height and width of a patch; divide those of the image.
        in_chans: channels of the images.
        embed_dim: width of a row.
        factory: device and dtype of the parameters.

    Raises:
        ValueError: patches that do not tile the image; at the call, an image of another shape.
    """

    def __init__(
        self,
        img_size: tuple[int, int],
        patch_size: tuple[int, int],
        in_chans: int,
        embed_dim: int,
        factory: dict[str, Any],
    ) -> None:
        super().__init__()
        if any(
            patch < 1 or side < patch or side % patch
            for side, patch in zip(img_size, patch_size, strict=True)
        ):
            raise ValueError(
                f"KAT: patch_size is {patch_size}, expected a divisor of img_size, {img_size}"
            )
        self.img_size, self.in_chans = img_size, in_chans
        self.grid_size = (img_size[0] // patch_size[0], img_size[1] // patch_size[1])
        self.num_patches = self.grid_size[0] * self.grid_size[1]
        self.proj = nn.Conv2d(in_chans, embed_dim, patch_size, patch_size, **factory)

    def forward(self, x: Tensor) -> Tensor:
        """The patches row by row."""
        if x.dim() != 4 or tuple(x.shape[1:]) != (self.in_chans, *self.img_size):
            expected = ", ".join(str(size) for size in ("N", self.in_chans, *self.img_size))
            raise ValueError(f"KAT: x has shape {list(x.shape)}, expected [{expected}]")
        rows: Tensor = self.proj(x)
        return rows.flatten(2).transpose(1, 2)


class Attention(nn.Module):
    """Multi-head self-attention by ``scaled_dot_product_attention``: ``[N, L, dim]`` to the same.

    Args:
        dim: width; divisible by num_heads.
        num_heads: number of heads.
        qkv_bias: whether queries, keys and values have biases.
        attn_drop: dropout of the attention weights.
        proj_drop: dropout of the result.
        factory: device and dtype of the parameters.
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        qkv_bias: bool,
        attn_drop: float,
        proj_drop: float,
        factory: dict[str, Any],
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=qkv_bias, **factory)
        self.attn_drop = nn.Dropout(attn_drop)
        self.proj = nn.Linear(dim, dim, **factory)
        self.proj_drop = nn.Dropout(proj_drop)

    def forward(self, x: Tensor) -> Tensor:
        """Every row attends to every row."""
        heads = self.qkv(x).unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        dropout = self.attn_drop.p if self.training else 0.0
        q, k, v = heads.unbind(0)
        mixed = functional.scaled_dot_product_attention(q, k, v, dropout_p=dropout)
        result: Tensor = self.proj_drop(self.proj(mixed.transpose(1, 2).flatten(2)))
        return result


class DropPath(nn.Module):
    """Stochastic depth (Huang et al. 2016): in training, a whole sample of the branch becomes 0
    with this probability and is divided by the probability of staying otherwise."""

    def __init__(self, drop_prob: float) -> None:
        super().__init__()
        self.drop_prob = drop_prob

    def forward(self, x: Tensor) -> Tensor:
        """Drops over the first dimension."""
        if not self.training:
            return x
        keep = 1 - self.drop_prob
        alive = torch.empty((x.shape[0],) + (1,) * (x.dim() - 1), dtype=x.dtype, device=x.device)
        return x * alive.bernoulli_(keep).div_(keep)

    def extra_repr(self) -> str:
        """As printed."""
        return f"drop_prob={self.drop_prob:g}"


def branch_drop(drop_prob: float) -> nn.Module:
    """A DropPath, or nothing where it would drop nothing."""
    return DropPath(drop_prob) if drop_prob > 0 else nn.Identity()
