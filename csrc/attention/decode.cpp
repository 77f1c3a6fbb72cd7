#include "attention/decode.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>

#include "attention/cache_level.h"
#include "attention/decode_level.h"

namespace longtail::attention {
namespace {

const DecodeKernels& kernels() {
  static constexpr PerDotLevel<const DecodeKernels*> levels =
      LONGTAIL_ADDRESS_PER_DOT_LEVEL(kDecodeKernels);
  return *levels[cpu_level()];
}

// Words that all splits of the rows in work may take.
constexpr std::int64_t kWorkspace = std::int64_t{1} << 23;

constexpr std::align_val_t kAlignment{64};
struct Free {
  void operator()(void* memory) const { ::operator delete(memory, kAlignment); }
};
template <class T>
using Buffer = std::unique_ptr<T[], Free>;
template <class T>
Buffer<T> buffer(std::int64_t size) {
  return Buffer<T>(static_cast<T*>(::operator new(size * sizeof(T), kAlignment)));
}

std::int64_t blocks_of(std::int64_t size, std::int64_t block) { return (size + block - 1) / block; }

/// Some rows of every sequence and cache head at once: all their splits, then the merge.
class RowsInWork {
 public:
  RowsInWork(const CacheLayout& layout, const ConstCache& cache, const DecodeCall& call,
             const ParallelFor& parallel_for)
      : layout_(layout),
        cache_(cache),
        call_(call),
        parallel_for_(parallel_for),
        all_rows_(call.heads / cache.kv_heads * call.q_len),
        heads_(cache.batch * cache.kv_heads),
        splits_(
            blocks_of(*std::max_element(cache.lengths, cache.lengths + cache.batch), kSplitTokens)),
        element_(item_size(call.dtype)),
        code_words_(layout.k_width() / (layout.per_word() / 2)) {
    const std::int64_t row_size =
        heads_ * (splits_ * (layout.v_width() + 2) + 2 * layout.k_width() + 1 + 3 * kMaxGroups);
    const std::int64_t fitting = kWorkspace / row_size / kRowBlock * kRowBlock;
    rows_ =
        std::clamp<std::int64_t>(fitting, kRowBlock, blocks_of(all_rows_, kRowBlock) * kRowBlock);
    const std::int64_t rows = heads_ * rows_;
    q_ = buffer<float>(rows * layout.k_width());
    codes_ = buffer<std::int32_t>(rows * code_words_);
    per_row_ = buffer<float>(rows * (1 + 3 * kMaxGroups));
    sums_ = buffer<float>(rows * splits_ * layout.v_width());
    tops_ = buffer<float>(rows * splits_ * 2);
  }

  void run() {
    for (first_ = 0; first_ < all_rows_; first_ += rows_) {
      count_ = std::min(rows_, all_rows_ - first_);
      const std::int64_t blocks = blocks_of(count_, kRowBlock);
      over(heads_, [&](std::int64_t h) { prepare(h); });
      over(heads_ * splits_ * blocks, [&](std::int64_t i) {
        split(i / blocks / splits_, i / blocks % splits_, i % blocks * kRowBlock);
      });
      over(heads_, [&](std::int64_t h) {
        for (std::int64_t r = 0; r < count_; ++r) merge(h, r);
      });
    }
  }

 private:
  template <class Task>
  void over(std::int64_t count, const Task& task) {
    run_parallel(parallel_for_, 0, count, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) task(i);
    });
  }

  QueryRows queries(std::int64_t head, std::int64_t row) const {
    const std::int64_t at = head * rows_ + row, all = heads_ * rows_;
    float* groups = per_row_.get() + all;
    return {q_.get() + at * layout_.k_width(), per_row_.get() + at,
            codes_.get() + at * code_words_,   groups + at * kMaxGroups,
            groups + (all + at) * kMaxGroups,  groups + (2 * all + at) * kMaxGroups};
  }
  ConstHead head(std::int64_t index) const {
    return cache_.head(layout_, index, static_cast<int>(item_size(cache_.dtype)));
  }

