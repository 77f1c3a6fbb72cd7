"""What a room does to a sound: its impulse response, by mirror images of the source.

Source: Allen and Berkley, "Image method for efficiently simulating small-room acoustics", 1979,
with the band-limited impulses of Peterson, 1986, and images a little out of place, as De Sena et
al., "On the modeling of rectangular geometries in room acoustic simulations", 2015, have them.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import torch
from torch import Tensor

SPEED_OF_SOUND = 343.0
#: Samples over which one reflection, which arrives between samples, is spread.
SPREAD = 32
#: Metres by which images are out of place. Walls that were exactly flat and parallel would give
#: echoes in even steps, which are heard as sweeping tones.
UNEVEN = 0.08


class Room(NamedTuple):
    """A rectangular room: metres, and the share of energy that each pair of walls takes.

    Attributes:
        size: length, width, height.
        absorption: of the two walls across the length, of those across the width, of floor and
            ceiling.
        source, ears: places in the room, the latter [number, 3].
    """

    size: tuple[float, float, float]
    absorption: tuple[tuple[float, float], ...]
    source: tuple[float, float, float]
    ears: tuple[tuple[float, float, float], ...]


#: A small concert hall: plaster and wood, an audience on the floor. Ears are 18 cm apart.
HALL = Room(
    size=(24.0, 15.0, 9.0),
    absorption=((0.25, 0.35), (0.22, 0.25), (0.60, 0.20)),
    source=(4.1, 6.7, 1.6),
    ears=((14.3, 8.12, 1.5), (14.3, 8.30, 1.5)),
)


def impulse_response(room: Room, taps: int, rate: int) -> Tensor:
    """What each ear hears of one click, from the click on: [ears, taps] in float64.

    Each image of the source in the walls is heard d / c later, 1 / (4 pi d) as loud, and that much
    less for every wall in between. Walls reflect all frequencies alike.
    """
    reach = SPEED_OF_SOUND * taps / rate
    along = [_images(room, axis, reach) for axis in range(3)]
    return torch.stack([_heard(along, ear, taps, rate) for ear in room.ears])


def reverberation_time(response: Tensor, rate: int) -> float:
    """Seconds in which sound fades by 60 dB: of the slope from -5 to -35 dB (T30)."""
    decay = decay_curve(response)
    inside = ((decay <= -5) & (decay >= -35)).nonzero()[:, 0]
    fall = float(decay[inside[0]] - decay[inside[-1]])
    return 60 / fall * float(inside[-1] - inside[0]) / rate


def decay_curve(response: Tensor) -> Tensor:
    """dB of the energy that is still to come at each sample (Schroeder), 0 at the start: [n]."""
    energy = response.square().flip(-1).cumsum(-1).flip(-1)
    return 10 * torch.log10(energy / energy[0])


def _images(room: Room, axis: int, reach: float) -> tuple[Tensor, Tensor]:
    """Places of the images along one axis, and how loud walls across it leave them: [n] each."""
    size, at = room.size[axis], room.source[axis]
    near, far = (math.sqrt(1 - share) for share in room.absorption[axis])
    count = math.ceil(reach / (2 * size)) + 1
    places, loud = [], []
    for turned, n in itertools.product((0, 1), range(-count, count + 1)):
        places.append((1 - 2 * turned) * at + 2 * n * size)
        loud.append(near ** abs(n - turned) * far ** abs(n))
    return torch.tensor(places, dtype=torch.float64), torch.tensor(loud, dtype=torch.float64)


def _heard(
    along: list[tuple[Tensor, Tensor]], ear: tuple[float, float, float], taps: int, rate: int
) -> Tensor:
    """All images together at one place: [taps]."""
    x, y, z = ((places - at).square() for (places, _), at in zip(along, ear, strict=True))
    distance = (x[:, None, None] + y[:, None] + z).sqrt().flatten()
    # The sound itself is the nearest; what is random is the same for all ears.
    shift = torch.rand(len(distance), generator=torch.Generator().manual_seed(0)) - 0.5
    shift[distance.argmin()] = 0
    distance = distance + 2 * UNEVEN * shift
    a, b, c = (loud for _, loud in along)
    loud = (a[:, None, None] * b[:, None] * c).flatten() / (4 * math.pi * distance)
    delay = distance * (rate / SPEED_OF_SOUND)
    inside = delay < taps
    delay, loud = delay[inside], loud[inside]
    # One row of SPREAD samples around each arrival, added where rows of others overlap it.
    first = delay.floor().to(torch.int64) - SPREAD // 2 + 1
    offset = torch.arange(SPREAD, dtype=torch.float64) + (first - delay)[:, None]
    window = 0.5 + 0.5 * torch.cos(2 * math.pi / SPREAD * offset)
    rows = loud[:, None] * window * torch.sinc(offset)
    heard = torch.zeros(taps + 2 * SPREAD, dtype=torch.float64)
    places = first[:, None] + SPREAD + torch.arange(SPREAD)
    heard.index_add_(0, places.flatten(), rows.flatten())
    return heard[SPREAD : SPREAD + taps]
