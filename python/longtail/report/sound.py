"""Samples -> the bytes of a WAV file."""

from __future__ import annotations

import io
import wave

import torch
from torch import Tensor


def wav(samples: Tensor, rate: int) -> bytes:
    """Samples [channels, n] from -1 to 1 in 16 bits; what is louder is cut off."""
    steps = (samples.to(torch.float64) * 32767).round().clamp(-32768, 32767).to(torch.int16)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(steps.shape[0])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(steps.T.contiguous().numpy().astype("<i2").tobytes())
    return buffer.getvalue()
