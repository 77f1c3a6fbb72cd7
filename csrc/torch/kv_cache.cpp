// Quantised key-value caches on the CPU. Here, unlike on a GPU, lengths can be read, and those that
// would leave the cache's memory are refused.
#include "torch/kv_cache.h"

namespace longtail::torch_layer {
namespace {

void check_lengths(const char* function, const attention::CacheLayout& layout,
                   const std::int64_t* lengths, const std::int64_t* packed, std::int64_t batch,
                   std::int64_t longest) {
  for (std::int64_t b = 0; b < batch; ++b) {
    check_argument(0 <= lengths[b] && lengths[b] <= longest, function, "lengths", lengths[b],
                   "0 to " + std::to_string(longest));
    const std::int64_t least = attention::packed_after(layout.format, 0, 0, lengths[b]);
    const bool rotated = layout.format == attention::KFormat::token_rotated;
    check_argument(packed[b] == least || (rotated && packed[b] == lengths[b]), function, "packed",
                   packed[b],
                   std::to_string(least) + ", as of length " + std::to_string(lengths[b]));
  }
}

struct CpuBackend {
  static void append(const attention::CacheLayout& layout, const attention::MutableCache& cache,
                     std::int64_t tokens, const Tensor& counts, const Tensor& k, const Tensor& v) {
    const auto* count = static_cast<const std::int64_t*>(counts.const_data_ptr());
    const std::int64_t room = cache.tiles * attention::kTileTokens;
    check_lengths("kv_append", layout, cache.lengths, cache.packed, cache.batch, room);
    for (std::int64_t b = 0; b < cache.batch; ++b) {
      const std::int64_t most = std::min(tokens, room - cache.lengths[b]);
      check_argument(0 <= count[b] && count[b] <= most, "kv_append", "counts", count[b],
                     "0 to " + std::to_string(most));
    }
    attention::cache_append(layout, cache, tokens, count, k.const_data_ptr(), v.const_data_ptr(),
                            torch_parallel_for());
  }
  static void decode(const attention::CacheLayout& layout, const attention::ConstCache& cache,
                     const attention::DecodeCall& call, std::int64_t max_length, const Tensor&) {
    check_lengths("kv_attend", layout, cache.lengths, cache.packed, cache.batch, max_length);
    attention::decode(layout, cache, call, torch_parallel_for());
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CPU, m) { register_kv_cache<CpuBackend>(m); }

}  // namespace longtail::torch_layer
