"""kan_basis and kan_linear as the test kit sees them: a layer of four inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

import longtail
from kit import OpSpec, RawOp
from longtail._kan_kinds import KINDS, uniform_knots
from rational.ops import SKIPPED

SIDE = 4  # inputs and outputs: the gradient of y has the shape of x
CENTRES = 6  # none of the sizes that compiled graphs are called with: equal sizes become one symbol
KNOTS = uniform_knots(4, 3)

Sample = Callable[[torch.Generator, Sequence[int]], tuple[Tensor, ...]]


def _draw(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.rand(shape, generator=generator, dtype=torch.float64) * 1.8 - 0.9


def _centres(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    return _draw(generator, 1, CENTRES), _draw(generator, 1, CENTRES).abs() + 0.5


def _basis_sample(generator: torch.Generator, shape: Sequence[int]) -> tuple[Tensor, ...]:
    return _draw(generator, *shape, SIDE), *_centres(generator)


def _layer_sample(functions: int, parameters: Callable[..., tuple[Tensor, ...]]) -> Sample:
    def sample(generator: torch.Generator, shape: Sequence[int]) -> tuple[Tensor, ...]:
        x = _draw(generator, *shape, SIDE)
        weight = torch.randn(SIDE, SIDE, functions, generator=generator, dtype=torch.float64)
        return x, weight, _draw(generator, SIDE), *parameters(generator)

    return sample


def _edges(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    return _draw(generator, SIDE, SIDE).abs() + 0.5, _draw(generator, SIDE, SIDE)


def _spline_layer() -> Callable[..., Tensor]:
    def kan_linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return longtail.kan_linear(x, weight, "bspline", bias=bias, grid=KNOTS.to(weight.dtype))

    return kan_linear


def _layer(kind: str) -> Callable[..., Tensor]:
    def kan_linear(
        x: Tensor, weight: Tensor, bias: Tensor, first: Tensor, second: Tensor
    ) -> Tensor:
        if kind == "mexican_hat":
            weight = weight.unsqueeze(-1) if weight.dim() == 2 else weight
            return longtail.kan_linear(x, weight, kind, bias=bias, params=(first, second))
        return longtail.kan_linear(x, weight, kind, bias=bias, grid=first, params=second)

    return kan_linear


def _basis() -> Callable[..., Tensor]:
    def kan_basis(x: Tensor, first: Tensor, second: Tensor) -> Tensor:
        return longtail.kan_basis(x, "gaussian_rbf", grid=first, params=second)

    return kan_basis


def _hat_sample(generator: torch.Generator, shape: Sequence[int]) -> tuple[Tensor, ...]:
    x, weight, *rest = _layer_sample(1, _edges)(generator, shape)
    return x, weight.squeeze(-1), *rest


def _spec(
    function: Callable[..., Tensor],
    arguments: tuple[str, ...],
    sample: Sample,
    raw: tuple[RawOp, ...],
    **skipped: str,
) -> OpSpec:
    return OpSpec(
        function=function,
        arguments=arguments,
        sample=sample,
        smooth_sample=sample,
        raw=raw,
        autocast=None,
        out=False,
        rounds_once=False,
        elementwise=False,
        parameters=len(arguments) - 1,
        skipped=SKIPPED
        | dict.fromkeys(("opcheck", "fake_agrees"), "x is no matrix; see test_kan.py")
        | skipped,
    )


def _raw(name: str, *constants: object) -> RawOp:
    return RawOp(getattr(torch.ops.longtail, name).default, constants)


GAUSSIAN = KINDS.index("gaussian_rbf")
KAN_SPECS = (
    _spec(_basis(), ("x", "grid", "params"), _basis_sample, (_raw("kan_basis", GAUSSIAN, 0, 0),)),
    _spec(
        _layer("gaussian_rbf"),
        ("x", "weight", "bias", "grid", "params"),
        _layer_sample(CENTRES, _centres),
        (_raw("kan_linear", GAUSSIAN, 0, 0, False),),
    ),
    _spec(
        _layer("mexican_hat"),
        ("x", "weight", "bias", "scale", "shift"),
        _hat_sample,
        (_raw("mexican_hat_linear"),),
    ),
)
SPLINES = _spec(
    _spline_layer(),
    ("x", "weight", "bias"),
    _layer_sample(7, lambda generator: ()),
    (),
)
