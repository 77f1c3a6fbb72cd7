"""Twins in float64 of ntk_attention and pattention, written from the papers' formulas, and what
tests compare with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def phi(x: Tensor) -> Tensor:
    scaled = x / x.shape[-1] ** 0.25
    return torch.where(scaled > 0, scaled + 1, torch.exp(scaled.clamp(max=0)))


def ntk_twin(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    z: Tensor,
    kappa: Tensor,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """The prefix as one more key of each row, whose score is the logarithm of phi(q) |kappa|."""
    scores = torch.einsum("...id,...jd->...ij", q, k) * (scale or q.shape[-1] ** -0.5)
    if is_causal:
        rows, columns = scores.shape[-2:]
        seen = torch.arange(columns) <= torch.arange(rows)[:, None]
        scores = torch.where(seen, scores, torch.tensor(-math.inf, dtype=scores.dtype))
    of_prefix = torch.einsum("...id,...d->...i", phi(q), kappa.abs())
    weights = torch.softmax(torch.cat([scores, of_prefix.log()[..., None]], -1), -1)
    mean = torch.einsum("...id,...dc->...ic", phi(q), z) / of_prefix[..., None]
    attended = torch.einsum("...ij,...jc->...ic", weights[..., :-1], v)
    return attended + weights[..., -1:] * mean


def pattention_twin(x: Tensor, key: Tensor, value: Tensor, tau: float | None = None) -> Tensor:
    """||S||^2 as x^T (K^T K) x; gelu by the error function."""
    tau = math.sqrt(len(key)) if tau is None else tau
    norm = torch.einsum("...i,ij,...j->...", x, key.T @ key, x).sqrt()
    u = tau * (x @ key.T) / norm[..., None]
    return (u * (1 + torch.erf(u / math.sqrt(2))) / 2) @ value


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
    grad = grad.to(torch.bfloat16).to(result.dtype)
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
