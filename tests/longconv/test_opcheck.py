"""torch's own checks of every raw op of the family: schema, registration and fake, in all dtypes
and layouts. (Tracing takes a second a call; it is checked beside each op's values.)"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from kit.twins import DTYPES, VIEWS
from longconv.family import ROWS, Sizes
from longconv.test_s4d_registration import calls

OPS = torch.ops.longtail
SIZES = Sizes(2, 3, 11, 5, 4, outputs=2)
CHECKS = ("test_schema", "test_autograd_registration", "test_faketensor")


def _long_conv(dtype: torch.dtype) -> dict[str, tuple[Any, ...]]:
    """With a state, and with taps on what is ahead; the spectrum's order is this machine's."""
    u, gate_in, gate_out, state, k, skip = ROWS["long_conv"].inputs(SIZES, dtype)
    causal = (u, k, k.new_empty(0), skip, gate_in, gate_out, state)
    centred = (u, k, k.flip(-1), skip, u.new_empty(0), gate_out, u.new_empty(0))
    grad = torch.ones_like(gate_out)
    return {
        "long_conv": causal,
        "long_conv, ahead": centred,
        "long_conv_backward": (grad, *causal),
        "long_conv_backward, ahead": (grad, *centred),
        "long_conv_with_spectrum": (*causal, OPS.long_conv_spectrum(k, causal[2], u, True)),
    }


def _short_conv(dtype: torch.dtype) -> dict[str, tuple[Any, ...]]:
    u, state, w, bias = ROWS["short_conv"].inputs(SIZES, dtype)
    arguments = (u, w, bias.unsqueeze(-1), state, True)
    return {
        "short_conv": arguments,
        "short_conv_backward": (torch.ones_like(u), *arguments),
        "short_conv_step": (u[..., 0], w, bias, state, True),
    }


def _all(dtype: torch.dtype) -> dict[str, tuple[Any, ...]]:
    return {**_long_conv(dtype), **_short_conv(dtype), **calls(dtype)}


@pytest.mark.parametrize("name", list(_all(torch.float32)))
@pytest.mark.parametrize("layout", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_opcheck(dtype: torch.dtype, layout: Callable[[Tensor], Tensor], name: str) -> None:
    """The checks pass, the fake has the strides of the results, which are contiguous."""
    operator = getattr(OPS, name.split(",")[0]).default
    arguments = _all(dtype)[name]
    whole = len(arguments) - (name == "long_conv_with_spectrum")
    given = [
        layout(each) if k < whole and isinstance(each, Tensor) and each.dim() > 1 else each
        for k, each in enumerate(arguments)
    ]
    torch.library.opcheck(operator, given, test_utils=CHECKS)
    real = tree_leaves(operator(*given))
    fakes = tree_leaves(operator(*(x.to("meta") if isinstance(x, Tensor) else x for x in given)))
    for fake, each in zip(fakes, real, strict=True):
        assert fake.is_meta and each.is_contiguous()
        assert (fake.shape, fake.dtype, fake.stride()) == (each.shape, each.dtype, each.stride())
