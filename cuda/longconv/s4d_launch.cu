// Launches of diagonal state spaces.
#include "cuda/core/launch.h"
#include "cuda/longconv/s4d_scan.cuh"
#include "cuda/longconv/s4d_vandermonde.cuh"

namespace longtail::cuda {
namespace {

// Blocks beyond these take turns.
unsigned blocks_of(std::int64_t tasks) {
  constexpr std::int64_t most = std::int64_t{1} << 20;
  return static_cast<unsigned>(tasks < most ? tasks : most);
}

}  // namespace

template <class S>
void launch_vandermonde(const longconv::VandermondeShape& shape, const double* base,
                        const double* weights, S* k, cudaStream_t stream) {
  const std::int64_t tasks = shape.rows * shape.heads * s4d_tiles(shape.length);
  vandermonde<S><<<blocks_of(tasks), kS4dThreads, 0, stream>>>(shape, base, weights, k);
  check_launch("vandermonde");
}

template <class S>
void launch_vandermonde_transposed(const longconv::VandermondeShape& shape, const double* base,
                                   const S* v, double* partial, double* sums, cudaStream_t stream) {
  const std::int64_t rows = shape.rows * shape.heads, tasks = rows * s4d_tiles(shape.length);
  if (tasks > 0) {
    vandermonde_tiles<S><<<blocks_of(tasks), kS4dThreads, 0, stream>>>(shape, base, v, partial);
    check_launch("vandermonde_transposed");
  }
  const std::int64_t all = (rows * shape.states + kS4dThreads - 1) / kS4dThreads;
  vandermonde_combine<<<blocks_of(all), kS4dThreads, 0, stream>>>(shape, base, partial, sums);
  check_launch("vandermonde_transposed");
}

template <class E>
void launch_s4d_scan(const longconv::S4dShape& shape, const longconv::S4dInputs& inputs, void* sums,
                     E* y, double* final_state, cudaStream_t stream) {
  using S = compute_type<E>;
  const std::int64_t parts = (shape.batch + kS4dScanWarps - 1) / kS4dScanWarps;
  const unsigned blocks = blocks_of(shape.heads * shape.outputs * parts);
  S* const between = static_cast<S*>(sums);
  std::int64_t group = 0;
  for (; group + kS4dLanes < shape.states; group += kS4dLanes) {
    s4d_scan<E, S, S><<<blocks, kS4dScanThreads, 0, stream>>>(
        shape, inputs, group, group == 0 ? nullptr : between, between, final_state);
    check_launch("s4d_scan");
  }
  s4d_scan<E, S, E><<<blocks, kS4dScanThreads, 0, stream>>>(
      shape, inputs, group, group == 0 ? nullptr : between, y, final_state);
  check_launch("s4d_scan");
}

template <class E>
void launch_s4d_step(const longconv::S4dStep& step, E* y, void* new_state, cudaStream_t stream) {
  using P = compute_type<E>;
  s4d_step<E, P><<<blocks_of(step.batch * step.heads), kS4dLanes, 0, stream>>>(
      step, y, static_cast<P*>(new_state));
  check_launch("s4d_step");
}

#define LONGTAIL_INSTANTIATE(S)                                                                    \
  template void launch_vandermonde<S>(const longconv::VandermondeShape&, const double*,            \
                                      const double*, S*, cudaStream_t);                            \
  template void launch_vandermonde_transposed<S>(const longconv::VandermondeShape&, const double*, \
                                                 const S*, double*, double*, cudaStream_t);
LONGTAIL_INSTANTIATE(float)
LONGTAIL_INSTANTIATE(double)
#undef LONGTAIL_INSTANTIATE

#define LONGTAIL_INSTANTIATE(E)                                                                  \
  template void launch_s4d_scan<E>(const longconv::S4dShape&, const longconv::S4dInputs&, void*, \
                                   E*, double*, cudaStream_t);                                   \
  template void launch_s4d_step<E>(const longconv::S4dStep&, E*, void*, cudaStream_t);
LONGTAIL_INSTANTIATE(float)
LONGTAIL_INSTANTIATE(double)
LONGTAIL_INSTANTIATE(float16)
LONGTAIL_INSTANTIATE(bfloat16)
#undef LONGTAIL_INSTANTIATE

}  // namespace longtail::cuda
