"""Kullback-Leibler divergences on the sphere, registered with torch.distributions."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.distributions.kl import register_kl

from longtail.distributions._normaliser import log_hyp, mean_length, mean_versine, psi
from longtail.distributions._sphere import versine, wide
from longtail.distributions.uniform import HypersphericalUniform
from longtail.distributions.von_mises_fisher import VonMisesFisher


def _check_same_dimension(p: Distribution, q: Distribution) -> None:
    if p.event_shape != q.event_shape:
        raise ValueError(
            "kl_divergence: expected distributions of one dimension, "
            f"got {p.event_shape[0]} and {q.event_shape[0]}"
        )


def _kl_vmf_vmf(p: VonMisesFisher, q: VonMisesFisher) -> Tensor:
    """KL = A(k1)(k1 - k2 mu1.mu2) - log H(k1) + log H(k2).

    With D = 1 - mu1.mu2 it is A(k1) k2 D plus a Bregman divergence of log H, or, the same, of
    -psi: the first form keeps its digits at small k, the second at large k.
    """
    _check_same_dimension(p, q)
    dim = p.event_shape[0]
    k1, k2 = torch.broadcast_tensors(p._k, q._k)
    small = log_hyp(dim, k2) - log_hyp(dim, k1) - (k2 - k1) * mean_length(dim, k1)
    large = psi(dim, k1) - psi(dim, k2) + (k2 - k1) * mean_versine(dim, k1)
    between = versine(wide(p.loc), wide(q.loc)).double()
    spread = torch.where(k1 < dim, small, large)
    # Rounding may leave -1e-17; the derivatives (the second is the Fisher information) stay.
    spread = spread + (spread.clamp_min(0.0) - spread).detach()
    result: Tensor = spread + mean_length(dim, k1) * k2 * between
    return result.to(torch.promote_types(p._dtype, q._dtype))


def _kl_vmf_uniform(p: VonMisesFisher, q: HypersphericalUniform) -> Tensor:
    """KL = k A(k) - log H(k) = psi(k) - k (1 - A(k))."""
    _check_same_dimension(p, q)
    dim, k = p.event_shape[0], p._k
    small = k * mean_length(dim, k) - log_hyp(dim, k)
    large = psi(dim, k) - k * mean_versine(dim, k)
    result = torch.where(k < dim, small, large)
    return result.to(torch.promote_types(p._dtype, q.dtype)).expand(
        torch.broadcast_shapes(p.batch_shape, q.batch_shape)
    )


def _kl_uniform_vmf(p: HypersphericalUniform, q: VonMisesFisher) -> Tensor:
    """KL = log H(k): the uniform mean of k mu.x is 0."""
    _check_same_dimension(p, q)
    result = log_hyp(q.event_shape[0], q._k)
    return result.to(torch.promote_types(p.dtype, q._dtype)).expand(
        torch.broadcast_shapes(p.batch_shape, q.batch_shape)
    )


def _kl_uniform_uniform(p: HypersphericalUniform, q: HypersphericalUniform) -> Tensor:
    """KL = 0."""
    _check_same_dimension(p, q)
    shape = torch.broadcast_shapes(p.batch_shape, q.batch_shape)
    return torch.zeros(shape, dtype=torch.promote_types(p.dtype, q.dtype), device=p.device)


register_kl(VonMisesFisher, VonMisesFisher)(_kl_vmf_vmf)
register_kl(VonMisesFisher, HypersphericalUniform)(_kl_vmf_uniform)
register_kl(HypersphericalUniform, VonMisesFisher)(_kl_uniform_vmf)
register_kl(HypersphericalUniform, HypersphericalUniform)(_kl_uniform_uniform)
