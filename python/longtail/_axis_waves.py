"""The transforms that make the second difference of one axis diagonal, there and back: FFTs, and
for short axes products with matrices.

Each is a linear map of rows of n points to rows of ``eigenvalues.numel()`` real numbers, of which
some may say nothing: their eigenvalue is infinite, a division by it leaves 0, and the way back
expects that. Together they multiply by ``factor``. Both take rows along the last axis, and are for
whoever writes gradients himself: they change in place what they have made.
"""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

from longtail._cosine_transforms import INVERSE, dct, dst, matrix, period


def _squared(frequency: Tensor, step: float, h: float) -> Tensor:
    """Eigenvalues of the second difference, of waves that turn by 2 ``step`` a point."""
    return (torch.sin(frequency * step) * (2 / h)) ** 2


def _mapped() -> bool:
    """Whether a transform of torch.func is on: they have no rules for what saves passes here."""
    return torch._C._are_functorch_transforms_active()


class Sines:
    """The sine transform of type I by one real FFT of N = n + 1 points, half of what an odd
    extension needs.

    Of y_j = sin(pi j / N) (x_j + x_{N-j}) + (x_j - x_{N-j}) / 2 the imaginary parts are the even
    frequencies, negative, and the real parts the differences of the odd ones: a running sum makes
    those. Real and imaginary parts stay in pairs (2k + 1, 2k). Back is the transpose, whose sum
    runs from the high frequencies, which are small, to the low ones.

    Source: Cooley, Lewis and Welch, "The fast Fourier transform algorithm: programming
    considerations in the calculation of sine, cosine and Laplace transforms", 1970.
    """

    def __init__(self, n: int, h: float, device: torch.device) -> None:
        self.period = n + 1
        self.factor = n + 1
        step = math.pi / self.period
        sine = torch.sin(torch.arange(1, n + 1, dtype=torch.float64, device=device) * step)
        self._same, self._mirrored = sine + 0.5, sine - 0.5
        k = torch.arange(0, self.period // 2 + 1, dtype=torch.float64, device=device) * 2
        frequency = torch.stack([k + 1, k], -1).flatten()
        values = _squared(frequency, step / 2, h)
        self.eigenvalues = values.where((frequency > 0) & (frequency < self.period), math.inf)

    def there(self, x: Tensor) -> Tensor:
        folded = x.new_empty(*x.shape[:-1], self.period)
        folded[..., 0] = 0
        self._fold(x, folded[..., 1:])
        pairs = torch.view_as_real(torch.fft.rfft(folded))
        odd = pairs[..., 0]
        odd[..., 0] *= 0.5
        if _mapped():
            odd.copy_(odd.cumsum(-1))
        else:
            odd.cumsum_(-1)
        return pairs.flatten(-2)

    def back(self, waves: Tensor, out: Tensor) -> Tensor:
        pairs = waves.unflatten(-1, (-1, 2))
        odd = pairs[..., 0]
        odd.copy_(odd.flip(-1).cumsum(-1).flip(-1))
        folded = torch.fft.irfft(torch.view_as_complex(pairs), self.period, norm="forward")
        return self._fold(folded[..., 1:], out)

    def _fold(self, x: Tensor, out: Tensor) -> Tensor:
        if _mapped():
            return out.copy_(x * self._same + x.flip(-1) * self._mirrored)
        return torch.mul(x, self._same, out=out).addcmul_(x.flip(-1), self._mirrored)


class Cosines:
    """The other transforms of sines and cosines, of the given kind and type."""

    def __init__(
        self, kind: str, type: int, first: float, n: int, h: float, device: torch.device
    ) -> None:
        self._transform = dct if kind == "dct" else dst
        self._type = type
        self.factor = period(kind, type, n)
        frequency = torch.arange(n, dtype=torch.float64, device=device) + first
        self.eigenvalues = _squared(frequency, math.pi / self.factor, h)

    def there(self, x: Tensor) -> Tensor:
        return self._transform(x, self._type)

    def back(self, waves: Tensor, out: Tensor) -> Tensor:
        return out.copy_(self._transform(waves, INVERSE[self._type]))


class Products(Cosines):
    """The same as products with matrices: one call each way where Fourier transforms take ten."""

    def __init__(
        self, kind: str, type: int, first: float, n: int, h: float, device: torch.device
    ) -> None:
        super().__init__(kind, type, first, n, h, device)
        self._there = torch.from_numpy(matrix(kind, type, n)).to(device)
        self._back = torch.from_numpy(matrix(kind, INVERSE[type], n)).to(device)

    def there(self, x: Tensor) -> Tensor:
        return x @ self._there

    def back(self, waves: Tensor, out: Tensor) -> Tensor:
        return torch.matmul(waves, self._back, out=out)


class Periodic:
    """The real FFT, real and imaginary parts in pairs."""

    def __init__(self, n: int, h: float, device: torch.device) -> None:
        self._size = n
        self.factor = n
        k = torch.arange(n // 2 + 1, dtype=torch.float64, device=device)
        self.eigenvalues = _squared(k, math.pi / n, h).repeat_interleave(2)
        self.eigenvalues[1] = math.inf  # the imaginary part of the mean

    def there(self, x: Tensor) -> Tensor:
        return torch.view_as_real(torch.fft.rfft(x)).flatten(-2)

    def back(self, waves: Tensor, out: Tensor) -> Tensor:
        pairs = torch.view_as_complex(waves.unflatten(-1, (-1, 2)))
        return out.copy_(torch.fft.irfft(pairs, self._size, norm="forward"))


Transform = Sines | Cosines | Periodic

#: Longer rows take less time by Fourier transforms: from 160 to 250 points on.
_LONGEST_PRODUCT = 192

#: (sides, cell) of an axis -> kind and type of its transform, first frequency.
_COSINES = {
    (("dirichlet", "dirichlet"), False): ("dst", 1, 1.0),
    (("neumann", "neumann"), False): ("dct", 1, 0.0),
    (("dirichlet", "neumann"), False): ("dst", 3, 0.5),
    (("neumann", "dirichlet"), False): ("dct", 3, 0.5),
    (("dirichlet", "dirichlet"), True): ("dst", 2, 1.0),
    (("neumann", "neumann"), True): ("dct", 2, 0.0),
    (("dirichlet", "neumann"), True): ("dst", 4, 0.5),
    (("neumann", "dirichlet"), True): ("dct", 4, 0.5),
}


def transform_of(
    sides: tuple[str, str], cell: bool, n: int, h: float, device: torch.device, keep: bool
) -> Transform:
    """Of n points at distance h between two sides: vertices, or centres of cells.

    ``keep`` what was made, for the next call: not where torch records operations.
    """
    make = _kept if keep else _made
    return make(sides, cell, n, h, device)


def _made(sides: tuple[str, str], cell: bool, n: int, h: float, device: torch.device) -> Transform:
    if sides[0] == "periodic":
        return Periodic(n, h, device)
    if sides == ("dirichlet", "dirichlet") and not cell:
        return Sines(n, h, device)
    return Cosines(*_COSINES[sides, cell], n, h, device)


@functools.lru_cache(maxsize=16)
def _kept(sides: tuple[str, str], cell: bool, n: int, h: float, device: torch.device) -> Transform:
    if sides[0] == "periodic" or n > _LONGEST_PRODUCT:
        return _made(sides, cell, n, h, device)
    return Products(*_COSINES[sides, cell], n, h, device)
