"""Docstrings and csrc/longconv/contract.json say the same."""

from __future__ import annotations

import re

import pytest

import longtail
from longconv.contract import CONTRACT

#: By line of the contract: what of a docstring speaks of it.
CLAIMS = {
    "long_conv": (longtail.long_conv, r"Largest error relative to the norm of a row: (.*?)\. It"),
    "s4d_kernel": (longtail.s4d_kernel, r"Largest error relative to the norm of a row: (.*?)\. "),
    "s4d": (longtail.s4d, r"Largest error relative to the norm of a row: (.*?)\. "),
    "s4d_modes": (longtail.s4d, r"All agree to (.*?)\. "),
    "s4d_step": (longtail.s4d_step, r"is that of ``s4d`` to (.*?)\. "),
    "short_conv": (longtail.short_conv, r"relative to the largest result: (.*?)\. "),
    "butterfly_conv": (longtail.butterfly_conv, r"over the largest result: (.*?)\. "),
}


@pytest.mark.parametrize("line", CLAIMS)
def test_docstring(line: str) -> None:
    """Every number of the line is in the sentence, beside its dtype, and no other."""
    function, sentence = CLAIMS[line]
    text = " ".join((function.__doc__ or "").split()) + " "
    found = re.search(sentence, text)
    assert found is not None
    claimed = {dtype: float(number) for number, dtype in CLAIM.findall(found[1])}
    assert claimed == CONTRACT[line]


CLAIM = re.compile(r"([0-9.]+e-\d+) in (\w+)")
