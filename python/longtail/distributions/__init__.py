"""Distributions on the unit sphere, as torch.distributions.

:class:`VonMisesFisher` with its maximum-likelihood fit, :class:`HypersphericalUniform`, their
Kullback-Leibler divergences (``torch.distributions.kl_divergence``), and
:class:`VonMisesFisherMixture`, fitted by EM. Dimensions 2 to 100,000, concentrations 0 to 1e8.
"""

from longtail.distributions import _kl as _kl  # registers the divergences
from longtail.distributions._sphere import sphere
from longtail.distributions.mixture import VonMisesFisherMixture
from longtail.distributions.uniform import HypersphericalUniform
from longtail.distributions.von_mises_fisher import VonMisesFisher

__all__ = ["HypersphericalUniform", "VonMisesFisher", "VonMisesFisherMixture", "sphere"]
