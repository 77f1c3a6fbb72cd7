"""What ntk_attention, pattention and their modules answer to wrong arguments."""

from __future__ import annotations

import math

import torch

import longtail
from kit import BadInput, Raises
from kit.bad_input import cases_of, check, parametrize
from longtail.nn import NTKAttention, Pattention, TokenFormerBlock

Q, K, V = torch.ones(2, 3, 5, 4), torch.ones(2, 3, 6, 4), torch.ones(2, 3, 6, 2)
Z, KAPPA = torch.ones(3, 4, 2), torch.ones(3, 4)
X, KEY, VALUE = torch.ones(3, 4), torch.ones(5, 4), torch.ones(5, 2)


_ntk = cases_of(longtail.ntk_attention, q=Q, k=K, v=V, z=Z, kappa=KAPPA)
_prefix = cases_of(longtail.ntk_prefix, k=K, v=V)
_pattention = cases_of(longtail.pattention, x=X, key=KEY, value=VALUE)
_module = cases_of(NTKAttention, num_heads=3, head_dim=4)
_layer = cases_of(Pattention, in_features=4, out_features=2, num_tokens=5)
_block = cases_of(TokenFormerBlock, dim=8, num_heads=2)

NTK = [
    *(
        _ntk(f"{name}={bad!r}", TypeError, name, type(bad).__name__, **{name: bad})
        for name in ("q", "k", "v", "z", "kappa")
        for bad in (None, 1.0)
    ),
    _ntk("q: int64", TypeError, "q", "int64", q=Q.long()),
    _ntk("q: float64", TypeError, "k", "float32", "float64", q=Q.double()),
    _ntk("v: half", TypeError, "v", "float16", v=V.half()),
    _ntk("z: float64", TypeError, "z", "float64", z=Z.double(), kappa=KAPPA.double()),
    _ntk("kappa: float64", TypeError, "kappa", "float64", kappa=KAPPA.double()),
    _ntk("k on meta", ValueError, "k", "meta", k=K.to("meta")),
    _ntk("kappa on meta", ValueError, "kappa", "meta", kappa=KAPPA.to("meta")),
    _ntk("q: [5, 4]", ValueError, "q", "[5, 4]", "[..., H, Lq, D]", q=Q[0, 0]),
    _ntk("q: no channels", ValueError, "q", "[2, 3, 5, 0]", "256", q=Q[..., :0]),
    _ntk("q: 257 channels", ValueError, "q", "257", "256", q=torch.ones(2, 3, 5, 257)),
    _ntk("v: 257 channels", ValueError, "v", "257", "256", v=torch.ones(2, 3, 6, 257)),
    _ntk("k: 3 channels", ValueError, "k", "[2, 3, 6, 3]", "[2, 3, 6, 4]", k=K[..., :3]),
    _ntk("k: 1 head", ValueError, "k", "[2, 1, 6, 4]", "[2, 3, 6, 4]", k=K[:, :1]),
    _ntk("v: 5 keys", ValueError, "v", "[2, 3, 5, 2]", "[2, 3, 6, 2]", v=V[:, :, :5]),
    _ntk("z: [3, 4, 3]", ValueError, "z", "[3, 4, 3]", "[3, 4, 2]", z=torch.ones(3, 4, 3)),
    _ntk("z: [1, 3, 4, 2]", ValueError, "z", "[1, 3, 4, 2]", "[2, 3, 4, 2]", z=Z[None]),
    _ntk("kappa: [4]", ValueError, "kappa", "[4]", "[3, 4]", kappa=KAPPA[0]),
    _ntk("kappa of all beside z of one", ValueError, "kappa", "z", kappa=KAPPA.expand(2, 3, 4)),
    _ntk("is_causal=1", TypeError, "is_causal", "int", is_causal=1),
    _ntk("is_causal=None", TypeError, "is_causal", "NoneType", is_causal=None),
    _ntk("scale='x'", TypeError, "scale", "str", scale="x"),
    _ntk("scale=True", TypeError, "scale", "bool", scale=True),
    _ntk("scale=nan", ValueError, "scale", "nan", scale=math.nan),
    _ntk("unknown=1", TypeError, "unknown", unknown=1),
    _prefix("k=None", TypeError, "k", "NoneType", k=None),
    _prefix("k: [6, 4]", ValueError, "k", "[6, 4]", k=K[0, 0]),
    _prefix("v: 5 tokens", ValueError, "v", "[2, 3, 5, 2]", v=V[:, :, :5]),
    _prefix("v: float64", TypeError, "v", "float64", v=V.double()),
    _prefix("v: int64", TypeError, "v", "int64", v=V.long()),
]

