// The launches of kan_parameters.cuh and kan_collect.cuh.
#include "cuda/rational/kan_parameters.cuh"

#include <algorithm>

#include "cuda/core/launch.h"
#include "cuda/rational/kan_collect.cuh"
#include "cuda/rational/kan_launch.h"

namespace longtail::cuda {
namespace {

// Blocks for one element a thread, as many as are worth having; the kernels loop over the rest.
unsigned element_blocks(std::int64_t count) {
  return static_cast<unsigned>(std::min<std::int64_t>(kan_ceil(count, kKanThreads), 1 << 16));
}

}  // namespace

template <class S>
void launch_kan_table(const rational::BasisShape& shape, std::int64_t columns,
                      const KanSource& first, const KanSource& second, S* table,
                      cudaStream_t stream) {
  if (rational::table_rows(shape) == 0 || columns == 0) return;
  const auto blocks = static_cast<unsigned>(kan_ceil(columns, kKanThreads));
  kan_fill_table<S><<<blocks, kKanThreads, 0, stream>>>(shape, columns, first, second, table);
  check_launch("kan");
}

template <class S>
void launch_kan_pack(const KanSource& weight, std::int64_t outputs, std::int64_t depth, S* packed,
                     cudaStream_t stream) {
  const std::int64_t blocks = kan_ceil(outputs, kKanSquare) * kan_ceil(depth, kKanSquare);
  if (blocks == 0) return;
  kan_pack<S>
      <<<static_cast<unsigned>(blocks), kKanThreads, 0, stream>>>(weight, outputs, depth, packed);
  check_launch("kan_linear");
}

template <class S>
void launch_kan_convert(const KanSource& source, std::int64_t count, S* to, cudaStream_t stream) {
  if (count == 0) return;
  kan_convert<S><<<element_blocks(count), kKanThreads, 0, stream>>>(source, count, to);
  check_launch("kan_linear_backward");
}

template <class S>
void launch_hat_edges(const KanSource& weight, const KanSource& scale, const KanSource& shift,
                      std::int64_t count, S* edges, cudaStream_t stream) {
  if (count == 0) return;
  kan_read_edges<S>
      <<<element_blocks(count), kKanThreads, 0, stream>>>(weight, scale, shift, count, edges);
  check_launch("mexican_hat_linear");
}

void launch_kan_collect(const double* partial, std::int64_t terms, std::int64_t size, void* to,
                        DType dtype, cudaStream_t stream) {
  if (size == 0) return;
  const auto blocks = static_cast<unsigned>(kan_ceil(size, kKanThreads / kKanSharers));
  kan_collect<<<blocks, kKanThreads, 0, stream>>>(partial, terms, size, to, dtype);
  check_launch("kan_backward");
}

#define LONGTAIL_KAN_PARAMETERS_OF(S)                                                            \
  template void launch_kan_table<S>(const rational::BasisShape&, std::int64_t, const KanSource&, \
                                    const KanSource&, S*, cudaStream_t);                         \
  template void launch_kan_pack<S>(const KanSource&, std::int64_t, std::int64_t, S*,             \
                                   cudaStream_t);                                                \
  template void launch_kan_convert<S>(const KanSource&, std::int64_t, S*, cudaStream_t);         \
  template void launch_hat_edges<S>(const KanSource&, const KanSource&, const KanSource&,        \
                                    std::int64_t, S*, cudaStream_t);
LONGTAIL_KAN_PARAMETERS_OF(float)
LONGTAIL_KAN_PARAMETERS_OF(double)

}  // namespace longtail::cuda
