"""The straight-through gradient beside float64 SDPA's own, at the quantised inputs."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import longtail
from attention.cases import VARIANTS, Shape, draw, label, options
from attention.emulation import Variant, bias_of, quantise_head, rotated

SHAPES = (Shape(2, 4, 2, 130, 150, 32, 24), Shape(1, 2, 2, 67, 40, 72, 16))
MODES = ("plain", "top_left", "bottom_right", "bool mask", "number mask")


def unrotated(x: Tensor, variant: Variant) -> Tensor:
    """Sylvester's matrix is symmetric and, so scaled, its own inverse. Channels that were padded
    stay: what quantising put there is part of the scores."""
    return x @ rotated(torch.eye(x.shape[1])).double() if variant.rotate else x


def padded(x: Tensor, like: Tensor) -> Tensor:
    """x with zeros up to the channels of `like`."""
    return torch.nn.functional.pad(x, (0, like.shape[-1] - x.shape[-1]))


def sdpa_gradients(
    inputs: tuple[Tensor, ...],
    grad: Tensor,
    grad_lse: Tensor,
    bias: Tensor,
    variant: Variant,
) -> list[Tensor]:
    """Autograd of exact attention at q^, k^, v^, float64, one head of q at a time.

    What smoothing q adds beyond q^ k^ (the mean's product with what quantising took from k) enters
    as a constant bias.
    """
    q, k, v = inputs
    share = q.shape[1] // k.shape[1]
    scale = 1 / math.sqrt(q.shape[3])
    results = [torch.zeros(each.shape, dtype=torch.float64) for each in inputs]
    for b in range(q.shape[0]):
        for h in range(q.shape[1]):
            head = quantise_head(q[b, h], k[b, h // share], v[b, h // share], variant)
            q_less, k_less = (unrotated(each, variant) for each in (head.q, head.k))
            q_mean, k_mean = (padded(each, q_less) for each in (head.q_mean, head.k_mean))
            rest = scale * q_mean @ (padded(head.k_smooth, k_less) - k_less).T
            leaves = [q_less + q_mean, k_less + k_mean, head.v]
            leaves = [each.detach().clone().requires_grad_() for each in leaves]
            constant = bias[b, h] + rest
            seen = (constant != -math.inf).any(1)
            sees, constant = leaves[0][seen], constant[seen]
            out = torch.nn.functional.scaled_dot_product_attention(
                sees, *leaves[1:], constant, scale=scale
            )
            lse = torch.logsumexp(scale * sees @ leaves[1].T + constant, -1)
            loss = (out * grad[b, h, seen]).sum() + (lse * grad_lse[b, h, seen]).sum()
            for result, at, part in zip(
                results, (h, h // share, h // share), torch.autograd.grad(loss, leaves), strict=True
            ):
                result[b, at] += part[:, : result.shape[3]]
    return results


def masked(mode: str, shape: Shape) -> tuple[str, Tensor | None]:
    """Causality and mask of a mode."""
    generator = torch.Generator().manual_seed(2)
    sizes = (shape.batch, 1, shape.rows, shape.keys)
    if mode == "bool mask":
        mask = torch.rand(sizes, generator=generator) > 0.3
        mask[:, :, 5] = False
        return "", mask
    if mode == "number mask":
        return "", torch.randn(sizes, generator=generator)
    return "" if mode == "plain" else mode, None


@pytest.mark.parametrize("variant", VARIANTS, ids=label)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))
def test_gradient_is_sdpas_at_the_quantised_inputs(
    variant: Variant, mode: str, shape: Shape
) -> None:
    """In q, k and v, through the output and the log-sum-exp."""
    inputs = tuple(each.requires_grad_() for each in draw(shape))
    causal, mask = masked(mode, shape)
    out, lse = longtail.quantized_attention(*inputs, mask, **options(variant, causal))
    grad, grad_lse = torch.randn_like(out), torch.randn_like(lse)
    seen = lse != -math.inf
    loss = (out * grad).sum() + (lse[seen] * grad_lse[seen]).sum()
    got = torch.autograd.grad(loss, inputs)
    sizes = (shape.batch, shape.heads, shape.rows, shape.keys)
    plain = tuple(each.detach() for each in inputs)
    expected = sdpa_gradients(
        plain, grad.double(), grad_lse.double(), bias_of(mask, causal, sizes), variant
    )
    for one, other in zip(got, expected, strict=True):
        error = (one.double() - other).abs().max() / other.abs().max()
        assert error < 3e-5, error


def test_gradient_of_packed_sequences() -> None:
    """That of each sequence by itself."""
    rows, keys = [3, 130, 0, 60], [65, 129, 5, 61]
    q, k, v = (
        x[0].transpose(0, 1).contiguous().requires_grad_()
        for x in draw(Shape(1, 4, 2, sum(rows), sum(keys), 40, 24))
    )
    ends = [torch.tensor([0, *each]).cumsum(0) for each in (rows, keys)]
    keywords = options(Variant("int4", "qk"), "bottom_right")
    out, lse = longtail.quantized_attention_varlen(q, k, v, *ends, 130, 129, **keywords)
    grad, grad_lse = torch.randn_like(out), torch.randn_like(lse)
    got = torch.autograd.grad((out, lse), (q, k, v), (grad, grad_lse))
    for i in range(len(rows)):
        of_q, of_k = (slice(each[i], each[i + 1]) for each in ends)
        parts = [x.transpose(0, 1) for x in (q[of_q], k[of_k], v[of_k])]
        one, one_lse = longtail.quantized_attention(*parts, **keywords)
        expected = torch.autograd.grad(
            (one, one_lse), parts, (grad[of_q].transpose(0, 1), grad_lse[:, of_q])
        )
        for tensor, part, place in zip(got, expected, (of_q, of_k, of_k), strict=True):
            assert torch.equal(tensor[place].transpose(0, 1), part)


def test_only_what_is_asked_for() -> None:
    """One gradient alone, half precision, and an incoming gradient of stride 0."""
    q, k, v = draw(Shape(1, 2, 1, 20, 30, 16, 16), torch.bfloat16)
    v.requires_grad_()
    longtail.quantized_attention(q, k, v, enable_gqa=True).sum().backward()
    assert v.grad is not None and v.grad.dtype == torch.bfloat16
    assert (v.grad.float().sum() / (2 * 20 * 16) - 1).abs() < 0.01  # weights of a row sum to one


def test_rows_are_taken_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same gradient in many steps as in one."""
    from longtail import _attention_gradient

    inputs = tuple(each.requires_grad_() for each in draw(SHAPES[0]))
    keywords = options(Variant("int8", "qk"), "bottom_right")

    def gradients() -> tuple[Tensor, ...]:
        out, lse = longtail.quantized_attention(*inputs, **keywords)
        return torch.autograd.grad(out.square().sum() + lse.sum(), inputs)

    whole = gradients()
    monkeypatch.setattr(_attention_gradient, "_SCORES", 2 * 4 * 150 * 7)
    for one, other in zip(gradients(), whole, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_no_second_derivative_and_no_forward_mode() -> None:
    """Both raise a sentence instead of giving a silent zero."""
    inputs = tuple(each.requires_grad_() for each in draw(SHAPES[1]))
    out = longtail.quantized_attention(*inputs)
    (first,) = torch.autograd.grad(out.square().sum(), inputs[0], create_graph=True)
    with pytest.raises(NotImplementedError, match=r"quantized_attention.*straight-through"):
        first.sum().backward()
    plain = tuple(each.detach() for each in inputs)
    with pytest.raises(NotImplementedError, match="forward-mode"):
        torch.func.jvp(lambda q: longtail.quantized_attention(q, *plain[1:]), plain[:1], plain[:1])


def test_func_transforms() -> None:
    """torch.func: grad, vjp and vmap over them."""
    q, k, v = draw(Shape(3, 2, 2, 20, 30, 16, 16))

    def loss(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return longtail.quantized_attention(q, k, v).square().sum()

    leaves = tuple(each.clone().requires_grad_() for each in (q, k, v))
    expected = torch.autograd.grad(loss(*leaves), leaves)
    for one, other in zip(torch.func.grad(loss, (0, 1, 2))(q, k, v), expected, strict=True):
        torch.testing.assert_close(one, other)
    by_sample = torch.func.vmap(torch.func.grad(loss, (0, 1, 2)))(q, k, v)
    for one, other in zip(by_sample, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    shared = torch.func.vmap(torch.func.grad(loss), in_dims=(0, None, None))(q, k[0], v[0])
    torch.testing.assert_close(shared[0], expected[0][0], rtol=1e-4, atol=1e-5)


def test_a_network_learns_through_it() -> None:
    """One attention layer learns to pick the value under the key it is asked for."""
    generator = torch.Generator().manual_seed(0)
    keys = torch.randn(64, 12, 16, generator=generator)
    values = torch.randn(64, 12, 4, generator=generator)
    wanted = torch.randint(12, (64,), generator=generator)
    ask, answer = keys[range(64), wanted], values[range(64), wanted]

    def train(attention: Callable[..., Tensor]) -> float:
        torch.manual_seed(0)
        layers = torch.nn.ModuleList([torch.nn.Linear(16, 16) for _ in range(2)])
        optimizer = torch.optim.Adam(layers.parameters(), 0.02)
        loss = torch.zeros(())
        for _ in range(120):
            q, k = layers[0](ask)[:, None, None], layers[1](keys)[:, None]
            out = attention(q, k, values[:, None])
            loss = (out[:, 0, 0] - answer).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss.item()

    mean = (values.mean(1) - answer).square().mean().item()
    quantised = train(longtail.quantized_attention)
    exact = train(torch.nn.functional.scaled_dot_product_attention)
    assert quantised < 0.15 * mean and quantised < exact + 0.05 * mean, (quantised, exact, mean)
