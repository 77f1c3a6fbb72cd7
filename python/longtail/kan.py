"""Bases of Kolmogorov-Arnold networks, and the layer that never holds them in memory.

Sources: Liu et al., "KAN: Kolmogorov-Arnold Networks", 2024 (B-splines); Li, "Kolmogorov-Arnold
Networks are Radial Basis Function Networks", 2024; Delis, "FasterKAN", 2024; Sidharth et al.,
"Chebyshev Polynomial-Based Kolmogorov-Arnold Networks", 2024; Qiu et al., "ReLU-KAN", 2024; Ta et
al., "AF-KAN", 2025; Bozorgasl and Chen, "Wav-KAN", 2024.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor

from longtail import _kan_formula, _library  # noqa: F401  (loads the raw ops)
from longtail._kan_kinds import choose, functions_of
from longtail._parametric import Placement, check_tensors, formula_of, parametric_function

__all__ = ["kan_basis", "kan_linear"]


def kan_basis(
    x: Tensor,
    kind: str,
    *,
    grid: Tensor | Sequence[float] | None = None,
    degree: int | None = None,
    params: Any = None,
) -> Tensor:
    """The basis functions ``phi_k`` of a Kolmogorov-Arnold layer at every element of x.

    =============  ================================================  ==========================
    kind           functions                                         arguments
    =============  ================================================  ==========================
    bspline        B-splines of a degree (3) on knots, 0 outside     grid: ``K + degree + 1`` knots
    gaussian_rbf   ``exp(-u^2)``, ``u = (x - c) / w``                grid: c ``[K]``; params: w
    rswaf          ``1 - tanh(u)^2``                                 grid: c ``[K]``; params: w
    chebyshev      ``T_0 ... T_degree`` (4), first kind              degree
    legendre       ``P_0 ... P_degree`` (4)                          degree
    hermite        ``H_0 ... H_degree`` (4), physicists'             degree
    relu_window    ``(4 relu(x - s) relu(e - x) / (e - s)^2)^2``     params: (s, e), each ``[K]``
    fourier        ``cos x ... cos nx, sin x ... sin nx`` (n = 5)    degree: n
    =============  ================================================  ==========================

    With ``params=(s, e, activation, combination)`` relu_window gives AF-KAN's functions of
    ``a = A(x - s)`` and ``b = A(e - x)``: activation relu, silu, sigmoid or tanh; combination quad1
    ``(ab)^2``, quad2 ``ab + a^2 + b^2``, sum, prod, sum_prod, cubic1 ``(a + b)(a^2 + b^2)`` or
    cubic2 ``(ab)^3``.

    Args:
        x: ``[..., in]``, float64, float32, bfloat16 or float16; the narrower three are computed in
            float32 and rounded once.
        kind: as above. Polynomials are evaluated at x itself: squash it first if it leaves [-1, 1].
        grid: knots (ascending) or centres, ``[n]`` for all inputs or ``[in, n]``; by default knots
            of 5 intervals over [-1, 1] and as many as the degree beyond, or 8 centres over [-2, 2].
        degree: of splines, polynomials and Fourier series.
        params: widths that broadcast to the centres (default: their spacing); starts and ends, by
            default those of ReLU-KAN with 5 intervals over [0, 1] and 3 beyond. Tensors have the
            dtype of x, or float32.

    Returns:
        ``[..., in, K]`` in the dtype of x, contiguous; K at most 95, a spline's degree included.
        Largest error, of gradients too, over the largest element: 1e-12 in float64, 1e-5 in
        float32, 2 eps in half precision.

    Gradients: exact in x, centres, widths, starts and ends, to any order (from the second on, and
    in forward mode, by torch operations in float64); none in knots. Sums over rows are taken in a
    fixed order: the same bits on repeat and for any number of threads.

    Raises:
        TypeError: a dtype that is not floating point or does not fit; params of the wrong kind.
        ValueError: an unknown kind, an argument that the kind does not have, or a wrong shape.
        NotImplementedError: knots that require a gradient, and ``mexican_hat``, whose functions
            belong to edges: use ``kan_linear``.
    """
    _check_x("kan_basis", x)
    if kind == "mexican_hat":
        raise NotImplementedError(
            "kan_basis: kind is 'mexican_hat', whose functions belong to edges; use kan_linear"
        )
    first, second, *code = choose("kan_basis", x, kind, grid, degree, params)
    check_tensors("kan_basis", x, grid=first, params=second)
    return _kan_basis(x, first, second, *code)


def kan_linear(
    x: Tensor,
    weight: Tensor,
    kind: str,
    *,
    bias: Tensor | None = None,
    base_weight: Tensor | None = None,
    grid: Tensor | Sequence[float] | None = None,
    degree: int | None = None,
    params: Any = None,
) -> Tensor:
    """``y_o = bias_o + sum_i base_weight[o, i] silu(x_i) + sum_ik weight[o, i, k] phi_k(x_i)``.

    The functions are evaluated a tile at a time: there is no ``[..., in, K]`` in memory, neither
    here nor in backward, which keeps x only.

    Args:
        x: ``[..., in]``, float64, float32, bfloat16 or float16; the narrower three are computed in
            float32 and rounded once.
        weight: ``[out, in, K]``.
        kind: one of ``kan_basis``, or ``mexican_hat``: ``psi((x_i - shift[o, i]) / scale[o, i])``
            with ``psi(u) = 2 / (sqrt(3) pi^(1/4)) (1 - u^2) exp(-u^2 / 2)`` and K = 1.
        bias: ``[out]``.
        base_weight: ``[out, in]``, of silu(x).
        grid, degree: as in ``kan_basis``.
        params: as in ``kan_basis``; for mexican_hat (scale, shift), each ``[out, in]``.

    Returns:
        ``[..., out]`` in the dtype of x, contiguous. Largest errors as of ``kan_basis``.

    Gradients: exact in x, weight, bias, base_weight and params (and centres), as of ``kan_basis``.

    Raises:
        TypeError: a dtype that is not floating point, parameters of another dtype than that of x
            or float32, params of the wrong kind.
        ValueError: an unknown kind, an argument that the kind does not have, a wrong shape, or
            several devices.
    """
    _check_x("kan_linear", x)
    if kind == "mexican_hat":
        return _mexican_hat(x, weight, bias, base_weight, grid, degree, params)
    first, second, *code = choose("kan_linear", x, kind, grid, degree, params)
    check_tensors("kan_linear", x, grid=first, params=second, weight=weight)
    functions = functions_of(first.shape[1], *code)
    _check_layer(x, weight, functions, bias, base_weight)
    if base_weight is not None:
        weight = torch.cat([weight, base_weight.unsqueeze(-1)], -1)
    with_base = base_weight is not None
    return _kan_linear(x, weight, _or_nothing(bias, x), first, second, *code, with_base)


def _mexican_hat(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    base_weight: Tensor | None,
    grid: Any,
    degree: Any,
    params: Any,
) -> Tensor:
    for argument, value in (("grid", grid), ("degree", degree)):
        if value is not None:
            raise ValueError(f"kan_linear: {argument} is given, but mexican_hat has none")
    pair = isinstance(params, (tuple, list)) and len(params) == 2
    if not pair or not all(isinstance(each, Tensor) for each in params):
        raise TypeError("kan_linear: params of mexican_hat must be (scale, shift), two Tensors")
    scale, shift = params
    check_tensors("kan_linear", x, weight=weight, scale=scale, shift=shift)
    _check_layer(x, weight, 1, bias, base_weight)
    edges = list(weight.shape[:2])
    for argument, value in (("scale", scale), ("shift", shift)):
        if list(value.shape) != edges:
            raise ValueError(
                f"kan_linear: params: {argument} has shape {list(value.shape)}, expected {edges}"
            )
    y = _hat(x, weight.squeeze(-1), _or_nothing(bias, x), scale, shift)
    if base_weight is None:
        return y
    return y + functional.linear(functional.silu(x), base_weight.to(x.dtype))


def _or_nothing(bias: Tensor | None, x: Tensor) -> Tensor:
    return x.new_zeros(0) if bias is None else bias


def _check_x(name: str, x: Tensor) -> None:
    check_tensors(name, x)
    if x.dim() == 0 or x.shape[-1] == 0:
        raise ValueError(f"{name}: x has shape {list(x.shape)}, expected [..., in] with in > 0")


def _check_layer(
    x: Tensor,
    weight: Tensor,
    functions: int,
    bias: Tensor | None,
    base_weight: Tensor | None,
) -> None:
    inputs = x.shape[-1]
    if weight.dim() != 3 or list(weight.shape[1:]) != [inputs, functions]:
        raise ValueError(
            f"kan_linear: weight has shape {list(weight.shape)}, expected [out, {inputs}, "
            f"{functions}]"
        )
    outputs = weight.shape[0]
    for argument, value, shape in (
        ("bias", bias, [outputs]),
        ("base_weight", base_weight, [outputs, inputs]),
    ):
        if value is None:
            continue
        check_tensors("kan_linear", x, **{argument: value})
        if list(value.shape) != shape:
            raise ValueError(
                f"kan_linear: {argument} has shape {list(value.shape)}, expected {shape}"
            )
    if base_weight is not None and base_weight.dtype != weight.dtype:
        raise TypeError(
            f"kan_linear: base_weight has dtype {base_weight.dtype}, expected that of weight, "
            f"{weight.dtype}"
        )


def _shard_basis(x: Any, *rest: Any) -> list[Placement]:
    from torch.distributed.tensor import Partial, Replicate, Shard

    whole: Any = Replicate()
    placements = [Placement(whole, [whole] * 3, [whole] * 3)]
    for d in range(len(x.shape) - 1):
        rows: Any = Shard(d)
        placements.append(Placement(rows, [rows, whole, whole], [rows, Partial(), Partial()]))
    return placements


def _shard_layer(x: Any, weight: Any, bias: Any, first: Any, *rest: Any) -> list[Placement]:
    """Rows, or outputs: then every process has all of x and a share of dx."""
    from torch.distributed.tensor import Partial, Replicate, Shard

    whole, share = Replicate(), Partial()
    placements = [Placement(whole, [whole] * 5, [whole] * 5)]
    for d in range(len(x.shape) - 1):
        rows = Shard(d)
        placements.append(Placement(rows, [rows, *[whole] * 4], [rows, *[share] * 4]))
    outputs = Shard(len(x.shape) - 1)
    of_bias: Any = Shard(0) if bias.shape[0] else whole
    by_edge = len(weight.shape) == 2  # the parameters of mexican_hat are [out, in]
    of_functions: Any = Shard(0) if by_edge else whole
    placements.append(
        Placement(
            outputs,
            [whole, Shard(0), of_bias, of_functions, of_functions],
            [share, Shard(0), of_bias, *[Shard(0) if by_edge else share] * 2],
        )
    )
    return placements


_kan_basis = parametric_function("kan_basis", formula_of(_kan_formula.basis_value, 3), _shard_basis)
_kan_linear = parametric_function(
    "kan_linear", formula_of(_kan_formula.linear_value, 5), _shard_layer, tensors=5
)
_hat = parametric_function(
    "mexican_hat_linear", formula_of(_kan_formula.hat_value, 5), _shard_layer, tensors=5
)
