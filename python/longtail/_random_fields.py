"""Gaussian random fields of which each sample has its own random numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from longtail._cosine_transforms import NUMPY
from longtail._mode_sums import ModeSums

_BOUNDARIES = ("neumann", "periodic", "dirichlet")


def random_numbers(seed: int, index: int, stream: int = 0) -> np.random.Generator:
    """Of sample ``index``: Philox is a function of key and counter, so no sample needs those before
    it. ``stream`` tells apart what one sample draws for different ends."""
    key = np.array([seed, index], np.uint64)  # of a list numpy makes floats, from 2^63 on
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, stream]))


def whole_number(name: str, argument: str, value: Any, least: int, most: int) -> int:
    """An int within bounds."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name}: {argument} must be an int, got {type(value).__name__}")
    if not least <= value <= most:
        raise ValueError(f"{name}: {argument}: got {value}, expected {least} to {most}")
    return value


def positive_number(name: str, argument: str, value: Any) -> float:
    """A positive, finite float."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name}: {argument} must be a number, got {type(value).__name__}")
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name}: {argument}: got {value}, expected a positive number")
    return float(value)


def grid_size(name: str, size: Any, dims: tuple[int, ...]) -> tuple[int, ...]:
    """One int for two axes, or one for each of so many as ``dims`` allows."""
    values = [size] * 2 if isinstance(size, int) and not isinstance(size, bool) else size
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise TypeError(f"{name}: size must be an int or ints, got {type(size).__name__}")
    if len(values) not in dims:
        raise ValueError(f"{name}: size: got {len(values)} axes, expected one of {dims}")
    return tuple(whole_number(name, "size", value, 1, 2**31) for value in values)


def storage_dtype(name: str, dtype: Any) -> torch.dtype:
    """float32 or float64."""
    if dtype not in (torch.float32, torch.float64):
        raise TypeError(f"{name}: dtype: got {dtype}, expected torch.float32 or torch.float64")
    kind: torch.dtype = dtype
    return kind


#: Of all that is made at once the pieces stay in the caches.
_POINTS_AT_ONCE = 2**15

#: Keys of Philox have 64 bits.
LARGEST_KEY = 2**64 - 1


class GaussianRandomField:
    r"""Random fields on the unit box with the covariance
    :math:`\sigma^2 (-\Delta + \tau^2)^{-\alpha}`.

    .. math:: g(x) = \sum_k \sigma \, (\lambda_k + \tau^2)^{-\alpha / 2} \, \xi_k \, \phi_k(x)

    with independent standard normal :math:`\xi_k` and the eigenvalues and normalised eigenfunctions
    of :math:`-\Delta`, evaluated at the centres of cells: with Neumann sides
    :math:`\lambda = \pi^2 (k_1^2 + k_2^2)` and cosines, which is the field of the Fourier neural
    operator's Darcy data. Its mean mode, :math:`k = 0`, is left out.

    Args:
        size: of the grid: an int for a square, or one for each of 1 to 3 axes.
        alpha: the larger, the smoother; above half the number of axes for a finite variance.
        tau: inverse length of correlation.
        sigma: of the covariance; None: ``tau ** (alpha - d / 2)``, d axes.
        boundary: ``"neumann"`` (cosines), ``"dirichlet"`` (sines) or ``"periodic"`` (waves).
        dtype: float64 or float32, rounded from float64.

    Attributes:
        standard_deviation: root of the variance averaged over the box.

    Raises:
        TypeError, ValueError: arguments that do not fit.

    Source: Li et al., "Fourier neural operator for parametric partial differential equations",
    2021, A.3.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        *,
        alpha: float = 2.0,
        tau: float = 3.0,
        sigma: float | None = None,
        boundary: str = "neumann",
        dtype: torch.dtype = torch.float64,
    ) -> None:
        name = "GaussianRandomField"
        self.size = grid_size(name, size, (1, 2, 3))
        self.alpha = positive_number(name, "alpha", alpha)
        self.tau = positive_number(name, "tau", tau)
        if boundary not in _BOUNDARIES:
            raise ValueError(f"{name}: boundary: got {boundary!r}, expected one of {_BOUNDARIES}")
        self.boundary = boundary
        self.dtype = storage_dtype(name, dtype)
        if sigma is None:
            sigma = self.tau ** (self.alpha - len(self.size) / 2)
        self.sigma = positive_number(name, "sigma", sigma)
        deviations = self._deviations()
        self.standard_deviation = float(np.sqrt(np.square(deviations).sum()))
        if boundary != "periodic":
            for axis, n in enumerate(self.size):
                shape = [n] + [1] * (len(self.size) - axis - 1)
                deviations = deviations * _normalisation(n, boundary).reshape(shape)
            self._sums = ModeSums(self.size, boundary)
        self._coefficients = torch.from_numpy(deviations)

    def __repr__(self) -> str:
        return (
            f"GaussianRandomField({self.size}, alpha={self.alpha:g}, tau={self.tau:g}, "
            f"sigma={self.sigma:g}, boundary={self.boundary!r}, dtype={self.dtype})"
        )

    def _deviations(self) -> Any:
        """Standard deviation of each mode. By numpy: torch rounds powers by their place in memory
        and the number of threads."""
        total = np.zeros(())
        for n in self.size:
            if self.boundary == "periodic":
                frequency = 2 * np.pi * np.fft.fftfreq(n, 1 / n)
            else:
                frequency = np.pi * (np.arange(n) + (self.boundary == "dirichlet"))
            total = total[..., None] + frequency**2
        result = self.sigma * (total + self.tau**2) ** (-self.alpha / 2)
        if self.boundary != "dirichlet":
            result[(0,) * result.ndim] = 0
        return result

    def sample(
        self,
        n: int,
        *,
        seed: int = 0,
        first: int = 0,
        device: torch.device | str = "cpu",
        out: Tensor | None = None,
    ) -> Tensor:
        """Samples ``first`` to ``first + n - 1`` of a seed, ``[n, *size]``.

        Sample i is a function of (seed, i): the same bits whatever n, ``first``, the number of
        threads and the device (made on the CPU, with numpy's Philox, FFT and products of
        matrices; other versions of numpy and other processors may round otherwise).

        Args:
            n: how many.
            seed: 0 to 2^64 - 1.
            first: index of the first.
            device: where to put them.
            out: a contiguous tensor to write to, of the shape, dtype and device.

        Raises:
            TypeError, ValueError: arguments that do not fit.
        """
        name = "GaussianRandomField.sample"
        n = whole_number(name, "n", n, 0, 2**40)
        seed = whole_number(name, "seed", seed, 0, LARGEST_KEY)
        first = whole_number(name, "first", first, 0, LARGEST_KEY - n)
        made = torch.empty(n, *self.size, dtype=self.dtype)
        generator = random_numbers(seed, first)
        state = generator.bit_generator.state
        noise = torch.empty(min(n, self._block), *self.size, dtype=torch.float64)
        for start in range(0, n, self._block):
            part = noise[: n - start]
            for i, row in enumerate(part.numpy(), first + start):
                state["state"]["key"][1] = i  # as a new one, which takes ten times as long
                generator.bit_generator.state = state
                generator.standard_normal(out=row)
            made[start : start + len(part)] = self._fields(part)
        result = made.to(device)
        if out is None:
            return result
        for what in ("shape", "dtype", "device"):
            got, expected = getattr(out, what), getattr(result, what)
            if got != expected:
                raise (TypeError if what == "dtype" else ValueError)(
                    f"{name}: out has {what} {got}, expected {expected}"
                )
        return out.copy_(result)

    def of_noise(self, noise: Tensor) -> Tensor:
        """The fields of given float64 :math:`\\xi`, ``[..., *size]`` on the CPU."""
        if tuple(noise.shape[-len(self.size) :]) != self.size or noise.dtype != torch.float64:
            raise ValueError(
                f"GaussianRandomField.of_noise: noise is {noise.dtype} of shape "
                f"{list(noise.shape)}, expected torch.float64 and [..., "
                f"{', '.join(map(str, self.size))}]"
            )
        if noise.numel() == 0:
            return noise.clone()
        parts = noise.reshape(-1, *self.size).split(self._block)
        return torch.cat([self._fields(part) for part in parts]).reshape(noise.shape)

    @property
    def _block(self) -> int:
        """Samples made at once."""
        return max(1, _POINTS_AT_ONCE // math.prod(self.size))

    def _fields(self, noise: Tensor) -> Tensor:
        if self.boundary == "periodic":
            return self._filtered(noise)
        return torch.from_numpy(self._sums((noise * self._coefficients).numpy()))

    def _filtered(self, noise: Tensor) -> Tensor:
        """White noise, each of its waves made as large as it shall be."""
        axes = range(-len(self.size), 0)
        wave = NUMPY.fft(noise, None, axes[-1])
        for axis in axes[:-1]:
            wave = NUMPY.fft(wave, None, axis)
        # Products of reals: torch rounds complex ones by their place in memory.
        wave = torch.view_as_complex(torch.view_as_real(wave) * self._coefficients.unsqueeze(-1))
        for axis in axes:
            wave = NUMPY.ifft(wave, axis)
        return wave.real * math.sqrt(math.prod(self.size))


def _normalisation(n: int, boundary: str) -> Any:
    """What makes the terms of a type III transform eigenfunctions of the norm 1, 1 and
    sqrt(2) cos(pi k x) at x = (j + 1/2) / n: its terms are 1 and 2 cos, or 2 sin and, for the last
    of n sines, which alternates, 1."""
    factors = np.full(n, math.sqrt(0.5))
    factors[0 if boundary == "neumann" else -1] = 1
    return factors
