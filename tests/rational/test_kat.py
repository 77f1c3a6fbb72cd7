"""nn.KAT: its parameters' names, its start, what it refuses."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

import longtail
from kit import BadInput, Raises
from kit.bad_input import check, parametrize
from longtail.nn import KAT, GroupRational, kat_base_patch16_224, kat_tiny_patch16_224
from rational.small_kat import small

# As timm's VisionTransformer and the reference name them.
OUTSIDE = {"cls_token", "pos_embed", "patch_embed.proj", "norm", "head"}
IN_BLOCK = {"norm1", "attn.qkv", "attn.proj", "norm2", "mlp.act1", "mlp.fc1", "mlp.act2", "mlp.fc2"}


def test_names_and_sizes() -> None:
    """Without memory: the base model on "meta" has the reference's parameters."""
    for make, width, heads, million in (
        (kat_tiny_patch16_224, 192, 3, 5.7),
        (longtail.nn.kat_small_patch16_224, 384, 6, 22.1),
        (kat_base_patch16_224, 768, 12, 86.6),
    ):
        model = make(device="meta")
        assert len(model.blocks) == 12 and model.blocks[0].attn.num_heads == heads
        assert model.pos_embed.shape == (1, 197, width) and model.head.out_features == 1000
        assert round(sum(each.numel() for each in model.parameters()) / 1e6, 1) == million
    stems = {
        name if "." not in name else name.rpartition(".")[0]
        for name, _ in model.named_parameters()
        if not name.startswith("blocks.")
    }
    assert stems == OUTSIDE
    stems = {
        name.split(".", 2)[2].rpartition(".")[0] for name in model.state_dict() if "blo" in name
    }
    assert stems == IN_BLOCK
    assert kat_tiny_patch16_224(device="meta", num_classes=7, depth=2).head.out_features == 7
    with pytest.raises(TypeError, match="num_class"):
        kat_tiny_patch16_224(num_class=7)


def _statistics(mlp: nn.Module) -> tuple[float, float]:
    return float(mlp.fc1.weight.detach().std()), float(mlp.fc2.weight.detach().std())


def test_start_keeps_the_variance() -> None:
    """Of the real base width: the numbers of the paper, which the reference overwrites by 0.02; and
    what they are for."""
    torch.manual_seed(0)
    model = kat_base_patch16_224(depth=2)
    for block in model.blocks:
        fc1, fc2 = _statistics(block.mlp)
        # 2.4 million numbers: the deviation of their standard deviation is 5e-4 of it.
        assert fc1 == pytest.approx(0.0361, rel=3e-3)
        assert fc2 == pytest.approx(math.sqrt(2.810761 / 3072), rel=3e-3)
        x = nn.functional.layer_norm(torch.randn(256, 768), (768,))
        hidden = block.mlp.fc1(block.mlp.act1(x))
        for each in (hidden, block.mlp(x)):
            assert float(each.detach().var()) == pytest.approx(1, abs=0.05)
        assert not block.mlp.fc1.bias.any()
    assert float(model.blocks[0].attn.proj.weight.detach().std()) == pytest.approx(0.02, rel=0.02)


@pytest.mark.parametrize("version", ["A", "B"])
def test_gain_of_the_fit(version: str) -> None:
    """The known gains, by quadrature of the rationals themselves."""
    for init, gain, off in (("silu", 2.810761, 1e-5), ("gelu", 2.351716, 2e-3), ("identity", 1, 0)):
        module = GroupRational(8, version=version, init=init)
        assert module.variance_gain() == pytest.approx(gain, rel=off + 1e-9)
        z = torch.randn(400_000, generator=torch.Generator().manual_seed(1)).view(-1, 8)
        drawn = 1 / float(module(z).detach().double().square().mean())
        assert module.variance_gain() == pytest.approx(drawn, rel=0.02)


def test_start_after_meta() -> None:
    """Made on "meta", given memory, initialised: as if made there."""
    torch.manual_seed(3)
    made = small()
    made.init_weights()
    later = small(device="meta").to_empty(device="cpu")
    with torch.no_grad():
        for each in later.parameters():
            each.fill_(math.nan)
    later.init_weights()
    for name, each in later.named_parameters():
        assert each.isfinite().all(), name
    assert _statistics(later.blocks[1].mlp) == pytest.approx(
        _statistics(made.blocks[1].mlp), rel=0.1
    )
    assert torch.equal(later.blocks[0].mlp.act2.numerator, made.blocks[0].mlp.act2.numerator)


