"""TensorFlow Probability on JAX, in its own environment; see bench/kit/runner.py, class Peer.

`{"do": "load", "function": "log_bessel_i", "path": file.npz, "out": file.npy}` compiles for the
arrays v and x of the file, and stores the result; `{"do": "run"}` answers with the seconds of one
call; `{"do": "versions"}` with what is installed.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import jax
import numpy as np

jax.config.update("jax_enable_x64", True)

from tensorflow_probability.substrates import jax as tfp  # noqa: E402  (needs 64 bits set first)

FUNCTIONS = {
    "log_bessel_i": jax.jit(lambda v, x: tfp.math.log_bessel_ive(v, x) + x),
    "log_bessel_k": jax.jit(lambda v, x: tfp.math.log_bessel_kve(v, x) - x),
}


class Worker:
    """Answers one request at a time."""

    def load(self, function: str, path: str, out: str) -> dict[str, Any]:
        with np.load(path) as stored:
            self.arguments = [jax.device_put(stored[name]) for name in ("v", "x")]
        self.function = FUNCTIONS[function]
        np.save(out, np.asarray(self.function(*self.arguments).block_until_ready()))
        return {}

    def run(self) -> dict[str, Any]:
        start = time.perf_counter()
        self.function(*self.arguments).block_until_ready()
        return {"seconds": time.perf_counter() - start}

    def versions(self) -> dict[str, Any]:
        return {"jax": jax.__version__, "tensorflow-probability": tfp.__version__}


def main() -> None:
    worker = Worker()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(worker, request.pop("do"))(**request)
        except Exception as error:  # the parent process shows it
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
