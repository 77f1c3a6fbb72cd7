"""torch's own checks of the raw solves: schema, registration and fake, in both dtypes and all
layouts. (Those of levels are in test_grid_transforms.py, convolutions in test_grid_conv.py.)"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from kit.tensors import same_bits
from kit.twins import VIEWS
from longtail.multigrid import diffusion_stencil

OPS = torch.ops.longtail
CHECKS = ("test_schema", "test_autograd_registration", "test_faketensor")
DIRICHLET, PERIODIC = 0, 8


def calls(dtype: torch.dtype) -> dict[str, tuple[Any, ...]]:
    """Arguments of each, in two and three axes."""
    g = torch.Generator().manual_seed(0)

    def randn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g, dtype=torch.float64)

    f, deep = randn(3, 1, 9, 10).to(dtype)[:, 0], randn(2, 4, 5, 6).to(dtype)
    made = diffusion_stencil(0.5 + randn(3, 9, 10).abs())
    none, faces = torch.empty(0, dtype=torch.float64), made.faces
    poisson = (1.0, 0.1, 0.1, 4, DIRICHLET, DIRICHLET, False, 1e-4, 50)
    of_cells = (0.2, 0.2, 0.2, DIRICHLET, PERIODIC, 4, True, 1e-4, 50)
    solve = (1.0, 0.1, 0.1, 0, 1e-8, 50)
    packed = OPS.diffusion_hierarchy(none, *faces, 1.0, 0.1, 0.1, 0, True)
    return {
        "poisson_solve": (f, f.new_empty(0), *poisson),
        "poisson_solve, initial": (f, 0.01 * f, *poisson),
        "poisson_solve, deep": (deep, deep.new_empty(0), *of_cells),
        "diffusion_solve": (none, *faces, f.double(), none, none.float(), *solve),
        "diffusion_solve, made": (none, *faces, f.double(), f.double(), packed, *solve),
    }


@pytest.mark.parametrize("name", list(calls(torch.float32)))
@pytest.mark.parametrize("layout", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_opcheck(dtype: torch.dtype, layout: Callable[[Tensor], Tensor], name: str) -> None:
    """The checks pass, layouts give the bits of contiguous tensors, fakes have the strides of
    results, which are contiguous; a gradient is refused."""
    if name.startswith("diffusion") and dtype == torch.float32:
        pytest.skip("it computes in float64 alone")
    operator, arguments = getattr(OPS, name.split(",")[0]).default, calls(dtype)[name]
    given = [
        layout(each) if isinstance(each, Tensor) and each.dim() > 2 else each for each in arguments
    ]
    torch.library.opcheck(operator, given, test_utils=CHECKS)
    real, expected = operator(*given), operator(*arguments)
    fakes = operator(*(x.to("meta") if isinstance(x, Tensor) else x for x in given))
    for fake, each, plain in zip(fakes, real, expected, strict=True):
        assert fake.is_meta and each.is_contiguous()
        assert (fake.shape, fake.dtype, fake.stride()) == (each.shape, each.dtype, each.stride())
        assert torch.equal(each, plain) if each.dtype == torch.int64 else same_bits(each, plain)
    last = max(k for k, each in enumerate(given) if isinstance(each, Tensor) and each.dim() > 2)
    given[last] = given[last].clone().requires_grad_()
    with pytest.raises(NotImplementedError, match="longtail.multigrid"):
        operator(*given)
