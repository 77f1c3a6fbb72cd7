"""What a Krylov method sees of a problem: products, rounding, and when to stop."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from longtail._krylov_operators import Product
from longtail._krylov_vectors import Shape
from longtail._progress import Report

#: Iterations between two looks at a flag on a GPU, each of which waits for it. Items that are done
#: stay as they are, so looking later changes no result.
_STEPS_BETWEEN_LOOKS = 8


class Flaw(enum.IntEnum):
    """Why a method cannot go on with a problem."""

    NONE = 0
    CURVATURE = 1
    PRECONDITIONER = 2
    BREAKDOWN = 3


class Correction(NamedTuple):
    """What a method adds to x, wide ``[batch, n]``; iterations and flaws are ``[batch, 1]``."""

    x: Tensor
    iterations: Tensor
    flaw: Tensor


@dataclass(frozen=True)
class System:
    """A and M of a batch of problems, on flat wide vectors ``[batch, n]``.

    Attributes:
        name: of the public function, for messages.
        shape: of b.
        times: product with A in b's dtype, in the shape of b.
        times_wide: the same in float64.
        preconditioner: product with M, or None.
    """

    name: str
    shape: Shape
    times: Product
    times_wide: Product
    preconditioner: Product | None

    def product(self, x: Tensor) -> Tensor:
        """``A x``; x is rounded already."""
        return self._call("A", self.times, x)

    def precondition(self, x: Tensor) -> Tensor:
        """``M x``."""
        if self.preconditioner is None:
            return x
        return self._call("preconditioner", self.preconditioner, x)

    def residual(self, b: Tensor, x: Tensor) -> Tensor:
        """``b - A x`` in float64."""
        return b - self._flat("A", self.times_wide(self.shape.full(x)))

    def rounded(self, x: Tensor) -> Tensor:
        """x as A sees it."""
        return self.shape.rounded(x)

    def _call(self, what: str, product: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        return self._flat(what, product(self.shape.full(x).to(self.shape.dtype)))

    def _flat(self, what: str, y: Tensor) -> Tensor:
        expected = self.shape.batch + self.shape.item
        if not isinstance(y, Tensor):
            raise TypeError(f"{self.name}: {what} returned {type(y).__name__}, expected a tensor")
        if y.shape != expected:
            raise ValueError(
                f"{self.name}: {what} returned shape {list(y.shape)} for one of {list(expected)}, "
                "expected the same shape"
            )
        if y.is_complex() and not self.shape.dtype.is_complex:
            raise TypeError(
                f"{self.name}: {what} returned {y.dtype} for {self.shape.dtype}: give b as a "
                "complex tensor"
            )
        return self.shape.flat(y)


class Watch:
    """Counts steps of a batch and looks, as seldom as the device likes, whether all is done.

    Args:
        limit: steps at most, over all corrections.
        scale: ``||b||`` of each problem.
        report: called at each look, or None.
    """

    def __init__(self, limit: int, scale: Tensor, report: Report | None) -> None:
        self.limit, self.steps = limit, 0
        self._scale, self._report = scale, report
        self._between = _STEPS_BETWEEN_LOOKS if scale.is_cuda else 1
        self._size: Tensor | None = None

    @property
    def out_of_steps(self) -> bool:
        """Whether the limit is reached."""
        return self.steps >= self.limit

    def go_on(self, active: Tensor, look: bool = False) -> bool:
        """Whether to do one more step; ``look``: now is a good time to wait for the device."""
        if self.out_of_steps:
            return False
        if self.steps % self._between and not look:
            return True
        if self._report is not None and self._size is not None:
            worst = float((self._size / self._scale).nan_to_num(0.0).max())
            self._report(self.steps, self.limit, f"residual {worst:.1e}")
        return bool(active.any())

    def step(self, size: Tensor) -> None:
        """One step is done; ``size``: norms of the residuals."""
        self.steps += 1
        self._size = size


class Method(ABC):
    """A Krylov method on a system, which may learn from one correction for the next."""

    def __init__(self, system: System) -> None:
        self.system = system

    @abstractmethod
    def correct(self, r: Tensor, target: Tensor, watch: Watch) -> Correction:
        """An approximate solution of ``A d = r`` with ``||r - A d|| <= target`` in each item."""

    def recycled(self) -> Tensor | None:
        """The space to hand to the next problem, ``[batch, k, n]``."""
        return None
