"""The Kolmogorov-Arnold transformer: a vision transformer with learnable rational activations.

Source: Yang, Wang, "Kolmogorov-Arnold Transformer", 2024. Arguments and parameters are named as in
timm's VisionTransformer, so that checkpoints load by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from longtail.nn._vision import Attention, PatchEmbed, branch_drop
from longtail.nn.rational import GroupRational
from longtail.rationals import fit_rational

Start = str | Callable[[Tensor], Tensor] | tuple[Tensor, Tensor]


class KATMlp(nn.Module):
    """``fc2(act2(fc1(act1(x))))`` with group rationals, dropout in front of each layer.

    Args:
        dim: width of x and of the result.
        hidden: width between the layers.
        groups: of both activations; divides both widths.
        act_init: what act2 starts as; act1 starts as the identity.
        drop: dropout behind each activation.
        factory: device and dtype of the parameters.
    """

    def __init__(
        self,
        dim: int,
        hidden: int,
        groups: int,
        act_init: Start,
        drop: float,
        factory: dict[str, Any],
    ) -> None:
        super().__init__()
        self.act1 = GroupRational(dim, groups, init="identity", **factory)
        self.drop1 = nn.Dropout(drop)
        self.fc1 = nn.Linear(dim, hidden, **factory)
        self.act2 = GroupRational(hidden, groups, init=act_init, **factory)
        self.drop2 = nn.Dropout(drop)
        self.fc2 = nn.Linear(hidden, dim, **factory)

    def reset_parameters(self) -> None:
        """Activations back to their start; Var(w) = gain / d of each layer's d inputs, gain =
        1/E[F(z)^2] of the activation in front: rows of variance 1 keep it through the layers."""
        for act, layer in ((self.act1, self.fc1), (self.act2, self.fc2)):
            act.reset_parameters()
            nn.init.normal_(layer.weight, std=math.sqrt(act.variance_gain() / layer.in_features))
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """``[..., dim]`` to the same."""
        x = self.fc1(self.drop1(self.act1(x)))
        result: Tensor = self.fc2(self.drop2(self.act2(x)))
        return result


class Block(nn.Module):
    """``x + attn(norm1(x))``, then ``x + mlp(norm2(x))``; both branches under stochastic depth."""

    def __init__(
        self, dim: int, attn: Attention, mlp: KATMlp, drop_path: float, factory: dict[str, Any]
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6, **factory)
        self.attn = attn
        self.drop_path1 = branch_drop(drop_path)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6, **factory)
        self.mlp = mlp
        self.drop_path2 = branch_drop(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, L, dim]`` to the same."""
        x = x + self.drop_path1(self.attn(self.norm1(x)))
        return x + self.drop_path2(self.mlp(self.norm2(x)))


