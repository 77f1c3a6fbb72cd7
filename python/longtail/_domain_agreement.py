"""What all processes of a group must know or have alike before they send each other numbers.

An error on one process must not leave the others waiting: each says what it found wrong, and all
raise it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import distributed

_ERRORS: dict[str, type[Exception]] = {
    each.__name__: each for each in (TypeError, ValueError, NotImplementedError)
}


def check_group(name: str, group: Any) -> None:
    """That there are processes, and this is one of them."""
    if not (distributed.is_available() and distributed.is_initialized()):
        raise RuntimeError(f"{name}: torch.distributed is not initialised; call init_process_group")
    if distributed.get_rank(group) < 0:
        raise ValueError(f"{name}: group: this process is not in it")


def agree(
    name: str, group: Any, describe: Callable[[], dict[str, Any]], alike: tuple[str, ...]
) -> list[dict[str, Any]]:
    """What ``describe`` gives on each process, with ``alike`` of its entries the same everywhere.

    Errors that it raises on some are raised on all.
    """
    mine: dict[str, Any] | tuple[str, str]
    own_error: Exception | None = None
    try:
        mine = describe()
    except tuple(_ERRORS.values()) as error:
        own_error = error
        kind = next(key for key, each in _ERRORS.items() if isinstance(error, each))
        mine = (kind, str(error))
    everyone: list[Any] = [None] * distributed.get_world_size(group)
    distributed.all_gather_object(everyone, mine, group=group)
    if own_error is not None:
        raise own_error
    for rank, each in enumerate(everyone):
        if isinstance(each, tuple):
            raise _ERRORS[each[0]](f"{each[1]} (on process {rank} of the group)")
    for what in alike:
        got = [each[what] for each in everyone]
        if any(each != got[0] for each in got):
            raise ValueError(
                f"{name}: {what}: got {', '.join(map(repr, got))} on the processes of the group, "
                "expected the same on all"
            )
    return everyone
