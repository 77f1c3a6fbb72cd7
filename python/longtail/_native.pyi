from typing import TypedDict

import numpy as np

class BuildInfo(TypedDict):
    version: str
    compiler: str
    build_type: str
    flags: str
    cpu_levels: list[str]
    cuda: str

def cpu_level() -> str: ...
def available_cpu_levels() -> list[str]: ...
def build_info() -> BuildInfo: ...

log_bessel_i: np.ufunc
log_bessel_k: np.ufunc
log_bessel_ie: np.ufunc
log_bessel_ke: np.ufunc
bessel_i_ratio: np.ufunc
bessel_k_ratio: np.ufunc
log_hyp0f1: np.ufunc
matern: np.ufunc
