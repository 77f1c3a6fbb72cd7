"""The small dense problems of GCRO-DR, a batch of them on the CPU.

``G`` is the ``[cols + 1, cols]`` matrix of ``A [U V] = W G``, W orthonormal.
"""

from __future__ import annotations

import torch
from torch import Tensor

#: Directions that A shrinks by more, against the most kept one, are not worth keeping.
_SMALLEST = 1e-10
#: Singular values of G that are rounding errors, against the largest.
_ROUNDING = 1e-15


def pseudo_inverse(G: Tensor) -> Tensor:
    """``G^+``; 0 columns get 0. On the CPU, where the other small problems are solved too.

    By SVD: torch's lstsq leaves the pivots of its QR uninitialised, and so never gives the same
    bits twice.
    """
    return torch.linalg.pinv(G.cpu(), rtol=_ROUNDING)


def harmonic_vectors(G: Tensor, inverse: Tensor, S: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The recycled space of a cycle.

    The harmonic Ritz values nearest 0 solve ``G^H G z = theta G^H S z`` with ``S = W^H [U V]``;
    that is, ``G^+ S z = z / theta`` (Parks et al. 2006, (2.16), without squaring the condition).

    Args:
        G: ``[batch, cols + 1, cols]``.
        inverse: of it, by :func:`pseudo_inverse`.
        S: shaped as G.
        count: of vectors wanted, at most cols.

    Returns:
        Weights of ``[U V]``, ``[batch, cols, count]``, and of W, ``[batch, cols + 1, count]``: the
        new U and its orthonormal image C. Both are 0 in slots that nothing was found for.
    """
    device, real = G.device, not G.is_complex()
    G, S = G.cpu(), S.cpu()
    sizes, vectors = torch.linalg.eig(inverse @ S)
    nearest = sizes.abs().argsort(dim=-1, descending=True, stable=True)[..., :count]
    z = vectors.gather(-1, nearest.unsqueeze(-2).expand(-1, G.shape[-1], -1))
    if real:  # what a complex pair spans together with its conjugate
        z = torch.cat([z.real, z.imag], -1)
    z = torch.linalg.svd(z, full_matrices=False).U[..., :count]
    left, sizes, right = torch.linalg.svd(G @ z, full_matrices=False)
    kept = sizes > _SMALLEST * sizes.amax(-1, keepdim=True)
    scale = torch.where(kept, 1 / torch.where(kept, sizes, 1.0), 0.0).unsqueeze(-2)
    weights = (z @ right.mH) * scale
    return weights.to(device), (left * kept.unsqueeze(-2)).to(device)
