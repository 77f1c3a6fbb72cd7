"""What GroupRational understands of other packages' checkpoints.

KAT (Yang, Wang 2024, package rational_kat_cu) and FlashKAT (Raffel, Chen 2025) keep the same
coefficients as ``longtail.rational`` in the same order, under other names.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, MutableMapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from longtail._rational_fit import values
from longtail.rationals import NAMED_FUNCTIONS

#: Names of other packages -> ours. KAT: numerator ``(1, 6)``, denominator ``(groups, 4)``;
#: FlashKAT: ``(num_groups, 6)`` and ``(den_groups, 4)``, trained with 1 and 8 groups.
FOREIGN_NAMES = {
    "weight_numerator": "numerator",
    "weight_denominator": "denominator",
    "numerator_v": "numerator",
    "denominator_v": "denominator",
}

# Published starting coefficients, a_0 ... a_5 and b_1 ... b_4, as they stand in init.json of
# rational_kat_cu and of FlashKAT. They were fitted for version B (fit.py there has
# |b_1 x + ... + b_4 x^4|), but the kernels that use them compute version A.
MISFITTED: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "gelu": (
        (-0.00153969, 0.51692871, 0.44075827, 0.0972553, -0.00884418, -0.00378675),
        (-0.14171056, -0.06481231, -0.0444695, 0.01283776),
    ),
    "geglu": (
        (0.00079642, -0.00602563, 0.49750578, 0.47691076, 0.15421425, 0.0168486),
        (-0.12619161, -0.20067464, -0.03005465, 0.0027335),
    ),
    "swishglu": (
        (-0.00111528, -0.00334562, 0.53107663, 0.27851476, 0.06044361, 0.00483468),
        (0.14408492, 0.02008671, 0.02944107, -0.00329516),
    ),
}


def rename(state: MutableMapping[str, Tensor], prefix: str, like: Mapping[str, Tensor]) -> None:
    """Bring another package's coefficients under our names, in our shape; in place.

    A row that all groups share is written out for each; dimensions of size 1 around ``[groups,
    coefficients]`` are dropped. What fits in no such way is left for torch to refuse.
    """
    for theirs, ours in FOREIGN_NAMES.items():
        if prefix + theirs not in state or prefix + ours in state:
            continue
        state[prefix + ours] = _in_shape(state.pop(prefix + theirs), like[ours].shape)


def _in_shape(value: Tensor, shape: torch.Size) -> Tensor:
    rows = value
    while rows.dim() > 1 and rows.shape[-1] == 1 != shape[1]:
        rows = rows.squeeze(-1)
    while rows.dim() > 2 and rows.shape[0] == 1:
        rows = rows.squeeze(0)
    if rows.dim() == 1:
        rows = rows.unsqueeze(0)
    if rows.dim() == 2 and rows.shape[0] == 1 and rows.shape[1] == shape[1]:
        rows = rows.expand(shape).contiguous()  # with assign=True it becomes the parameter
    return rows if rows.shape == shape else value


def misfitted_table(numerator: Tensor, denominator: Tensor) -> str | None:
    """Which of the tables that were fitted for the other version all rows equal, as rounded."""
    for name, table in MISFITTED.items():
        pairs = zip((numerator, denominator), table, strict=True)
        if all(_equals(rows, torch.tensor(row, dtype=torch.float64)) for rows, row in pairs):
            return name
    return None


def _equals(rows: Tensor, row: Tensor) -> bool:
    if type(rows) not in (Tensor, nn.Parameter) or rows.is_meta:
        return False  # shards or nothing: no place to look at numbers
    if rows.dim() != 2 or rows.shape[1] != len(row) or not rows.is_floating_point():
        return False
    rounding = max(torch.finfo(rows.dtype).eps, 1e-6)
    return bool(torch.isclose(rows.detach().cpu().double(), row, rtol=rounding, atol=1e-8).all())


def misfit(name: str) -> float:
    """The largest error on [-3, 3] of a misfitted table where version A is computed."""
    x: NDArray[np.float64] = np.linspace(-3, 3, 6001)
    a, b = (np.array(each) for each in MISFITTED[name])
    error = NAMED_FUNCTIONS[name](torch.from_numpy(x)).numpy() - values(x, a, b, "A")
    return float(np.abs(error).max())


def warn_of_misfit(name: str, key: str) -> None:
    """Say that the coefficients under ``key`` do not compute what their table is named for."""
    warnings.warn(
        f"GroupRational: {key!r} holds the starting coefficients that KAT and FlashKAT call "
        f"{name!r}. They were fitted for version B; in version A, which those packages and this "
        f"module compute, they differ from {name} by up to {misfit(name):.2f} on [-3, 3]. They "
        "are loaded as they are, which is right for a network that was trained with them. To start "
        f"from a true {name} instead, call reset_parameters() of a GroupRational(..., "
        f"init={name!r}) after loading.",
        UserWarning,
        stacklevel=2,
    )
