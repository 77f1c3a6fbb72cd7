"""What a test needs to know about an op."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

# (generator, shape) -> float64 tensors of that shape, one per tensor argument, inside the domain.
Sample = Callable[[torch.Generator, Sequence[int]], tuple[Tensor, ...]]

FLOATING = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


class Gradient(enum.Enum):
    """The gradient class that an op's contract states."""

    EXACT_TWICE = "exact, and again; a third derivative raises"
    STRAIGHT_THROUGH = "straight-through: checked analytically, one derivative"
    NONE = "none: an input that requires a gradient raises"


@dataclass(frozen=True)
class RawOp:
    """One operator of torch.ops.longtail and its arguments after the tensors."""

    overload: torch._ops.OpOverload
    constants: tuple[Any, ...] = ()
    takes_gradient: bool = False  # its first tensor is the gradient of the first argument's shape

    def __call__(self, *tensors: Tensor, **kwargs: Any) -> Tensor:
        return self.overload(*tensors, *self.constants, **kwargs)

    def inputs(self, spec: OpSpec, shape: Sequence[int], dtype: torch.dtype) -> tuple[Tensor, ...]:
        """Those of the public function, after a gradient where the op takes one."""
        tensors = spec.inputs(shape, dtype)
        return (torch.ones_like(tensors[0]), *tensors) if self.takes_gradient else tensors

    def __str__(self) -> str:
        return "_".join([self.overload.name().split("::")[1], *map(str, self.constants)])


@dataclass(frozen=True)
class OpSpec:
    """The description of an op from which the kit makes its whole test matrix.

    Attributes:
        function: the public function of ``len(arguments)`` tensors.
        arguments: their names, as error messages use them.
        sample: elements over the whole working range.
        smooth_sample: elements where finite differences work, for gradcheck.
        raw: the raw ops behind the function, the one with its values first.
        reference: the value at one element, correctly rounded to float64; None for an op that is
            not element-wise, whose own tests compare tensors.
        error_bound: (value, dtype) -> largest absolute error that the contract allows.
        edges: arguments at and beyond the border of the domain, with the values they must give.
        gradient: the gradient class.
        dtypes: of the arguments; results have the same.
        autocast: dtype that half precision becomes under autocast; None: it stays.
        out: whether the function has ``out=``.
        rounds_once: whether narrow dtypes are computed in float64 and rounded once.
        elementwise: whether every element's bits depend on that element only.
        parameters: how many of the last arguments are parameters, whose shape is their own.
        skipped: name of a check -> why this op has an empty cell there.
    """

    function: Callable[..., Tensor]
    arguments: tuple[str, ...]
    sample: Sample
    smooth_sample: Sample
    raw: tuple[RawOp, ...]
    reference: Callable[..., float] | None = None
    error_bound: Callable[[float, torch.dtype], float] | None = None
    edges: Mapping[tuple[float, ...], float] = field(default_factory=dict)
    gradient: Gradient = Gradient.EXACT_TWICE
    dtypes: tuple[torch.dtype, ...] = FLOATING
    autocast: torch.dtype | None = torch.float32
    out: bool = True
    rounds_once: bool = True
    elementwise: bool = True
    parameters: int = 0
    skipped: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.function.__name__

    def inputs(
        self, shape: Sequence[int], dtype: torch.dtype = torch.float64, seed: int = 0
    ) -> tuple[Tensor, ...]:
        """Contiguous arguments of one shape and dtype, the same for the same seed."""
        generator = torch.Generator().manual_seed(seed)
        return tuple(tensor.to(dtype) for tensor in self.sample(generator, shape))

    def smooth_inputs(self, shape: Sequence[int], seed: int = 0) -> tuple[Tensor, ...]:
        """float64 arguments that require a gradient."""
        generator = torch.Generator().manual_seed(seed)
        tensors = self.smooth_sample(generator, shape)
        return tuple(tensor.double().requires_grad_() for tensor in tensors)
