"""LONGTAIL_CPU_LEVEL: every level of this machine, and names that are none."""

from __future__ import annotations

import pytest

from kit.processes import printed, run_code
from longtail import _native

VALUE = "float(longtail.special.log_bessel_i(2.5, 1.5))"


@pytest.mark.parametrize("level", _native.available_cpu_levels())
def test_level_can_be_forced(level):
    code = (
        "import json, longtail.special\nfrom longtail import _native\n"
        f"print(json.dumps([_native.cpu_level(), {VALUE}]))"
    )
    used, value = printed(code, LONGTAIL_CPU_LEVEL=level)
    assert used == level
    assert value == pytest.approx(-1.7622277225663173, rel=1e-14)


def test_best_level_is_the_default():
    code = "import json\nfrom longtail import _native\nprint(json.dumps(_native.cpu_level()))"
    assert printed(code, LONGTAIL_CPU_LEVEL="") == _native.available_cpu_levels()[-1]


@pytest.mark.parametrize(
    "call",
    [
        "_native.cpu_level()",
        "special.log_bessel_i(1.0, 2.0)",
        "special.matern(numpy.ones(5, 'f2'), 1)",
        "torch.ops.longtail.log_bessel_k(torch.ones(2), torch.ones(2))",
        "longtail.log_bessel_k(torch.ones(2), torch.ones(2))",
    ],
)
def test_unknown_level_fails_at_the_call_not_at_import(call):
    code = (
        "import longtail, numpy, torch\nfrom longtail import _library, _native, special\n"
        "for _ in range(2):\n"
        f"    try: {call}\n"
        "    except ValueError as error: print(error)\n"
    )
    result = run_code(code, LONGTAIL_CPU_LEVEL="sse9")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert "LONGTAIL_CPU_LEVEL is 'sse9'" in line
        assert "one of: scalar" in line
