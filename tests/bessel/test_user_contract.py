"""What torch's own functions promise, of the log-Bessel functions."""

import pytest

from bessel.metrics import CONTRACT
from bessel.ops import SPECS
from kit import ContractChecks, OpSpec


class TestContract(ContractChecks):
    specs = SPECS


@pytest.mark.parametrize("spec", SPECS, ids=[spec.name for spec in SPECS])
def test_docstring_states_the_contract(spec: OpSpec) -> None:
    """The errors in a docstring are the numbers of csrc/bessel/contract.json."""
    values = CONTRACT["values"][spec.name]
    derivatives = CONTRACT["derivatives"][spec.name]
    says = {
        "E1": "at most ``{} eps max(1, |L|)``",
        "ulp": "at most {} ulp",
        "log_relative": "at most ``{} eps |L| max(1, |log L|)``",
    }
    slope_says = {
        "ulp": "of the derivative in ``{}``, {} ulp",
        "slope": "of the derivative in ``{}``, {} ulp",
        "log_relative": "of the derivative in ``{}``, ``{} eps |d| max(1, |log L|)``",
    }
    first, second = spec.arguments
    expected = [says[each].format(values[each]) for each in values if each in says]
    expected += [slope_says[each].format(second, n) for each, n in derivatives["0,1"].items()]
    expected.append(f"in ``{first}``, ``{derivatives['1,0']['order']} max(|d|,")
    seconds = {derivatives[orders]["second"] for orders in ("2,0", "1,1", "0,2")}
    assert len(seconds) == 1
    expected.append(f"second derivatives {seconds.pop()} in the latter sense".replace("e-0", "e-"))
    text = " ".join((spec.function.__doc__ or "").split())
    missing = [phrase for phrase in expected if phrase not in text]
    assert len(expected) == 4 and not missing, missing
