"""Tables of bad input: what each case gives, checked, and printed on request.

Run ``pytest -k bad_input -s`` to see the table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

_table: list[tuple[str, str]] = []


@dataclass(frozen=True)
class Raises:
    """An error of exactly this type, whose message has all of the words."""

    error: type[Exception]
    words: tuple[str, ...]

    def __init__(self, error: type[Exception], *words: str) -> None:
        object.__setattr__(self, "error", error)
        object.__setattr__(self, "words", words)


@dataclass(frozen=True)
class Gives:
    """Elements of this value (nan equals nan), never an error."""

    value: float


@dataclass(frozen=True)
class BadInput:
    """One case.

    Attributes:
        label: the call as a reader would write it.
        call: makes the call. It gets no argument, so nothing is shared between cases.
        outcome: what must happen.
    """

    label: str
    call: Callable[[], Any]
    outcome: Raises | Gives


def check(case: BadInput) -> None:
    """Make the call and note the outcome for the table."""
    if isinstance(case.outcome, Gives):
        result = torch.as_tensor(case.call())
        expected = torch.full_like(result, case.outcome.value)
        _table.append((case.label, f"{result.flatten()[0].item()}"))
        torch.testing.assert_close(result, expected, rtol=0, atol=0, equal_nan=True)
        return
    with pytest.raises(case.outcome.error) as caught:
        case.call()
    error = caught.value
    _table.append((case.label, f"{type(error).__name__}: {error}"))
    assert type(error) is case.outcome.error
    missing = [word for word in case.outcome.words if word not in str(error)]
    assert not missing, f"{error} does not say {missing}"


def parametrize(cases: Sequence[BadInput]) -> pytest.MarkDecorator:
    """``@parametrize(CASES)`` above ``def test_bad_input(case): check(case)``."""
    return pytest.mark.parametrize("case", cases, ids=[case.label for case in cases])


def cases_of(function: Callable[..., Any], **defaults: Any) -> Callable[..., BadInput]:
    """Makes cases of calls of a function or class with these arguments, but for what is wrong:
    ``case(label, error, *words, **changes)``; the words of the error, which also names it."""
    name = function.__name__

    def case(label: str, error: type[Exception], *words: str, **changes: Any) -> BadInput:
        arguments = defaults | changes
        return BadInput(
            f"{name}({label})", lambda: function(**arguments), Raises(error, name, *words)
        )

    return case


def binary_cases(function: Callable[..., Tensor], first: str, second: str) -> list[BadInput]:
    """What every element-wise function of two tensors owes its caller."""
    name = function.__name__
    x = torch.ones(3)
    cases: list[BadInput] = []

    def add(arguments: str, call: Callable[[], Any], error: type[Exception], *words: str) -> None:
        cases.append(BadInput(f"{name}({arguments})", call, Raises(error, name, *words)))

    both = ((first, lambda bad: function(bad, x)), (second, lambda bad: function(x, bad)))
    for argument, call in both:
        for label, bad, kind in (
            ("complex64", x.cfloat(), TypeError),
            ("float8_e4m3fn", x.to(torch.float8_e4m3fn), TypeError),
            ("sparse_coo", x.to_sparse(), NotImplementedError),
        ):
            add(f"{argument}: {label}", lambda bad=bad, call=call: call(bad), kind, argument, label)
        for bad in ("1", None, [1.0], 1j):
            kind_name = type(bad).__name__
            add(
                f"{argument}={bad!r}",
                *(lambda bad=bad, call=call: call(bad), TypeError, argument, kind_name),
            )
        array = x.numpy()
        add(
            f"{argument}=ndarray",
            *(lambda call=call, array=array: call(array), TypeError, argument, "ndarray"),
        )
        add(
            f"{argument}=10**400",
            *(lambda call=call: call(10**400), ValueError, argument, "too large"),
        )
    add("1.0, 2.0", lambda: function(1.0, 2.0), TypeError, first, second, "longtail.special")
    add(
        "[3], [2]", lambda: function(x, x[:2]), ValueError, first, second, "[3]", "[2]", "broadcast"
    )
    add(
        "[2, 3], [3, 2]", lambda: function(x.expand(2, 3), x[:2].expand(3, 2)), ValueError, "[3, 2]"
    )
    add("cpu, meta", lambda: function(x, x.to("meta")), ValueError, first, second, "cpu", "meta")
    add("out=int32", lambda: function(x, x, out=x.int()), TypeError, "out", "int32", "float32")
    add("out=list", lambda: function(x, x, out=[0.0] * 3), TypeError, "out", "list")
    add("out=meta", lambda: function(x, x, out=x.to("meta")), ValueError, "out", "meta", "cpu")
    add("out=sparse", lambda: function(x, x, out=x.to_sparse()), NotImplementedError, "out")
    add(
        "out=expanded",
        *(lambda: function(x, x, out=torch.ones(1).expand(3)), ValueError, "out", "memory"),
    )
    add("out requires grad", *_out_with_gradient(function, x))
    cases.append(
        BadInput(
            f"{name}(one argument)",
            lambda: function(x),
            Raises(TypeError, name, "missing", second),
        )
    )
    cases.append(
        BadInput(
            f"{name}(unknown=1)",
            lambda: function(x, x, unknown=1),
            Raises(TypeError, name, "unexpected keyword argument", "unknown"),
        )
    )
    return cases


def _out_with_gradient(function: Callable[..., Tensor], x: Tensor) -> tuple[Any, ...]:
    def call() -> Tensor:
        return function(x, x, out=x.clone().requires_grad_())

    return call, RuntimeError, "differentiation"


def print_table(terminal: pytest.TerminalReporter) -> None:
    """At the end of a run with ``-s``: every case and what it gave."""
    if not _table or terminal.config.getoption("capture") != "no":
        return
    terminal.section(f"bad input: {len(_table)} cases")
    for label, outcome in _table:
        terminal.write_line(f"{label}\n    {outcome}")