PATTENTION = [
    *(
        _pattention(f"{name}={bad!r}", TypeError, name, type(bad).__name__, **{name: bad})
        for name in ("x", "key", "value")
        for bad in (None, 1.0, [1.0])
    ),
    _pattention("x: int64", TypeError, "x", "int64", x=X.long()),
    _pattention("key: float64", TypeError, "key", "float64", key=KEY.double()),
    _pattention("value: half", TypeError, "value", "float16", value=VALUE.half()),
    _pattention(
        "value of another dtype than key", TypeError, "value", "float64", "float32",
        x=X.double(), value=VALUE.double(),
    ),
    _pattention("key on meta", ValueError, "key", "meta", key=KEY.to("meta")),
    _pattention("x: []", ValueError, "x", "[]", x=torch.tensor(1.0)),
    _pattention("x: [3, 0]", ValueError, "x", "[3, 0]", x=X[:, :0]),
    _pattention("key: [5, 3]", ValueError, "key", "[5, 3]", "[n, 4]", key=KEY[:, :3]),
    _pattention("key: [0, 4]", ValueError, "key", "[0, 4]", key=KEY[:0], value=VALUE[:0]),
    _pattention("key: [4]", ValueError, "key", "[4]", key=KEY[0]),
    _pattention("value: [4, 2]", ValueError, "value", "[4, 2]", "[5, out]", value=VALUE[:4]),
    _pattention("value: [5, 0]", ValueError, "value", "[5, 0]", value=VALUE[:, :0]),
    _pattention("tau=0", ValueError, "tau", "0", tau=0),
    _pattention("tau=-1.0", ValueError, "tau", "-1.0", tau=-1.0),
    _pattention("tau=inf", ValueError, "tau", "inf", tau=math.inf),
    _pattention("tau='x'", TypeError, "tau", "str", tau="x"),
    _pattention("tau=True", TypeError, "tau", "bool", tau=True),
    _pattention("eps=1e-6", TypeError, "eps", eps=1e-6),
]  # fmt: skip

MODULES = [
    _module("num_heads=0", ValueError, "num_heads", "0", num_heads=0),
    _module("head_dim='4'", ValueError, "head_dim", "'4'", head_dim="4"),
    _module("head_dim=300", ValueError, "head_dim", "300", "256", head_dim=300),
    _module("value_dim=0", ValueError, "value_dim", "0", value_dim=0),
    _module("prefix_length=0", ValueError, "prefix_length", "0", prefix_length=0),
    _layer("in_features=0", ValueError, "in_features", "0", in_features=0),
    _layer("num_tokens=2.0", ValueError, "num_tokens", "2.0", num_tokens=2.0),
    _layer("tau=0.0", ValueError, "tau", "0.0", tau=0.0),
    _block("dim=0", ValueError, "dim", "0", dim=0),
    _block("num_heads=3", ValueError, "num_heads", "3", "8", num_heads=3),
    BadInput(
        "Pattention.grow(0)",
        lambda: Pattention(4, 2, 5).grow(0),
        Raises(ValueError, "Pattention.grow", "num_tokens", "0"),
    ),
    BadInput(
        "TokenFormerBlock.grow()",
        lambda: TokenFormerBlock(8, 2).grow(),
        Raises(ValueError, "TokenFormerBlock.grow", "tokens"),
    ),
    BadInput(
        "TokenFormerBlock.grow(-1, 0, 3)",
        lambda: TokenFormerBlock(8, 2).grow(-1, 0, 3),
        Raises(ValueError, "TokenFormerBlock.grow", "-1"),
    ),
    BadInput(
        "Pattention(4, 2, 5)(x: [3, 5])",
        lambda: Pattention(4, 2, 5)(torch.ones(3, 5)),
        Raises(ValueError, "Pattention", "x", "[3, 5]", "4"),
    ),
    BadInput(
        "TokenFormerBlock(8, 2)(x: [8])",
        lambda: TokenFormerBlock(8, 2)(torch.ones(8)),
        Raises(ValueError, "TokenFormerBlock", "x", "[8]", "[..., L, 8]"),
    ),
]

_OPS = torch.ops.longtail
_PREFIX = (Z[None], KAPPA[None])
RAW = [
    BadInput(f"raw op, {label}", call, Raises(ValueError, *words))
    for label, call, words in (
        (
            "q of three dimensions",
            lambda: _OPS.ntk_attention(Q[0], K, V, *_PREFIX, False, 0.5),
            ("q", "[3, 5, 4]"),
        ),
        (
            "k of another batch",
            lambda: _OPS.ntk_attention(Q, K[:1], V, *_PREFIX, False, 0.5),
            ("k", "[1, 3, 6, 4]", "[2, 3, 6, 4]"),
        ),
        (
            "kappa of another shape",
            lambda: _OPS.ntk_attention(Q, K, V, Z[None], KAPPA[None, :, :3], False, 0.5),
            ("kappa", "[1, 3, 3]"),
        ),
        (
            "lse of float32",
            lambda: _OPS.ntk_attention_backward(
                Q[..., :2], Q, K, V, *_PREFIX, False, 0.5, Q[..., :2], Q[..., 0]
            ),
            ("lse", "float32", "float64"),
        ),
        (
            "grad of another shape",
            lambda: _OPS.ntk_attention_backward(
                Q, Q, K, V, *_PREFIX, False, 0.5, Q[..., :2], Q[..., 0].double()
            ),
            ("grad", "[2, 3, 5, 4]"),
        ),
        ("tau 0", lambda: _OPS.pattention(X, KEY, VALUE, 0.0), ("tau", "0")),
        ("keys of another width", lambda: _OPS.pattention(X[:, :3], KEY, VALUE, 1.0), ("key",)),
        (
            "grad of another shape than y",
            lambda: _OPS.pattention_backward(X, X, KEY, VALUE, 1.0),
            ("grad", "[3, 4]"),
        ),
    )
]


@parametrize([*NTK, *PATTENTION, *MODULES, *RAW])
def test_bad_input(case: BadInput) -> None:
    check(case)
