"""Functions of several tensors beside a twin in float64: results, gradients, other strides."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def close(got: Tensor, exact: Tensor, eps: float) -> None:
    """Within eps of the largest element."""
    assert got.shape == exact.shape
    if exact.numel():
        error = (got.detach().double() - exact.detach()).abs().max()
        assert error <= eps * exact.detach().abs().max(), f"{float(error / exact.abs().max()):.1e}"


def with_gradients(
    function: Callable[..., Tensor], tensors: Sequence[Tensor], seed: int = 3
) -> list[Tensor]:
    """The result and the gradients of all tensors, for a random gradient of the result."""
    leaves = [each.detach().clone().requires_grad_() for each in tensors]
    result = function(*leaves)
    generator = torch.Generator().manual_seed(seed)
    grad = torch.randn(result.shape, generator=generator, dtype=torch.float64)
    # Rounded as the narrowest of the tensors would round it, so that twins get the same.
    grad = grad.to(torch.bfloat16).to(result)  # its dtype and device
    return [result.detach(), *torch.autograd.grad(result, leaves, grad)]


def compare(
    function: Callable[..., Tensor],
    twin: Callable[..., Tensor],
    tensors: Sequence[Tensor],
    eps: Callable[[torch.dtype], float],
) -> None:
    """Output and all gradients beside those of the twin at the same numbers in float64."""
    got = with_gradients(function, tensors)
    expected = with_gradients(twin, [each.double() for each in tensors])
    for mine, exact in zip(got, expected, strict=True):
        close(mine, exact, eps(mine.dtype))


def randn(generator: torch.Generator, dtype: torch.dtype, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


def _cut(tensor: Tensor) -> Tensor:
    """Out of a larger tensor, with steps between elements."""
    large = tensor.new_zeros(*(2 * size + 3 for size in tensor.shape))
    view = large[tuple(slice(1, 1 + 2 * size, 2) for size in tensor.shape)]
    return view.copy_(tensor)


def _offset(tensor: Tensor) -> Tensor:
    """Contiguous, one element into its memory."""
    view = tensor.new_zeros(tensor.numel() + 1)[1:].view(tensor.shape)
    return view.copy_(tensor)


#: The same numbers with other strides, for tensors of two and more dimensions.
VIEWS: dict[str, Callable[[Tensor], Tensor]] = {
    "contiguous": torch.clone,
    "columns first": lambda tensor: tensor.mT.contiguous().mT,
    "permuted": lambda t: (
        t.permute(*range(t.dim() - 1, -1, -1)).contiguous().permute(*range(t.dim() - 1, -1, -1))
    ),
    "cut": _cut,
    "offset": _offset,
}
