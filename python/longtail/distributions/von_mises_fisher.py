"""The von Mises-Fisher distribution."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from longtail.distributions._fit import fit_direction
from longtail.distributions._normaliser import (
    mean_length,
    mean_length_over_k,
    mean_length_slope,
    mean_versine,
    psi,
)
from longtail.distributions._sampling import rotate_to, sample_versine
from longtail.distributions._sphere import (
    DTYPES,
    Shape,
    as_generator,
    check_vectors,
    log_sphere_area,
    random_directions,
    sphere,
    versine,
    wide,
)


class VonMisesFisher(Distribution):
    r"""von Mises-Fisher on the unit sphere in R^p: density exp(k loc.x) / (S_(p-1) H(k)).

    k is the concentration, S_(p-1) the area of the sphere and H(k) = 0F1(; p/2; k^2/4), so that
    log_prob = k loc.x - log H(k) - log S_(p-1). At k = 0 it is uniform; at p = 2 it is
    ``torch.distributions.VonMises`` on the circle.

    Functions of the concentration are computed in float64 and rounded once to the dtype of the
    arguments. Works for p from 2 to 100,000 and k from 0 to 1e8. ``log_prob`` is differentiable
    twice in loc and concentration; ``rsample`` once (a second derivative raises).

    Gradients in loc are those along the sphere that any formula gives; the part across it
    (along loc) depends on the formula and means nothing: parametrise loc as
    ``torch.nn.functional.normalize(z, dim=-1)``, which drops it.

    Args:
        loc: the mean direction, unit vectors [*, p], p >= 2. Norm 1 within 1e-5 (float16: 2e-3,
            bfloat16: 1.6e-2).
        concentration: k >= 0, a number or a tensor that broadcasts with loc's batch shape.
        validate_args: as in torch.distributions.

    Raises:
        TypeError: loc not a floating-point tensor; concentration neither that nor a number.
        ValueError: p < 2; shapes that do not broadcast; with validate_args, loc not of norm 1
            or a negative or nan concentration.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {
        "loc": sphere,
        "concentration": constraints.nonnegative,
    }
    support = sphere
    has_rsample = True

    def __init__(
        self,
        loc: Tensor,
        concentration: Tensor | float,
        validate_args: bool | None = None,
    ) -> None:
        concentration = _checked(loc, concentration)
        try:
            batch_shape = torch.broadcast_shapes(loc.shape[:-1], concentration.shape)
        except RuntimeError as error:
            raise ValueError(
                "concentration: expected a shape that broadcasts with loc's batch shape "
                f"{list(loc.shape[:-1])}, got {list(concentration.shape)}"
            ) from error
        self.loc = loc.expand(batch_shape + loc.shape[-1:])
        self.concentration = concentration.expand(batch_shape)
        super().__init__(batch_shape, loc.shape[-1:], validate_args=validate_args)

    @classmethod
    def fit(
        cls,
        x: Tensor,
        weights: Tensor | None = None,
        *,
        bias_correction: bool = True,
    ) -> VonMisesFisher:
        """Fit by maximum likelihood.

        loc = s/|s| with s the (weighted) mean of the rows, and A(k) = R = |s| solved for k by
        Newton's method from Banerjee's start R (p - R^2) / (1 - R^2), to 1e-12 relative. R and
        1 - R both come from float64 sums, so that large concentrations are exact too.

        The maximum-likelihood R is too long in small samples, most of all where n is not large
        against p: E[R^2] = A^2 + (1 - A^2)/n. With bias_correction the fit uses
        R^2 <- (n R^2 - 1) / (n - 1), at least 0, an unbiased estimate of A^2; for weights,
        n = (sum w)^2 / sum w^2. ``bias_correction=False`` is maximum likelihood, as in
        ``scipy.stats.vonmises_fisher.fit``.

        Args:
            x: unit rows [*batch, n, p]; each batch is fitted apart. Rows must have norm 1 (the
                tolerance is that of loc); what is left is divided away in float64.
            weights: [*batch, n] or [n], nonnegative, not all zero; any scale.
            bias_correction: see above.

        Returns:
            The distribution, batch shape [*batch], with x's dtype (float32 for half precision).
            Rows that cancel to R = 0 give concentration 0 and an arbitrary loc.

        Raises:
            TypeError: x or weights not floating-point (integer weights are welcome).
            ValueError: rows not of norm 1 (zero rows, nan), n < 2, weights that are negative,
                not finite, of another shape or positive for fewer than two rows, or all rows
                equal, where no finite concentration fits best.

        [A. Banerjee et al., JMLR 6 (2005) 1345; S. Sra, Comput. Stat. 27 (2012) 177]
        """
        loc, concentration = fit_direction(x, weights, bias_correction=bias_correction)
        return cls(loc, concentration)

    def expand(self, batch_shape: Shape, _instance: Any = None) -> VonMisesFisher:
        """Return the same distribution with its parameters expanded to another batch shape."""
        new: VonMisesFisher
        new = self._get_checked_instance(VonMisesFisher, _instance)  # type: ignore[no-untyped-call]
        batch_shape = torch.Size(batch_shape)
        new.loc = self.loc.expand(batch_shape + self.event_shape)
        new.concentration = self.concentration.expand(batch_shape)
        super(VonMisesFisher, new).__init__(batch_shape, self.event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @property
    def _p(self) -> int:
        return self.event_shape[0]

    @property
    def _k(self) -> Tensor:
        return self.concentration.double()

    @property
    def _dtype(self) -> torch.dtype:
        return torch.promote_types(self.loc.dtype, self.concentration.dtype)

    @property
    def mean(self) -> Tensor:
        """E[x] = A(k) loc, inside the ball. # [*batch, p]"""
        return mean_length(self._p, self._k).to(self._dtype).unsqueeze(-1) * self.loc

    @property
    def mean_resultant_length(self) -> Tensor:
        """A(k) = |E[x]| = I_(p/2)(k) / I_(p/2-1)(k), in [0, 1). # [*batch]"""
        return mean_length(self._p, self._k).to(self._dtype)

    @property
    def mode(self) -> Tensor:
        """The direction of highest density, loc. # [*batch, p]"""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """The variance of each coordinate, the diagonal of covariance_matrix. # [*batch, p]"""
        across, excess = self._variances()
        return (across + excess * self.loc.double().square()).to(self._dtype)

    @property
    def covariance_matrix(self) -> Tensor:
        """A'(k) loc loc^T + (A(k)/k) (I - loc loc^T). # [*batch, p, p]"""
        across, excess = self._variances()
        loc = self.loc.double()
        outer = loc.unsqueeze(-1) * loc.unsqueeze(-2)
        eye = torch.eye(self._p, dtype=loc.dtype, device=loc.device)
        return (across.unsqueeze(-1) * eye + excess.unsqueeze(-1) * outer).to(self._dtype)

    def _variances(self) -> tuple[Tensor, Tensor]:
        """Return the variance across loc, and what the one along loc has more. # [*batch, 1]"""
        across = mean_length_over_k(self._p, self._k)
        along = mean_length_slope(self._p, self._k)
        return across.unsqueeze(-1), (along - across).unsqueeze(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log density with respect to the sphere's area. # [*sample, *batch]

        Computed as psi(k) - k (1 - loc.x) - log S, psi = k - log H, with 1 - loc.x from
        |x - loc|^2 / 2: accurate near the mode at k = 1e8 even in float32.
        """
        check_vectors(value, "value", self._p)
        if self._validate_args:
            self._validate_sample(value)
        dtype = torch.promote_types(value.dtype, self._dtype)
        k = self._k
        away = versine(wide(value), wide(self.loc)).to(k.dtype)
        return (psi(self._p, k) - k * away - log_sphere_area(self._p)).to(dtype)

    def entropy(self) -> Tensor:
        """Return log S - psi(k) + k (1 - A(k)), the entropy in nats. # [*batch]"""
        p, k = self._p, self._k
        return (log_sphere_area(p) - psi(p, k) + k * mean_versine(p, k)).to(self._dtype)

    def rsample(
        self,
        sample_shape: Shape = (),
        *,
        generator: torch.Generator | int | None = None,
    ) -> Tensor:
        """Draw unit vectors with gradients in loc and concentration. # [*sample, *batch, p]

        t = loc.x by rejection (in closed form at p = 3) with its implicit gradient, the
        direction across loc uniform and turned into place by a Householder reflection: O(p) a
        draw. A concentration that is not finite gives nan.

        generator: a generator on loc's device, an integer seed, or None for torch's global one.
        """
        shape = self._extended_shape(torch.Size(sample_shape))
        drawn_by = as_generator(generator, self.loc.device)
        dtype = wide(self.loc).dtype
        away = sample_versine(self._p, self._k, shape[:-1], drawn_by)
        across = random_directions(
            shape,
            dtype=dtype,
            device=self.loc.device,
            generator=drawn_by,
            across_first=True,
        )
        return rotate_to(wide(self.loc), away, across).to(self._dtype)

    def sample(
        self,
        sample_shape: Shape = (),
        *,
        generator: torch.Generator | int | None = None,
    ) -> Tensor:
        """Draw unit vectors without gradients; see :meth:`rsample`."""
        with torch.no_grad():
            return self.rsample(sample_shape, generator=generator)


def _checked(loc: Tensor, concentration: Tensor | float) -> Tensor:
    """Check types and loc's shape; return the concentration as a tensor on loc's device."""
    check_vectors(loc, "loc")
    if isinstance(concentration, Tensor):
        if concentration.dtype not in DTYPES:
            raise TypeError(
                f"concentration: expected a floating-point dtype, got {concentration.dtype}"
            )
        if concentration.device != loc.device:
            if concentration.dim() > 0 or concentration.device.type != "cpu":
                raise ValueError(
                    f"concentration: expected it on {loc.device}, as loc, "
                    f"got {concentration.device}"
                )
            concentration = concentration.to(loc.device)
        return concentration
    if isinstance(concentration, bool) or not isinstance(concentration, int | float):
        raise TypeError(
            f"concentration: expected a tensor or a number, got {type(concentration).__name__}"
        )
    return torch.as_tensor(concentration, dtype=loc.dtype, device=loc.device)