def test_options() -> None:
    """Each does what it says."""
    x = torch.randn(3, 1, 8, 8)
    model = small().eval()
    features = model.forward_features(x)
    assert features.shape == (3, 17, 32) and model(x).shape == (3, 10)
    assert torch.equal(model.forward_head(features, pre_logits=True), features[:, 0])
    mean = small(global_pool="avg").eval()
    rows = mean.forward_features(x)
    pooled = nn.functional.layer_norm(rows[:, 1:].mean(1), (32,), eps=1e-6)
    torch.testing.assert_close(mean(x), mean.head(pooled))
    assert "fc_norm.weight" in mean.state_dict() and "norm.weight" not in mean.state_dict()
    assert small(num_classes=0)(x).shape == (3, 32)
    wide = small(img_size=(8, 4), patch_size=(4, 2), mlp_ratio=2, groups=4, qkv_bias=False)
    assert wide(torch.randn(2, 1, 8, 4)).shape == (2, 10) and wide.pos_embed.shape[1] == 5
    assert wide.blocks[0].mlp.act2.denominator.shape == (4, 4)
    assert wide.blocks[0].mlp.fc1.out_features == 64 and wide.blocks[0].attn.qkv.bias is None
    fitted = small(act_init=torch.sin).blocks[1].mlp.act2(torch.linspace(-2, 2, 128))
    torch.testing.assert_close(fitted, torch.linspace(-2, 2, 128).sin(), atol=1e-3, rtol=0)
    assert small(dtype=torch.float64)(x.double()).dtype == torch.float64


def test_order_of_the_mlp() -> None:
    """fc2(act2(fc1(act1(x)))), both rationals at work."""
    mlp = small().blocks[0].mlp
    x = 0.3 * torch.randn(5, 32)  # stays where the rationals are what they started as
    inner = nn.functional.silu(mlp.fc1(x))
    torch.testing.assert_close(mlp(x), mlp.fc2(inner), atol=1e-5, rtol=1e-5)
    with torch.no_grad():
        mlp.act1.numerator.mul_(2)
    doubled = nn.functional.silu(mlp.fc1(2 * x))
    torch.testing.assert_close(mlp(x), mlp.fc2(doubled), atol=1e-5, rtol=1e-5)


def test_dropouts() -> None:
    """Each rate drops in training only; stochastic depth drops whole samples, evenly."""
    x = torch.randn(4, 1, 8, 8)
    for rate in (
        "drop_rate",
        "pos_drop_rate",
        "proj_drop_rate",
        "attn_drop_rate",
        "drop_path_rate",
    ):
        torch.manual_seed(0)
        model = small(**{rate: 0.5})
        assert not torch.equal(model(x), model(x)), rate
        model.eval()
        assert torch.equal(model(x), model(x)), rate
    rates = [
        getattr(b.drop_path1, "drop_prob", 0) for b in small(depth=3, drop_path_rate=0.4).blocks
    ]
    assert rates == pytest.approx([0, 0.2, 0.4])
    path = small(drop_path_rate=0.25).blocks[1].drop_path2
    kept = path(torch.ones(8000, 3, 2))
    assert kept.unique().tolist() == pytest.approx([0, 4 / 3])
    assert torch.equal(kept, kept[:, :1, :1].expand_as(kept))
    assert float(kept.mean()) == pytest.approx(1, abs=0.03)  # 5 standard errors


def test_no_weight_decay() -> None:
    """Names that exist: embeddings and coefficients."""
    model = small()
    names = model.no_weight_decay()
    assert names <= set(dict(model.named_parameters()))
    assert {"cls_token", "pos_embed", "blocks.1.mlp.act2.denominator"} <= names
    assert len(names) == 2 + 2 * 2 * 2


def _case(label: str, *words: str, **arguments: object) -> BadInput:
    return BadInput(f"KAT({label})", lambda: small(**arguments), Raises(ValueError, "KAT", *words))


def _call(x: Tensor) -> BadInput:
    shape = str(list(x.shape))
    words = ("x", shape, "[N, 1, 8, 8]")
    return BadInput(f"KAT()({shape})", lambda: small()(x), Raises(ValueError, "KAT", *words))


CASES = [
    _case("patch_size=3", "patch_size", "(3, 3)", "(8, 8)", patch_size=3),
    _case("patch_size=16", "patch_size", "(16, 16)", patch_size=16),
    _case("patch_size=0", "patch_size", "(0, 0)", patch_size=0),
    _case("depth=0", "depth", "0", depth=0),
    _case("embed_dim=32.0", "embed_dim", "32.0", embed_dim=32.0),
    _case("num_heads=5", "num_heads", "5", "32", num_heads=5),
    _case("groups=6", "groups", "6", "32", groups=6),
    _case("groups=0", "groups", "0", groups=0),
    _case("num_classes=-1", "num_classes", num_classes=-1),
    _case("mlp_ratio=0.1", "mlp_ratio", "0.1", "3", mlp_ratio=0.1),
    _case("global_pool='map'", "global_pool", "'map'", "'avg'", global_pool="map"),
    _case("drop_rate=1", "drop_rate", "1", drop_rate=1),
    _case("drop_path_rate=-0.1", "drop_path_rate", "-0.1", drop_path_rate=-0.1),
    BadInput(
        "KAT(act_init='swish')",
        lambda: small(act_init="swish"),
        Raises(ValueError, "'swish'", "silu"),
    ),
    BadInput("KAT(unknown=1)", lambda: small(unknown=1), Raises(TypeError, "unknown")),
    _call(torch.ones(2, 3, 8, 8)),
    _call(torch.ones(1, 8, 8)),
    _call(torch.ones(2, 1, 8, 10)),
]


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    check(case)


def test_public() -> None:
    assert KAT is longtail.nn.KAT and small().__class__ is KAT
