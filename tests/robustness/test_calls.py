"""Every public function and module of every family from eight threads at once, in forked workers,
in inference mode, and ten thousand times."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kit.calls import Call, all_operators, operators_of
from kit.many import check_forked, check_inference, check_threads, growth
from kit.processes import run_script
from robustness.census import CALLS
from robustness.leaks import too_much

#: Operators that no call shows, and why.
BENEATH = {"quantized_attention_inputs": "called by the kernel of quantized_attention_backward"}
ALL = [pytest.param(f, n, id=f"{f}-{n}") for f, calls in CALLS.items() for n in calls]
every_call = pytest.mark.parametrize(("family", "name"), ALL)
families = pytest.mark.parametrize("family", CALLS)


def test_every_operator_is_called() -> None:
    """A new operator is in the census, or this fails."""
    called = operators_of(call for calls in CALLS.values() for call in calls.values())
    toys = {name for name in all_operators() if name.startswith("kit_toy")}
    assert called | set(BENEATH) == all_operators() - toys
    assert not called & set(BENEATH)


@every_call
def test_eight_threads(family: str, name: str) -> None:
    check_threads(CALLS[family][name])


@every_call
def test_inference_mode(family: str, name: str) -> None:
    check_inference(CALLS[family][name])


@families
def test_forked_workers(family: str) -> None:
    check_forked(CALLS[family])


@families
def test_memory_stays(family: str) -> None:
    run_script("robustness.leaks", family, "40", timeout=900)


@pytest.mark.full
@families
def test_memory_stays_for_ten_thousand_calls(family: str) -> None:
    run_script("robustness.leaks", family, "10000", timeout=7200)


def test_the_checks_notice() -> None:
    """Shared state without a lock, another process, memory that is kept."""
    x = torch.ones(1000)
    shared = torch.zeros(1000)

    def racing(x: Tensor) -> Tensor:
        shared.zero_()
        for _ in range(50):
            shared.add_(x)
        return shared.clone()

    with pytest.raises(AssertionError, match="beside other threads"):
        check_threads(Call(racing, [x], differentiable=False), repeats=50)

    import os

    here = os.getpid()
    elsewhere = Call(lambda x: x + (os.getpid() == here), [x], differentiable=False)
    with pytest.raises(AssertionError, match="forked worker"):
        check_forked({"elsewhere": elsewhere})

    kept = []

    def keeping(x: Tensor) -> Tensor:
        kept.append(x.clone())
        return x + 1

    # A megabyte, since what earlier tests left behind may be freed at the same time.
    leaked, _ = growth(Call(keeping, [x], differentiable=False), repeats=250)
    assert leaked >= 3000
    assert too_much(leaked, 0)
