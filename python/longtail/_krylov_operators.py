"""A of ``A x = b``: a dense or sparse_csr tensor, or any callable."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from longtail._krylov_vectors import WIDE

Product = Callable[[Tensor], Tensor]

#: Rows of a dense float32 matrix that are widened at a time.
_ROWS = 1024


class Operator(ABC):
    """A linear map of tensors ``[*batch, *item]``, with the tensors it is differentiated in
    (``params``) given to each call."""

    @abstractmethod
    def apply(self, x: Tensor, *params: Tensor) -> Tensor:
        """The product, made of differentiable pieces."""

    @abstractmethod
    def adjoint(self) -> Operator:
        """The conjugate transpose, of the same params."""

    def bind(self, *params: Tensor) -> Product:
        """The product with these params, as fast as it goes."""
        return lambda x: self.apply(x, *params)

    def apply_wide(self, x: Tensor, *params: Tensor) -> Tensor:
        """The product in float64 or complex128."""
        return self.apply(x, *(_widened(param) for param in params))

    def bind_wide(self, *params: Tensor) -> Product:
        """The same with these params, as fast as it goes."""
        return lambda x: self.apply_wide(x, *params)

    def under_vmap(self, dims: tuple[int | None, ...]) -> Operator:
        """The same for x with one more leading dimension, and params with theirs at ``dims``."""
        return Mapped(self, dims)


@dataclass(frozen=True)
class Dense(Operator):
    """A matrix ``[n, n]`` or one a batch item, ``[..., n, n]``."""

    dims: int
    transposed: bool = False

    def apply(self, x: Tensor, *params: Tensor) -> Tensor:
        """By torch.matmul."""
        (matrix,) = params
        return self._times(matrix.mH if self.transposed else matrix, x.to(matrix.dtype))

    def _times(self, matrix: Tensor, x: Tensor) -> Tensor:
        flat = x.flatten(x.dim() - self.dims)
        if matrix.dim() == 2:
            return (flat @ matrix.mT).reshape(x.shape)
        return (matrix @ flat.unsqueeze(-1)).squeeze(-1).reshape(x.shape)

    def adjoint(self) -> Operator:
        """Of the same matrix."""
        return replace(self, transposed=not self.transposed)

    def bind_wide(self, *params: Tensor) -> Product:
        """Some rows at a time, so that no wide copy of the matrix is made."""
        (matrix,) = params
        if matrix.dtype == WIDE[matrix.dtype]:
            return self.bind(matrix)
        rows = matrix.mH if self.transposed else matrix

        def product(x: Tensor) -> Tensor:
            flat = x.flatten(x.dim() - self.dims).unsqueeze(-1)
            parts = [part.to(x.dtype) @ flat for part in rows.split(_ROWS, dim=-2)]
            return torch.cat(parts, -2).squeeze(-1).reshape(x.shape)

        return product

    def under_vmap(self, dims: tuple[int | None, ...]) -> Operator:
        """A matrix for all is one for all still."""
        return self if dims == (None,) else Mapped(self, dims)


@dataclass(frozen=True, eq=False)
class Sparse(Operator):
    """A sparse_csr matrix; its params are its values, in the order that it was given in.

    Attributes:
        rows, starts, columns: of each value, of each row, of each value.
        order: where each value is among those given; None: they are in order.
        adjoint_of: the matrix as given, if this is its adjoint.
    """

    dims: int
    rows: Tensor
    starts: Tensor
    columns: Tensor
    order: Tensor | None = None
    adjoint_of: Sparse | None = None

    @classmethod
    def of(cls, matrix: Tensor, dims: int) -> Sparse:
        """With the pattern of a sparse_csr tensor."""
        starts, columns = matrix.crow_indices(), matrix.col_indices()
        rows = torch.arange(len(starts) - 1, device=starts.device, dtype=columns.dtype)
        return cls(dims, rows.repeat_interleave(starts.diff()), starts, columns)

    def _values(self, values: Tensor) -> Tensor:
        return values if self.order is None else values[self.order].conj()

    def apply(self, x: Tensor, *params: Tensor) -> Tensor:
        """By indices: this form has all derivatives."""
        values = self._values(params[0])
        flat = x.flatten(x.dim() - self.dims).to(values.dtype)
        terms = values * flat[..., self.columns]
        return torch.zeros_like(flat).index_add(-1, self.rows, terms).reshape(x.shape)

    def bind(self, *params: Tensor) -> Product:
        """By torch's sparse product."""
        values = self._values(params[0]).resolve_conj()
        n = len(self.starts) - 1
        matrix = torch.sparse_csr_tensor(
            self.starts, self.columns, values, (n, n), check_invariants=False
        )

        def product(x: Tensor) -> Tensor:
            columns = x.reshape(-1, n).to(values.dtype).mT.contiguous()
            return (matrix @ columns).mT.reshape(x.shape)

        return product

    def bind_wide(self, *params: Tensor) -> Product:
        """The same of wide values."""
        return self.bind(_widened(params[0]))

    def adjoint(self) -> Operator:
        """Sorted by columns: rows of the transpose."""
        if self.adjoint_of is not None:
            return self.adjoint_of
        order = torch.argsort(self.columns, stable=True)
        counts = torch.bincount(self.columns, minlength=len(self.starts) - 1)
        starts = torch.cat([counts.new_zeros(1), counts.cumsum(0)]).to(self.starts.dtype)
        rows, columns = self.columns[order], self.rows[order]
        return Sparse(self.dims, rows, starts, columns, order, self)

    def under_vmap(self, dims: tuple[int | None, ...]) -> Operator:
        """Values for all are so still."""
        return self if dims == (None,) else Mapped(self, dims)


