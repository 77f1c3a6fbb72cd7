// The CUDA entry points of diagonal state spaces; no torch here. Formulas: csrc/longconv/s4d.h.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "longconv/s4d.h"

namespace longtail::cuda {

constexpr int kS4dLanes = 32;       // states of a group, steps of a block: a warp's lanes
constexpr int kS4dThreads = 256;    // of the Vandermonde kernels
constexpr int kS4dTileBlocks = 32;  // blocks of a tile
constexpr int kS4dTile = kS4dLanes * kS4dTileBlocks;
constexpr int kS4dScanWarps = 4;  // rows of a head that go through it together

inline std::int64_t s4d_tiles(std::int64_t length) { return (length + kS4dTile - 1) / kS4dTile; }

/// S is float or double.
template <class S>
void launch_vandermonde(const longconv::VandermondeShape& shape, const double* base,
                        const double* weights, S* k, cudaStream_t stream);

/// `partial` holds R H tiles S pairs of doubles.
template <class S>
void launch_vandermonde_transposed(const longconv::VandermondeShape& shape, const double* base,
                                   const S* v, double* partial, double* sums, cudaStream_t stream);

/// `sums` holds as many numbers as y has, of the type computed in, where there are more than
/// kS4dLanes states.
template <class E>
void launch_s4d_scan(const longconv::S4dShape& shape, const longconv::S4dInputs& inputs, void* sums,
                     E* y, double* final_state, cudaStream_t stream);

template <class E>
void launch_s4d_step(const longconv::S4dStep& step, E* y, void* new_state, cudaStream_t stream);

}  // namespace longtail::cuda
