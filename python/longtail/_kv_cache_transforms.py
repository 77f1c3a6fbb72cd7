"""What torch must know of the raw operators of quantised caches: vmap and DTensor.

Both operators do the sequences and cache heads of a batch independently, so that these may be
anywhere. ``kv_append`` writes to the tensors of a cache, which must therefore be what it is given,
not a copy on the way: where that cannot be, it raises.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from longtail import _dtensor, _library  # noqa: F401  (loads the raw ops)
from longtail._dtensor import Sharding

_COUNTED = 2  # the first tensors of a cache have a number a sequence
_CACHE = 8  # tensors of a cache in the operators' schemas


def _folded(size: int, value: Tensor, dim: int | None, at: int) -> Tensor:
    """The dimension that vmap hides becomes part of dimension ``at``, as the outer part of a batch
    (0) and the inner part of heads (1)."""
    if dim is None:
        value, dim = value.unsqueeze(0).expand(size, *value.shape), 0
    return value.movedim(dim, 2 if at else 0).flatten(at, at + 1)


def _attend_many(info: Any, in_dims: tuple[int | None, ...], *arguments: Any) -> Any:
    """Many caches are one cache of more sequences; many queries of one cache are more heads."""
    size = info.batch_size
    q, cache, mask, rest = arguments[0], arguments[1:9], arguments[9], arguments[10:]
    at = 0 if any(dim is not None for dim in in_dims[1:9]) else 1
    if at == 0:
        pairs = zip(cache, in_dims[1:9], strict=True)
        cache = tuple(_folded(size, each, dim, 0).contiguous() for each, dim in pairs)
    if mask is not None:
        mask = _folded(size, mask, in_dims[9], at)
    q = _folded(size, q, in_dims[0], at)
    results = torch.ops.longtail.kv_attend(q, *cache, mask, *rest)
    lead = 2 if at else 0  # where the hidden dimension lies in the results
    shapes = [(each.shape[at] // size, size) if at else (size, -1) for each in results]
    return tuple(each.unflatten(at, shape) for each, shape in zip(results, shapes, strict=True)), (
        lead,
    ) * len(results)


def _append_many(info: Any, in_dims: tuple[int | None, ...], *arguments: Any) -> Any:
    size = info.batch_size
    new, cache, rest = arguments[:3], arguments[3 : 3 + _CACHE], arguments[3 + _CACHE :]
    folded = []
    for each, dim in zip(cache, in_dims[3 : 3 + _CACHE], strict=True):
        if dim is None or not each.movedim(dim, 0).is_contiguous():
            raise NotImplementedError(
                "longtail.QuantizedKVCache.append: under vmap the keys, values or lengths differ "
                "and the cache is one for all; make sequences of a batch of them and append "
                "outside of vmap"
            )
        folded.append(each.movedim(dim, 0).flatten(0, 1))  # a view
    given = [_folded(size, each, dim, 0) for each, dim in zip(new, in_dims[:3], strict=True)]
    torch.ops.longtail.kv_append(*given, *folded, *rest)
    return None, None


def _shard_attend(q: Any, *rest: Any) -> list[Sharding]:
    """Whole, by sequence, or by head where all processes get whole groups of heads."""
    from torch.distributed.tensor import Replicate, Shard

    mask, tail = rest[_CACHE], rest[_CACHE - 2]
    choices: list[Any] = [Replicate(), Shard(0)]
    if _divides(q, tail):
        choices.append(Shard(1))
    nothing = [None] * (len(rest) - _CACHE - 1)
    return [
        (
            [each, each],
            [each, *_cache_placements(each), None if mask is None else each, *nothing],
        )
        for each in choices
    ]


def _shard_append(k: Any, v: Any, counts: Any, *rest: Any) -> list[Sharding]:
    """As the cache is, and nothing else: what is redistributed is not what is written to."""
    from torch.distributed.tensor import Replicate

    cache, tail = rest[:_CACHE], rest[_CACHE - 2]
    columns = [_cache_placements(each) for each in tail.placements]
    wanted = [tuple(column[i] for column in columns) for i in range(_CACHE)]
    given = [tuple(each.placements) for each in cache]
    new = [tuple(each.placements) for each in (k, v, counts)]
    if given != wanted or new != [tuple(tail.placements)] * 2 + [wanted[0]]:
        raise NotImplementedError(
            "kv_append: it writes to the shards of a cache, so keys, values and all of the cache "
            f"must be sharded alike: got {new} for k, v and counts and {given} for the cache, "
            f"expected {wanted} as of its tail"
        )
    # Whole first: of shardings that cost nothing, which taking a part does, torch takes the first.
    choices = sorted(set(tail.placements), key=lambda each: (each != Replicate(), str(each)))
    nothing = [None] * (len(rest) - _CACHE)
    return [
        ([], [each, each, _cache_placements(each)[0], *_cache_placements(each), *nothing])
        for each in choices
    ]


def _cache_placements(each: Any) -> list[Any]:
    """Of all tensors of a cache where ``tail`` has this one; heads have no lengths of their own."""
    from torch.distributed.tensor import Replicate, Shard

    counted = Replicate() if each == Shard(1) else each
    return [counted] * _COUNTED + [each] * (_CACHE - _COUNTED)


def _divides(q: Any, tail: Any) -> bool:
    sizes = [q.mesh.size(d) for d in range(q.mesh.ndim)]
    return all(each.shape[1] % size == 0 for each in (q, tail) for size in sizes)


def _declare() -> None:
    attend, append = torch.ops.longtail.kv_attend.default, torch.ops.longtail.kv_append.default
    torch.library.register_vmap(attend, _attend_many)
    torch.library.register_vmap(append, _append_many)
    _dtensor.declare_sharding(attend, _shard_attend)
    _dtensor.declare_sharding(append, _shard_append)


_declare()
