"""longtail under torch.distributed.

The ops of longtail know DTensor: a public function called with DTensors runs on the local shards
wherever its formula allows, without any collective, and returns a DTensor (a replicated or
broadcast operand stays where it is; its gradient is a partial sum). Nothing has to be called
first: the sharding rules are registered by the first such call.

Where a sequence, a grid or its patches are split over processes, the functions here take the place
of those of ``longtail``: ``long_conv``, ``poisson_solve`` and ``diffusion_solve``,
``patch_parallel`` (of ``nn.MultigridPatching2d``).
"""

from __future__ import annotations

from longtail import (  # noqa: F401  (the families declare their rules when they are imported)
    _dtensor,
    _grid_shardings,
    attention,
    bessel,
    hadamard,
    kan,
    kv_cache,
    longconv,
    multigrid,
    ntk,
    polynomials,
    rationals,
    shortconv,
    state_space,
    tokenformer,
)
from longtail._domain_decomposition import diffusion_solve, poisson_solve
from longtail._patch_parallel import patch_parallel
from longtail._sequence_parallel import long_conv

__all__ = [
    "diffusion_solve",
    "long_conv",
    "patch_parallel",
    "poisson_solve",
    "register_sharding_rules",
]


def register_sharding_rules() -> None:
    """Tell DTensor the sharding rules of all ops now.

    Needed only by programs that call ``torch.ops.longtail`` with DTensors themselves; the public
    functions do it. Calling it again does nothing. It imports ``torch.distributed.tensor``.
    """
    _dtensor.register_rules()
