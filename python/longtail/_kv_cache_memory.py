"""The tensors of a QuantizedKVCache: made, enlarged, and read back where a crop needs it.

What lies where in them: csrc/attention/cache_layout.h. They are made outside of inference mode,
whatever the caller's: a tensor made inside could not be written to after it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from longtail._kv_cache_arguments import ceil_division

#: Tokens of a tile.
TILE = 64
#: Those with a dimension of tiles, in the order of the operators' schemas.
TILED = ("k_codes", "k_grids", "v_codes", "v_grids")
#: All that tokens are in.
STORED = (*TILED, "tail", "mean")
#: How many tokens a sequence has, and of how many of them the keys are codes.
COUNTED = ("lengths", "packed")


def new_memory(k: Tensor, v: Tensor, bits: int, k_format: str, group: int) -> dict[str, Tensor]:
    """A cache of no tokens for such keys and values."""
    batch, heads, _, k_dim = k.shape
    widths = _words(bits, k_format, group, k_dim, v.shape[3])
    with torch.inference_mode(False):
        memory = {name: k.new_zeros([batch], dtype=torch.int64) for name in COUNTED}
        for name, width in zip(TILED, widths, strict=True):
            memory[name] = k.new_zeros([batch, heads, 0, width], dtype=torch.int32)
        memory["tail"] = k.new_zeros([batch, heads, TILE, k_dim])
        memory["mean"] = k.new_zeros([batch, heads, k_dim], dtype=torch.float32)
    return memory


def make_room(memory: dict[str, Tensor], tokens: int) -> None:
    """For so many tokens of each sequence: half as much again if it must grow."""
    tiles, needed = memory["k_codes"].shape[2], ceil_division(tokens, TILE)
    if needed <= tiles:
        return
    grown = max(needed, tiles + tiles // 2)
    with torch.inference_mode(False):
        for name in TILED:
            old = memory[name]
            new = old.new_zeros([*old.shape[:2], grown, old.shape[3]])
            new[:, :, :tiles] = old
            memory[name] = new


def each_of(memory: dict[str, Tensor], change: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
    """The same for all tensors."""
    with torch.inference_mode(False):
        return {name: change(each) for name, each in memory.items()}


def unpack_to_tail(memory: dict[str, Tensor], bits: int, b: int, length: int) -> None:
    """Format "channel": what ``length`` leaves of a quantised tile of keys becomes exact tokens."""
    tile, left = divmod(length, TILE)
    codes, grids = (memory[name][b, :, tile] for name in ("k_codes", "k_grids"))
    per_word = 32 // bits
    half = per_word // 2
    bit = torch.tensor([32 // half * (i % half) + bits * (i // half) for i in range(per_word)])
    words = codes.unflatten(-1, (-1, TILE))[..., None] >> bit.to(codes.device)
    code = (words & ((1 << bits) - 1)).transpose(-1, -2).flatten(-3, -2)
    scale = (grids & ~0xFFFF).view(torch.float32)[..., None]
    zero = ((grids << 16) >> 16).float()[..., None] * (0.125 if bits == 4 else 0.5)
    keys = (scale * (code + zero)).transpose(-1, -2)
    tail = memory["tail"]
    most = torch.finfo(tail.dtype).max  # half a scale more than that is inf
    tail[b, :, :left] = keys[:, :left, : tail.shape[3]].clamp(-most, most).to(tail.dtype)


def _words(bits: int, k_format: str, group: int, k_dim: int, v_dim: int) -> tuple[int, ...]:
    """Words of a tile of codes and of scales, of keys and of values."""
    rotated = k_format == "token_rotated"
    channels = 1 << (k_dim - 1).bit_length() if rotated else k_dim
    k_width, v_width = ceil_division(channels, 32) * 32, ceil_division(v_dim, 32) * 32
    per_word = 32 // bits
    k_grids = ceil_division(k_width, group) * TILE if rotated else k_width
    v_grids = ceil_division(v_width, group) * TILE
    return k_width // per_word * TILE, k_grids, TILE // per_word * v_width, v_grids
