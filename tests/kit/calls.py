"""A public function, module or object as one call that can be repeated: in threads, in other
processes, ten thousand times.

``of_specs`` and ``of_rows`` make calls of what the families describe to the kit already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from kit.functions import results_and_gradients
from kit.spec import OpSpec
from kit.tensors import Same, all_bits, results


@dataclass(frozen=True)
class Call:
    """What is called, and with what.

    Attributes:
        function: of the tensors, to a tensor or several.
        tensors: float32 or float64.
        differentiable: whether gradients are taken too.
        same: which results count as the same.
    """

    function: Callable[..., Any]
    tensors: Sequence[Tensor] = field(repr=False)
    differentiable: bool = True
    same: Same = all_bits

    def forward(self) -> list[Tensor]:
        with torch.no_grad():
            return results(self.function, *self.tensors)

    def __call__(self) -> list[Tensor]:
        """Results, and gradients where there are any."""
        if not self.differentiable:
            return self.forward()
        return results_and_gradients(self.function, self.tensors)


def of_specs(specs: Iterable[OpSpec], shape: Sequence[int] = (3,)) -> dict[str, Call]:
    """One for each; those of one name are told apart by number."""
    calls: dict[str, Call] = {}
    for spec in specs:
        name = spec.name
        if name in calls:
            name = f"{name}, {sum(each.split(',')[0] == name for each in calls) + 1}"
        calls[name] = Call(spec.function, spec.inputs(shape, torch.float32))
    return calls


def of_rows(
    rows: Mapping[str, Any],
    tensors: Callable[[Any], list[Tensor]],
    same: Callable[[Any], Same] = lambda row: all_bits,
) -> dict[str, Call]:
    """Of a family's rows with a ``call``."""
    return {name: Call(row.call, tensors(row), same=same(row)) for name, row in rows.items()}


def of_module(module: torch.nn.Module, *shape: int, seed: int = 0) -> Call:
    """One module that all threads share."""
    generator = torch.Generator().manual_seed(seed)
    return Call(module.eval(), [torch.randn(shape, generator=generator)])


class _Note(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.namespace == "longtail":
            self.seen.add(func.name().removeprefix("longtail::"))
        return func(*args, **(kwargs or {}))


def operators_of(calls: Iterable[Call]) -> set[str]:
    """The raw operators that they reach, with gradients and without."""
    with _Note() as note:
        for call in calls:
            call()
            call.forward()
    return note.seen


def all_operators() -> set[str]:
    """Every operator of torch.ops.longtail, its overload in the name as torch writes it."""
    names = torch._C._dispatch_get_all_op_names()
    return {n.removeprefix("longtail::") for n in names if n.startswith("longtail::")}
