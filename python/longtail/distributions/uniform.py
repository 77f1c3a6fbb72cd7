"""The uniform distribution on the unit sphere."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution

from longtail.distributions._sphere import (
    DTYPES,
    Shape,
    as_generator,
    check_vectors,
    log_sphere_area,
    random_directions,
    sphere,
)


class HypersphericalUniform(Distribution):
    """Uniform on the unit sphere S^(dim-1) = {x in R^dim : |x| = 1}.

    log_prob(x) = -log S_(dim-1) = -(log 2 + (dim/2) log pi - lgamma(dim/2)). It is
    ``VonMisesFisher`` at concentration 0, and the entropy maximum on the sphere.

    Args:
        dim: the ambient dimension p >= 2, the length of a sample (not p - 1).
        batch_shape: shape of independent copies.
        dtype: of the samples; torch's default if None.
        device: of the samples.
        validate_args: as in torch.distributions.

    Raises:
        ValueError: dim below 2.
        TypeError: dim no integer, or dtype no floating-point type.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {}
    support = sphere
    has_rsample = True

    def __init__(
        self,
        dim: int,
        batch_shape: Shape = (),
        *,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if isinstance(dim, bool) or not isinstance(dim, int):
            raise TypeError(f"dim: expected int, got {type(dim).__name__}")
        if dim < 2:
            raise ValueError(f"dim: expected the ambient dimension, at least 2, got {dim}")
        self.dtype = torch.get_default_dtype() if dtype is None else dtype
        if self.dtype not in DTYPES:
            raise TypeError(f"dtype: expected float64, 32, 16 or bfloat16, got {dtype}")
        self.device = torch.empty(0, device=device).device
        self.dim = dim
        super().__init__(torch.Size(batch_shape), torch.Size([dim]), validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Any = None) -> HypersphericalUniform:
        """Return the same distribution with another batch shape."""
        new: HypersphericalUniform
        new = self._get_checked_instance(  # type: ignore[no-untyped-call]
            HypersphericalUniform, _instance
        )
        new.dim, new.dtype, new.device = self.dim, self.dtype, self.device
        super(HypersphericalUniform, new).__init__(
            torch.Size(batch_shape), self.event_shape, validate_args=False
        )
        new._validate_args = self._validate_args
        return new

    def _full(self, shape: torch.Size, value: float) -> Tensor:
        return torch.full(shape, value, dtype=self.dtype, device=self.device)

    @property
    def mean(self) -> Tensor:
        """The zero vector."""
        return self._full(self._extended_shape(), 0.0)

    @property
    def variance(self) -> Tensor:
        """The variance of each coordinate, 1/dim."""
        return self._full(self._extended_shape(), 1.0 / self.dim)

    @property
    def covariance_matrix(self) -> Tensor:
        """The covariance matrix, identity / dim. # [*batch, dim, dim]"""
        eye = torch.eye(self.dim, dtype=self.dtype, device=self.device) / self.dim
        return eye.expand(*self.batch_shape, self.dim, self.dim)

    def rsample(
        self,
        sample_shape: Shape = (),
        *,
        generator: torch.Generator | int | None = None,
    ) -> Tensor:
        """Draw unit vectors. # [*sample, *batch, dim]

        generator: a generator on the device, an integer seed, or None for torch's global one.
        """
        return random_directions(
            self._extended_shape(torch.Size(sample_shape)),
            dtype=self.dtype,
            device=self.device,
            generator=as_generator(generator, self.device),
        )

    def sample(
        self,
        sample_shape: Shape = (),
        *,
        generator: torch.Generator | int | None = None,
    ) -> Tensor:
        """Draw unit vectors; see :meth:`rsample`."""
        with torch.no_grad():
            return self.rsample(sample_shape, generator=generator)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return -log S_(dim-1) for every vector. # [*sample, *batch]"""
        check_vectors(value, "value", self.dim)
        if self._validate_args:
            self._validate_sample(value)
        shape = torch.broadcast_shapes(value.shape[:-1], self.batch_shape)
        dtype = torch.promote_types(value.dtype, self.dtype)
        return torch.full(shape, -log_sphere_area(self.dim), dtype=dtype, device=value.device)

    def entropy(self) -> Tensor:
        """Return log S_(dim-1). # [*batch]"""
        return self._full(self.batch_shape, log_sphere_area(self.dim))