class KAT(nn.Module):
    """Vision transformer whose MLP is ``fc2(F2(fc1(F1(x))))`` with learnable group rationals F.

    Patch embedding, class token, learnt position embedding, ``depth`` pre-norm blocks of
    self-attention and MLP, final norm, linear head (Yang, Wang 2024).

    Args:
        img_size, patch_size: an int or (height, width), in pixels; patches tile the image.
        in_chans: channels of the images.
        num_classes: of the head; 0 leaves the head out.
        global_pool: "token": the head reads the class token; "avg": the mean of the patches, normed
            after the mean.
        embed_dim: width; divisible by num_heads and groups.
        depth: number of blocks.
        num_heads: of the attention.
        mlp_ratio: hidden width of the MLP over embed_dim.
        qkv_bias: whether queries, keys and values have biases.
        groups: of the rationals; divides embed_dim and the hidden width.
        act_init: what the second rational of an MLP starts as: ``init`` of ``GroupRational``. The
            first starts as the identity.
        drop_rate, pos_drop_rate, proj_drop_rate, attn_drop_rate: dropout in front of the head,
            behind the position embedding, in MLP and attention results, of attention weights.
        drop_path_rate: stochastic depth of the last block; grows linearly from 0 at the first.
        device, dtype: of the parameters.

    Shape: ``[N, in_chans, *img_size]`` to ``[N, num_classes]``.

    Initialisation (``init_weights``) keeps the variance through each MLP: weights of variance
    ``gain / d`` where the activation in front has ``gain = 1/E[F(z)^2]``, so of standard deviation
    ``sqrt(1/768) = 0.0361`` in fc1 and ``sqrt(2.8108/3072) = 0.0302`` in fc2 of the base model. The
    published code computes these and then overwrites them by 0.02.

    ``load_state_dict`` takes checkpoints of KAT and FlashKAT by name (see ``GroupRational``).

    Raises:
        ValueError: sizes that do not divide, counts below 1, an unknown pool, a rate outside of
            [0, 1); at the call, images of another shape.
    """

    def __init__(
        self,
        img_size: int | tuple[int, int] = 224,
        patch_size: int | tuple[int, int] = 16,
        in_chans: int = 3,
        num_classes: int = 1000,
        global_pool: Literal["token", "avg"] = "token",
        embed_dim: int = 768,
        depth: int = 12,
        num_heads: int = 12,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = True,
        groups: int = 8,
        act_init: Start = "silu",
        drop_rate: float = 0.0,
        pos_drop_rate: float = 0.0,
        proj_drop_rate: float = 0.0,
        attn_drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
        *,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        hidden = int(embed_dim * mlp_ratio)
        counts = {"in_chans": in_chans, "embed_dim": embed_dim, "depth": depth}
        counts |= {"num_heads": num_heads, "groups": groups, "num_classes + 1": num_classes + 1}
        rates = {"drop_rate": drop_rate, "pos_drop_rate": pos_drop_rate}
        rates |= {"proj_drop_rate": proj_drop_rate, "attn_drop_rate": attn_drop_rate}
        _check(counts, rates | {"drop_path_rate": drop_path_rate})
        if global_pool not in ("token", "avg"):
            raise ValueError(f"KAT: global_pool is {global_pool!r}, expected 'token' or 'avg'")
        for name, divisor in (("num_heads", num_heads), ("groups", groups)):
            if embed_dim % divisor:
                raise ValueError(
                    f"KAT: {name} is {divisor}, expected a divisor of embed_dim, {embed_dim}"
                )
        if hidden < 1 or hidden % groups:
            raise ValueError(
                f"KAT: mlp_ratio is {mlp_ratio}, which makes a hidden width of {hidden}; expected "
                f"a positive multiple of groups, {groups}"
            )
        factory = {"device": device, "dtype": dtype}
        if not isinstance(act_init, (str, tuple)):
            act_init = fit_rational(act_init)  # once, not for each block: it takes seconds
        self.num_classes, self.embed_dim, self.global_pool = num_classes, embed_dim, global_pool
        self.patch_embed = PatchEmbed(
            _pair(img_size), _pair(patch_size), in_chans, embed_dim, factory
        )
        rows = self.patch_embed.num_patches + 1
        self.cls_token = nn.Parameter(torch.empty(1, 1, embed_dim, **factory))
        self.pos_embed = nn.Parameter(torch.empty(1, rows, embed_dim, **factory))
        self.pos_drop = nn.Dropout(pos_drop_rate)
        self.blocks = nn.Sequential(
            *(
                Block(
                    embed_dim,
                    Attention(
                        embed_dim, num_heads, qkv_bias, attn_drop_rate, proj_drop_rate, factory
                    ),
                    KATMlp(embed_dim, hidden, groups, act_init, proj_drop_rate, factory),
                    drop_path_rate * k / max(depth - 1, 1),
                    factory,
                )
                for k in range(depth)
            )
        )
        after = global_pool == "avg"
        norm = nn.LayerNorm(embed_dim, eps=1e-6, **factory)
        self.norm = nn.Identity() if after else norm
        self.fc_norm = norm if after else nn.Identity()
        self.head_drop = nn.Dropout(drop_rate)
        self.head = nn.Linear(embed_dim, num_classes, **factory) if num_classes else nn.Identity()
        self.init_weights()

    @torch.no_grad()
    def init_weights(self) -> None:
        """All parameters anew, also after ``to_empty`` of a model that was made on "meta"."""
        nn.init.normal_(self.cls_token, std=1e-6)
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        for module in self.modules():
            if isinstance(module, (nn.LayerNorm, nn.Conv2d)):
                module.reset_parameters()
            elif isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for module in self.modules():  # after the loop above, which would undo it
            if isinstance(module, Attention):
                # Queries, keys and values are three square layers side by side.
                bound = math.sqrt(6 / (2 * self.embed_dim))
                nn.init.uniform_(module.qkv.weight, -bound, bound)
            elif isinstance(module, KATMlp):
                module.reset_parameters()

    def no_weight_decay(self) -> set[str]:
        """Names of the parameters that an optimiser should not pull to 0: embeddings, and the
        coefficients of the rationals, which at 0 are no activation at all."""
        coefficients = {
            f"{name}.{each}"
            for name, module in self.named_modules()
            if isinstance(module, GroupRational)
            for each in ("numerator", "denominator")
        }
        return {"pos_embed", "cls_token"} | coefficients

    def forward_features(self, x: Tensor) -> Tensor:
        """``[N, in_chans, *img_size]`` to ``[N, 1 + patches, embed_dim]``, class token first."""
        x = self.patch_embed(x)
        x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1).to(x.dtype), x], dim=1)
        x = self.pos_drop(x + self.pos_embed)
        features: Tensor = self.norm(self.blocks(x))
        return features

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Features to logits; ``pre_logits``: to what the head reads, ``[N, embed_dim]``."""
        x = x[:, 1:].mean(1) if self.global_pool == "avg" else x[:, 0]
        x = self.head_drop(self.fc_norm(x))
        return x if pre_logits else self.head(x)

    def forward(self, x: Tensor) -> Tensor:
        """Images to logits."""
        return self.forward_head(self.forward_features(x))


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def _check(counts: dict[str, int], rates: dict[str, float]) -> None:
    for name, count in counts.items():
        if not isinstance(count, int) or count < 1:
            raise ValueError(f"KAT: {name} is {count!r}, expected a positive int")
    for name, rate in rates.items():
        if not 0 <= rate < 1:
            raise ValueError(f"KAT: {name} is {rate!r}, expected a number in [0, 1)")


def kat_tiny_patch16_224(**overrides: Any) -> KAT:
    """``KAT`` of 12 blocks, width 192, 3 heads, for 224 x 224 images in patches of 16: 5.7 million
    parameters. ``overrides``: any argument of ``KAT``."""
    return KAT(**{"embed_dim": 192, "num_heads": 3} | overrides)


def kat_small_patch16_224(**overrides: Any) -> KAT:
    """``KAT`` of 12 blocks, width 384, 6 heads, for 224 x 224 images in patches of 16: 22.1 million
    parameters. ``overrides``: any argument of ``KAT``."""
    return KAT(**{"embed_dim": 384, "num_heads": 6} | overrides)


def kat_base_patch16_224(**overrides: Any) -> KAT:
    """``KAT`` of 12 blocks, width 768, 12 heads, for 224 x 224 images in patches of 16: 86.6
    million parameters. ``overrides``: any argument of ``KAT``."""
    return KAT(**{"embed_dim": 768, "num_heads": 12} | overrides)
