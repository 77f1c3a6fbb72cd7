"""What kan_basis, kan_linear and their modules answer to wrong arguments."""

from __future__ import annotations

import torch
from torch import nn

import longtail
from kit import BadInput, Raises
from kit.bad_input import cases_of, check, parametrize
from longtail.nn import AFKANLinear, KANLinear

X, W, C = torch.ones(3, 4), torch.ones(2, 4, 8), torch.linspace(-1, 1, 8)
EDGES = torch.ones(2, 4)


_basis = cases_of(longtail.kan_basis, x=X, kind="bspline")
_radial = cases_of(longtail.kan_basis, x=X, kind="gaussian_rbf")
_layer = cases_of(longtail.kan_linear, x=X, weight=W, kind="bspline")
_hat = cases_of(
    longtail.kan_linear,
    x=X,
    weight=W[..., :1],
    kind="mexican_hat",
    params=(EDGES, EDGES),
)
_module = cases_of(KANLinear, in_features=4, out_features=2)
_af = cases_of(AFKANLinear, in_features=4, out_features=2)

BASIS = [
    *(
        _basis(f"x={bad!r}", TypeError, "x", type(bad).__name__, x=bad)
        for bad in (None, 1.0, [1.0])
    ),
    *(
        _basis(f"x: {dtype}", TypeError, "x", str(dtype), x=X.to(dtype))
        for dtype in (torch.int64, torch.bool, torch.complex64)
    ),
    _basis("x: []", ValueError, "x", "[]", x=torch.tensor(1.0)),
    _basis("x: [3, 0]", ValueError, "x", "[3, 0]", x=X[:, :0]),
    _basis("kind='spline'", ValueError, "kind", "'spline'", "bspline", kind="spline"),
    _basis("kind=3", ValueError, "kind", "3", kind=3),
    _basis("mexican_hat", NotImplementedError, "mexican_hat", "kan_linear", kind="mexican_hat"),
    _basis("grid='x'", TypeError, "grid", "str", grid="x"),
    _basis("grid: [3, 12]", ValueError, "grid", "[3, 12]", "[4, k]", grid=torch.ones(3, 12)),
    _basis("grid: []", ValueError, "grid", "[]", grid=torch.tensor(1.0)),
    _basis("grid: int64", TypeError, "grid", "int64", grid=torch.arange(12)),
    _basis("grid: float64", TypeError, "grid", "float64", grid=torch.ones(12).double()),
    _basis("grid on meta", ValueError, "grid", "meta", grid=torch.ones(12, device="meta")),
    _basis("4 knots", ValueError, "grid", "4 knots", "at least 5", grid=C[:4]),
    _basis("200 knots", ValueError, "grid", "196", "95", grid=torch.linspace(0, 1, 200)),
    _basis("degree=-1", ValueError, "degree", "-1", degree=-1),
    _basis("degree=2.0", ValueError, "degree", "2.0", degree=2.0),
    _basis("degree=True", ValueError, "degree", "True", degree=True),
    _basis("params=1.0", ValueError, "params", "bspline", params=1.0),
    _basis(
        "grid with gradient",
        NotImplementedError,
        "knots",
        "gradient",
        grid=torch.linspace(0, 1, 12).requires_grad_(),
    ),
    _basis("chebyshev, grid", ValueError, "grid", "chebyshev", kind="chebyshev", grid=C),
    _basis("chebyshev, params", ValueError, "params", kind="chebyshev", params=1.0),
    _basis("chebyshev, degree=1000", ValueError, "degree", "95", kind="chebyshev", degree=1000),
    _basis("fourier, degree=0", ValueError, "degree", "0", kind="fourier", degree=0),
    _basis("relu_window, grid", ValueError, "grid", "relu_window", kind="relu_window", grid=C),
    _basis("relu_window, degree", ValueError, "degree", kind="relu_window", degree=3),
    _radial("degree=3", ValueError, "degree", "gaussian_rbf", degree=3),
    _radial("params='wide'", TypeError, "params", "str", params="wide"),
    _radial("params: [5]", ValueError, "params", "[5]", "[1, 8]", grid=C, params=torch.ones(5)),
    _radial("params: float64", TypeError, "params", "float64", params=torch.ones(8).double()),
    *(
        _basis(f"relu_window, {label}", error, "params", *words, kind="relu_window", params=params)
        for label, error, words, params in (
            ("params=C", TypeError, ("Tensor",), C),
            ("3 params", TypeError, ("tuple of",), (C, C + 1, "silu")),
            ("numbers", TypeError, ("float",), (0.0, 1.0)),
            ("ends: [5]", ValueError, ("[5]",), (C, torch.ones(5))),
            ("activation='gelu'", ValueError, ("'gelu'", "silu"), (C, C + 1, "gelu", "quad1")),
            ("combination='max'", ValueError, ("'max'", "quad1"), (C, C + 1, "silu", "max")),
        )
    ),
    _basis("unknown=1", TypeError, "unknown", unknown=1),
]