  void prepare(std::int64_t h) {
    const std::int64_t packed = cache_.packed[h / cache_.kv_heads];
    const auto* q = static_cast<const std::byte*>(call_.q) +
                    (h * all_rows_ + first_) * layout_.k_dim * element_;
    kernels().prepare[element_index(call_.dtype)](
        {layout_, q, count_, call_.scale, packed > 0 ? head(h).mean : nullptr, queries(h, 0)});
    // Rows that fill a block up: they see nothing, but are read.
    const std::int64_t filled = blocks_of(count_, kRowBlock) * kRowBlock, width = layout_.k_width();
    const QueryRows spare = queries(h, count_);
    const std::int64_t rows = filled - count_;
    std::fill_n(spare.q, rows * width, 0.0f);
    std::fill_n(spare.codes, rows * code_words_, 0);
    std::fill_n(spare.bias, rows, 0.0f);
    std::fill_n(spare.steps, rows * kMaxGroups, 0.0f);
    std::fill_n(spare.sums, rows * kMaxGroups, 0.0f);
    std::fill_n(spare.offsets, rows * kMaxGroups, 0.0f);
  }

  void split(std::int64_t h, std::int64_t s, std::int64_t row) {
    const std::int64_t b = h / cache_.kv_heads, length = cache_.lengths[b];
    const std::int64_t at = (h * splits_ + s) * rows_ + row;
    SplitJob job{};
    job.layout = layout_;
    job.head = head(h);
    job.tail_type = element_index(cache_.dtype);
    job.packed = cache_.packed[b];
    job.rows = static_cast<int>(std::min<std::int64_t>(kRowBlock, count_ - row));
    job.queries = queries(h, row);
    job.sums = sums_.get() + at * layout_.v_width();
    job.tops = tops_.get() + at;
    job.mass = tops_.get() + heads_ * rows_ * splits_ + at;
    std::int64_t visible = 0;
    for (int r = 0; r < job.rows; ++r) {
      const std::int64_t all = first_ + row + r, query = all % call_.q_len;
      const std::int64_t seen = call_.is_causal ? length - call_.q_len + query + 1 : length;
      job.visible[r] = std::max<std::int64_t>(seen, 0);
      visible = std::max(visible, job.visible[r]);
      if (call_.mask != nullptr) {
        const std::int64_t* stride = call_.mask_stride;
        const std::int64_t head =
            h % cache_.kv_heads * (all_rows_ / call_.q_len) + all / call_.q_len;
        job.mask[r] = call_.mask + b * stride[0] + head * stride[1] + query * stride[2];
        job.mask_stride = stride[3];
      }
    }
    job.begin = s * kSplitTokens;
    job.end = std::min(visible, job.begin + kSplitTokens);
    if (job.begin < job.end) {
      kernels().split(job);
    } else {
      std::fill_n(job.tops, job.rows, -std::numeric_limits<float>::infinity());
    }
  }

  void merge(std::int64_t h, std::int64_t row) {
    const std::int64_t at = h * splits_ * rows_ + row, result = h * all_rows_ + first_ + row;
    kernels().merge[element_index(call_.dtype)](
        {static_cast<int>(splits_), layout_.v_width(), layout_.v_dim, rows_,
         sums_.get() + at * layout_.v_width(), tops_.get() + at,
         tops_.get() + heads_ * rows_ * splits_ + at,
         static_cast<std::byte*>(call_.out) + result * layout_.v_dim * element_,
         call_.lse + result});
  }

  const CacheLayout& layout_;
  const ConstCache& cache_;
  const DecodeCall& call_;
  const ParallelFor& parallel_for_;
  std::int64_t all_rows_, heads_, splits_, element_;
  std::int64_t code_words_;                    // of a row's rounded query
  std::int64_t rows_, first_ = 0, count_ = 0;  // rows in work at a time, the first, how many
  Buffer<float> q_, per_row_, sums_, tops_;
  Buffer<std::int32_t> codes_;
};

}  // namespace

void decode(const CacheLayout& layout, const ConstCache& cache, const DecodeCall& call,
            const ParallelFor& parallel_for) {
  if (cache.batch * call.heads * call.q_len == 0) return;
  RowsInWork(layout, cache, call, parallel_for).run();
}

}  // namespace longtail::attention