@dataclass(frozen=True)
class Call(Operator):
    """A callable ``A(x, *params)``, and the one of its adjoint if there is one.

    Without it the adjoint is the transpose by reverse mode, which a linear callable made of
    differentiable operations has. ``narrow`` is the dtype to fall back on where a callable does not
    take float64, as one that closes over float32 weights may not.
    """

    function: Callable[..., Any]
    transpose: Callable[..., Any] | None
    narrow: torch.dtype

    def apply(self, x: Tensor, *params: Tensor) -> Tensor:
        """One call."""
        return self.function(x, *params)

    def apply_wide(self, x: Tensor, *params: Tensor) -> Tensor:
        """In float64 if the callable takes it, else in b's dtype."""
        if WIDE[self.narrow] == self.narrow:
            return self.apply(x, *params)
        try:
            y = self.function(x, *(_widened(param) for param in params))
        except (RuntimeError, TypeError, ValueError):
            y = None
        if not isinstance(y, Tensor) or y.dtype != x.dtype:
            y = self.apply(x.to(self.narrow), *params)
        return y.to(x.dtype)

    def adjoint(self) -> Operator:
        """As given, or by reverse mode."""
        if self.transpose is None:
            return Reverse(self)
        return Call(self.transpose, self.function, self.narrow)


@dataclass(frozen=True)
class Reverse(Operator):
    """The adjoint of a callable, by reverse mode."""

    of: Operator

    def apply(self, x: Tensor, *params: Tensor) -> Tensor:
        """A new linearisation each time."""
        return self._pullback(x, params)(x)[0]

    def _pullback(self, like: Tensor, params: tuple[Tensor, ...]) -> Callable[..., Any]:
        zero = torch.zeros_like(like)
        return torch.func.vjp(lambda u: self.of.apply(u, *params), zero)[1]

    def bind(self, *params: Tensor) -> Product:
        """One linearisation for all products: the map is linear."""
        pullback: list[Callable[..., Any]] = []

        def product(x: Tensor) -> Tensor:
            if not pullback:
                pullback.append(self._pullback(x, params))
            return pullback[0](x)[0]

        return product

    def apply_wide(self, x: Tensor, *params: Tensor) -> Tensor:
        """The transpose of the wide product."""
        zero = torch.zeros_like(x)
        return torch.func.vjp(lambda u: self.of.apply_wide(u, *params), zero)[1](x)[0]

    def adjoint(self) -> Operator:
        """The callable again."""
        return self.of


@dataclass(frozen=True)
class Mapped(Operator):
    """An operator under one level of vmap."""

    of: Operator
    param_dims: tuple[int | None, ...]

    def apply(self, x: Tensor, *params: Tensor) -> Tensor:
        """Mapped over the first dimension of x."""
        return torch.vmap(self.of.apply, (0, *self.param_dims))(x, *params)

    def apply_wide(self, x: Tensor, *params: Tensor) -> Tensor:
        """Mapped as well."""
        return torch.vmap(self.of.apply_wide, (0, *self.param_dims))(x, *params)

    def adjoint(self) -> Operator:
        """Mapped as well."""
        return Mapped(self.of.adjoint(), self.param_dims)


def _widened(tensor: Tensor) -> Tensor:
    wide = WIDE.get(tensor.dtype)
    return tensor if wide is None else tensor.to(wide)