LAYER = [
    *(_layer(f"weight={bad!r}", TypeError, "weight", weight=bad) for bad in (None, 1.0)),
    _layer("weight: [2, 4]", ValueError, "weight", "[2, 4]", "[out, 4, 8]", weight=EDGES),
    _layer("weight: [2, 4, 7]", ValueError, "weight", "[2, 4, 7]", weight=W[..., :7]),
    _layer("weight: [2, 3, 8]", ValueError, "weight", "[2, 3, 8]", weight=W[:, :3]),
    _layer("weight: float64", TypeError, "weight", "float64", weight=W.double()),
    _layer("weight: half", TypeError, "weight", "float16", weight=W.half()),
    _layer("weight on meta", ValueError, "weight", "meta", weight=W.to("meta")),
    _layer("bias=1.0", TypeError, "bias", "float", bias=1.0),
    _layer("bias: [3]", ValueError, "bias", "[3]", "[2]", bias=torch.ones(3)),
    _layer("bias: int64", TypeError, "bias", "int64", bias=torch.ones(2).long()),
    _layer("base_weight: [4, 2]", ValueError, "base_weight", "[4, 2]", base_weight=EDGES.t()),
    _layer("base_weight: [2, 4, 1]", ValueError, "base_weight", base_weight=W[..., :1]),
    _layer("base_weight=True", TypeError, "base_weight", "bool", base_weight=True),
    _layer(
        "base_weight and weight of two dtypes",
        *(TypeError, "base_weight", "float32", "float64"),
        x=X.double(),
        weight=W.double(),
        base_weight=EDGES,
    ),
    _layer("kind=None", ValueError, "kind", "None", kind=None),
    _hat("params=None", TypeError, "params", "scale, shift", params=None),
    _hat("params: one", TypeError, "params", params=(EDGES,)),
    _hat("scale: [4, 2]", ValueError, "scale", "[4, 2]", "[2, 4]", params=(EDGES.t(), EDGES)),
    _hat("shift: int64", TypeError, "shift", "int64", params=(EDGES, EDGES.long())),
    _hat("grid", ValueError, "grid", "mexican_hat", grid=C),
    _hat("degree=2", ValueError, "degree", "mexican_hat", degree=2),
    _hat("weight: [2, 4]", ValueError, "weight", "[2, 4]", "[out, 4, 1]", weight=EDGES),
]

MODULES = [
    _module("in_features=0", ValueError, "in_features", "0", in_features=0),
    _module("out_features='2'", ValueError, "out_features", "'2'", out_features="2"),
    _module("basis='wavelet'", ValueError, "basis", "'wavelet'", basis="wavelet"),
    _module("grid_size=0", ValueError, "grid_size", "0", grid_size=0),
    _module("grid_range=(1, 1)", ValueError, "grid_range", "(1, 1)", grid_range=(1, 1)),
    _module("fourier, grid_size", ValueError, "grid_size", basis="fourier", grid_size=4),
    _module("rswaf, degree", ValueError, "degree", "rswaf", basis="rswaf", degree=2),
    _module("degree=-1", ValueError, "degree", "-1", degree=-1),
    _module("unknown=1", TypeError, "unknown", unknown=1),
    _af("in_features=-1", ValueError, "in_features", "-1", in_features=-1),
    _af("activation='gelu'", ValueError, "activation", "'gelu'", activation="gelu"),
    _af("method='self_attn'", ValueError, "method", "'self_attn'", method="self_attn"),
    _af("function_norm='rows'", ValueError, "function_norm", "'rows'", function_norm="rows"),
    BadInput(
        "KANLinear(4, 2)(x: [3, 5])",
        lambda: KANLinear(4, 2)(torch.ones(3, 5)),
        Raises(ValueError, "KANLinear", "x", "[3, 5]", "4"),
    ),
    BadInput(
        "AFKANLinear(4, 2)(x: [3, 5])",
        lambda: AFKANLinear(4, 2)(torch.ones(3, 5)),
        Raises(ValueError, "AFKANLinear", "x", "[3, 5]", "4"),
    ),
]

NONE = torch.zeros(1, 0)
RAW = [
    BadInput(f"raw op, {label}", call, Raises(ValueError, *words))
    for label, call, words in (
        ("kind 8", lambda: torch.ops.longtail.kan_basis(X, NONE, NONE, 8, 2, 0), ("kind", "8")),
        (
            "variant 99",
            lambda: torch.ops.longtail.kan_basis(X, C[None], C[None], 6, 0, 99),
            ("variant", "99"),
        ),
        (
            "widths of another shape",
            lambda: torch.ops.longtail.kan_basis(X, C[None], NONE, 1, 0, 0),
            ("second", "[1, 0]"),
        ),
        (
            "no functions",
            lambda: torch.ops.longtail.kan_basis(X, C[None, :3], NONE, 0, 3, 0),
            ("first", "[1, 3]"),
        ),
        (
            "grad of another shape",
            lambda: torch.ops.longtail.kan_linear_backward(
                X, X, W[..., :3], torch.ones(2), NONE, NONE, 3, 2, 0, False
            ),
            ("grad", "[3, 4]"),
        ),
    )
]


@parametrize([*BASIS, *LAYER, *MODULES, *RAW])
def test_bad_input(case: BadInput) -> None:
    check(case)


def test_nothing_is_changed() -> None:
    """A call that fails leaves its tensors alone, and one that works too."""
    x, weight = X.clone(), nn.Parameter(W.clone())
    longtail.kan_linear(x, weight, "bspline").sum().backward()
    assert torch.equal(x, X) and torch.equal(weight.detach(), W)
