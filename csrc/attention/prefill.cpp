#include "attention/prefill.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "attention/prefill_level.h"
#include "attention/quantise.h"
#include "core/buffer.h"

namespace longtail::attention {
namespace {

const PrefillKernels& kernels() {
  static constexpr PerDotLevel<const PrefillKernels*> levels =
      LONGTAIL_ADDRESS_PER_DOT_LEVEL(kPrefillKernels);
  return *levels[cpu_level()];
}

// Packed heads that are held at a time, in bytes: beyond the caches nothing is gained by more.
constexpr std::int64_t kPackedBytes = std::int64_t{1} << 25;
// Likewise the part of the scores that smoothing queries leaves in float32.
constexpr std::int64_t kRestBytes = std::int64_t{1} << 25;
// 1 / ln 2: scores are exponents of two.
constexpr float kLog2E = 0x1.715476p+0f;
// Keys whose statistics are one sum.
constexpr std::int64_t kStatisticKeys = 1024;
// Channels of a padded row of floats.
constexpr int kPadded = kMeanFloats;

std::int64_t blocks_of(std::int64_t length, std::int64_t block) {
  return (length + block - 1) / block;
}
int count_of(std::int64_t length, std::int64_t first, std::int64_t block) {
  return static_cast<int>(std::min(block, length - first));
}

float largest_query(Codes codes) { return codes == Codes::int4 ? 7 : 127; }
float largest_key(Codes codes) { return codes == Codes::int8 ? 127 : 7; }

/// The options as they act: strict causality knows neither means nor shared scales.
struct Plan {
  explicit Plan(const Problem& problem)
      : problem(problem),
        strict(problem.options.strict),
        smooth_q(problem.options.smooth == Smooth::qk && !strict),
        smooth_k(problem.options.smooth != Smooth::none && !strict) {
    const bool per_token = strict || problem.options.codes == Codes::q8k4;
    const auto format = [&](float largest) {
      return CodeFormat{largest, per_token, problem.options.rotate,
                        int(score_channels(problem.channels, problem.options))};
    };
    query = format(largest_query(problem.options.codes));
    key = format(largest_key(problem.options.codes));
    sizes = kernels().sizes(key.channels, int(problem.value_channels), strict);
  }

  /// Rows [first, first + count) of a head.
  Rows rows(const InputHeads& of, std::int64_t batch, std::int64_t head, std::int64_t first,
            int count, std::int64_t channels) const {
    const std::int64_t size = item_size(problem.dtype);
    return {of.data + (batch * of.batch + head * of.head + first * of.row) * size, problem.dtype,
            of.row * size, count, int(channels)};
  }

  const Problem& problem;
  bool strict, smooth_q, smooth_k;
  CodeFormat query, key;
  PackedSizes sizes;
};

/// The statistics of one tensor's channels in one head.
struct Channels {
  float *mean, *scale, *inverse;  // [kPadded]

  void place(Layout& layout) {
    mean = layout.place<float>(kPadded);
    scale = layout.place<float>(kPadded);
    inverse = layout.place<float>(kPadded);
  }
};

/// Keys and values of one sequence and head, and where they go.
struct PackedSequence {
  const Sequence* sequence;
  std::int64_t head;
  Channels key, value;
  std::byte *key_codes, *value_codes;
  float* key_scale;
  std::int32_t* value_sum;

  std::int64_t blocks() const { return blocks_of(sequence->keys, kKeyBlock); }

  void place(const Plan& plan, Layout& layout) {
    const std::int64_t count = blocks();
    key.place(layout);
    value.place(layout);
    key_codes = layout.place<std::byte>(count * plan.sizes.key_block);
    value_codes = layout.place<std::byte>(count * plan.sizes.value_block);
    key_scale = layout.place<float>(count * kKeyBlock);
    value_sum = layout.place<std::int32_t>(count * plan.sizes.value_channels);
  }

  PackedHead packed(const Plan& plan) const {
    return {key_codes,
            key_scale,
            plan.smooth_k ? key.mean : nullptr,
            value_codes,
            plan.strict ? nullptr : value.scale,
            plan.smooth_k ? value.mean : nullptr,
            value_sum};
  }
};

/// Sums over a piece of the keys.
struct Piece {
  std::vector<double> sum;
  std::vector<float> low, high;
  bool abnormal = false;

  explicit Piece(std::int64_t channels)
      : sum(channels),
        low(channels, std::numeric_limits<float>::infinity()),
        high(channels, -std::numeric_limits<float>::infinity()) {}

  void take(const Piece& other) {
    for (std::size_t c = 0; c < sum.size(); ++c) {
      sum[c] += other.sum[c];
      low[c] = std::min(low[c], other.low[c]);
      high[c] = std::max(high[c], other.high[c]);
    }
    abnormal = abnormal || other.abnormal;
  }
};

/// Mean, scale and inverse scale of every channel, by way of pieces in a fixed order.
void channel_statistics(const Plan& plan, const InputHeads& of, std::int64_t channels, bool smooth,
                        const PackedSequence& head, const Channels& result,
                        const ParallelFor& parallel_for) {
  const Sequence& sequence = *head.sequence;
  const std::int64_t count = blocks_of(sequence.keys, kStatisticKeys);
  std::vector<Piece> pieces(count, Piece(channels));
  run_parallel(parallel_for, 0, count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      const std::int64_t first = p * kStatisticKeys;
      const int keys = count_of(sequence.keys, first, kStatisticKeys);
      kernels().channel_statistics(
          {plan.rows(of, sequence.batch, head.head, sequence.first_key + first, keys, channels),
           pieces[p].sum.data(), pieces[p].low.data(), pieces[p].high.data(), &pieces[p].abnormal});
    }
  });
  Piece total(channels);
  for (const Piece& piece : pieces) total.take(piece);
  std::fill_n(result.mean, kPadded, 0.0f);
  std::fill_n(result.scale, kPadded, 0.0f);
  std::fill_n(result.inverse, kPadded, 0.0f);
  if (sequence.keys == 0) return;  // nothing is the largest of nothing
  for (std::int64_t c = 0; c < channels; ++c) {
    if (smooth) result.mean[c] = float(total.sum[c] / double(sequence.keys));
    const float high = total.high[c] - result.mean[c], low = total.low[c] - result.mean[c];
    const float spoilt = total.abnormal ? std::numeric_limits<float>::quiet_NaN() : 0.0f;
    const float largest = std::max(std::abs(high), std::abs(low)) + spoilt;
    result.scale[c] = group_scale(largest, 127);
    result.inverse[c] = group_inverse(largest, 127);
  }
}

void measure_head(const Plan& plan, const PackedSequence& head, const ParallelFor& parallel_for) {
  const Problem& problem = plan.problem;
  if (plan.smooth_k) {
    channel_statistics(plan, problem.k, problem.channels, true, head, head.key, parallel_for);
  }
  if (!plan.strict) {
    channel_statistics(plan, problem.v, problem.value_channels, plan.smooth_k, head, head.value,
                       parallel_for);
  }
}

Rows keys_of(const Plan& plan, const InputHeads& of, const PackedSequence& head, std::int64_t block,
             std::int64_t channels) {
  const Sequence& sequence = *head.sequence;
  const std::int64_t first = block * kKeyBlock;
  return plan.rows(of, sequence.batch, head.head, sequence.first_key + first,
                   count_of(sequence.keys, first, kKeyBlock), channels);
}

KeyJob key_job(const Plan& plan, const PackedSequence& head, std::int64_t block) {
  return {.rows = keys_of(plan, plan.problem.k, head, block, plan.problem.channels),
          .format = plan.key,
          .mean = plan.smooth_k ? head.key.mean : nullptr,
          .codes = nullptr,
          .scale = nullptr,
          .dequantised = nullptr,
          .dequantised_stride = 0};
}

ValueJob value_job(const Plan& plan, const PackedSequence& head, std::int64_t block) {
  return {.rows = keys_of(plan, plan.problem.v, head, block, plan.problem.value_channels),
          .mean = plan.smooth_k ? head.value.mean : nullptr,
          .inverse = plan.strict ? nullptr : head.value.inverse,
          .codes = nullptr,
          .sum = nullptr,
          .scale = head.value.scale,
          .dequantised = nullptr,
          .dequantised_stride = 0};
}

void pack_block(const Plan& plan, const PackedSequence& head, std::int64_t block) {
  KeyJob key = key_job(plan, head, block);
  key.codes = head.key_codes + block * plan.sizes.key_block;
  key.scale = head.key_scale + block * kKeyBlock;
  kernels().pack_keys(key);
  ValueJob value = value_job(plan, head, block);
  value.codes = head.value_codes + block * plan.sizes.value_block;
  value.sum = head.value_sum + block * plan.sizes.value_channels;
  kernels().pack_values(value);
}

/// Keys before row i of a sequence that the row may not yet see, itself not counted.
std::int64_t causal_shift(const Plan& plan, const Sequence& sequence) {
  const bool at_end = plan.problem.options.causal == Causal::bottom_right;
  return 1 + (at_end ? sequence.keys - sequence.rows : 0);
}

/// One entry per block of rows; of one sequence the first and the last come in turn, so that a
/// causal mask leaves the same work to every half of the list.
struct Block {
  const PackedSequence* head;
  std::int64_t query_head, block;
};
std::vector<Block> row_blocks(const Plan& plan, std::span<const PackedSequence> heads) {
  std::vector<Block> result;
  const std::int64_t share = plan.problem.heads / plan.problem.key_heads;
  for (const PackedSequence& head : heads) {
    const std::int64_t count = blocks_of(head.sequence->rows, kQueryBlock);
    for (std::int64_t h = head.head * share; h < (head.head + 1) * share; ++h) {
      for (std::int64_t b = 0; b < count; ++b) {
        result.push_back({&head, h, b % 2 == 0 ? b / 2 : count - 1 - b / 2});
      }
    }
  }
  return result;
}

Rows rows_of(const Plan& plan, const Block& block) {
  const Sequence& sequence = *block.head->sequence;
  const std::int64_t first = block.block * kQueryBlock;
  return plan.rows(plan.problem.q, sequence.batch, block.query_head, sequence.first_row + first,
                   count_of(sequence.rows, first, kQueryBlock), plan.problem.channels);
}

void attend_block(const Plan& plan, const Block& block, const float* rest, const OutputHeads& out,
                  const Heads<float>& lse) {
  const Problem& problem = plan.problem;
  const Sequence& sequence = *block.head->sequence;
  const std::int64_t first = block.block * kQueryBlock, row = sequence.first_row + first;
  const std::int64_t size = item_size(problem.dtype);
  const Mask& mask = problem.mask;
  const std::int64_t mask_size = mask.kind == Mask::Kind::boolean ? 1 : item_size(mask.dtype);
  const std::byte* mask_data = nullptr;
  if (mask.kind != Mask::Kind::none) {
    mask_data =
        mask.data +
        (sequence.batch * mask.batch + block.query_head * mask.head + first * mask.row) * mask_size;
  }
  kernels().attend_rows(
      {.rows = rows_of(plan, block),
       .query_format = plan.query,
       .value_channels = int(problem.value_channels),
       .head = block.head->packed(plan),
       .mask = {mask.kind, mask.dtype, mask_data, mask.row * mask_size, mask.key * mask_size},
       .keys = sequence.keys,
       .causal_shift = first + causal_shift(plan, sequence),
       .causal = problem.options.causal != Causal::none,
       .smooth_q = plan.smooth_q,
       .rest = rest,
       .strict = plan.strict,
       .scale = problem.options.scale,
       .out = out.data +
              (sequence.batch * out.batch + block.query_head * out.head + row * out.row) * size,
       .out_stride = out.row * size,
       .lse = lse.data + sequence.batch * lse.batch + block.query_head * lse.head + row * lse.row,
       .lse_stride = lse.row});
}

/// The rest of the scores of some blocks of rows: [blocks][keys, whole blocks].
class Rest {
 public:
  Rest(const Plan& plan, std::span<const Block> blocks, const ParallelFor& parallel_for) {
    if (!plan.smooth_q) return;
    for (const Block& block : blocks) {
      stride_ = std::max(stride_, block.head->blocks() * kKeyBlock);
    }
    const auto count = static_cast<std::int64_t>(blocks.size());
    memory_ = Buffer(count * stride_ * std::int64_t{sizeof(float)});
    const Buffer means(count * kMeanFloats * std::int64_t{sizeof(float)});
    run_parallel(parallel_for, 0, count, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t b = begin; b < end; ++b) {
        kernels().query_mean({rows_of(plan, blocks[b]), means.as<float>() + b * kMeanFloats});
      }
    });
    for (std::size_t first = 0; first < blocks.size();) {
      std::size_t last = first;  // blocks of one head of keys
      while (last < blocks.size() && blocks[last].head == blocks[first].head) ++last;
      multiply(plan, *blocks[first].head, first, static_cast<int>(last - first), means,
               parallel_for);
      first = last;
    }
  }

  const float* of(std::int64_t block) const {
    return stride_ == 0 ? nullptr : memory_.as<float>() + block * stride_;
  }

 private:
  void multiply(const Plan& plan, const PackedSequence& head, std::size_t first, int count,
                const Buffer& means, const ParallelFor& parallel_for) const {
    const auto at = static_cast<std::int64_t>(first);
    run_parallel(parallel_for, 0, head.blocks(), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t b = begin; b < end; ++b) {
        kernels().rest_of_scores({keys_of(plan, plan.problem.k, head, b, plan.problem.channels),
                                  plan.smooth_k ? head.key.mean : nullptr,
                                  means.as<float>() + at * kMeanFloats, count,
                                  plan.problem.options.scale * kLog2E,
                                  memory_.as<float>() + at * stride_ + b * kKeyBlock, stride_});
      }
    });
  }

  Buffer memory_;
  std::int64_t stride_ = 0;
};

/// How many blocks of rows are taken at a time.
std::int64_t blocks_at_once(const Plan& plan, std::span<const PackedSequence> heads) {
  std::int64_t most = 1;
  for (const PackedSequence& head : heads) most = std::max(most, head.blocks() * kKeyBlock);
  const std::int64_t bytes = most * std::int64_t{sizeof(float)};
  return plan.smooth_q ? std::max<std::int64_t>(1, kRestBytes / bytes)
                       : std::numeric_limits<std::int64_t>::max();
}

/// Calls visit(heads) for groups of heads that fit kPackedBytes together, or single ones.
template <class Visit>
void for_groups_of_heads(const Plan& plan, const Visit& visit) {
  std::vector<PackedSequence> group;
  Buffer memory;
  std::int64_t capacity = 0, size = 0;
  const auto run = [&] {
    if (size > capacity) {
      memory = Buffer();
      memory = Buffer(size);
      capacity = size;
    }
    Layout layout(memory.as<std::byte>());
    for (PackedSequence& head : group) head.place(plan, layout);
    visit(std::span<const PackedSequence>(group));
    group.clear();
    size = 0;
  };
  for (const Sequence& sequence : plan.problem.sequences) {
    if (sequence.rows == 0) continue;
    for (std::int64_t h = 0; h < plan.problem.key_heads; ++h) {
      PackedSequence head{};
      head.sequence = &sequence;
      head.head = h;
      Layout own;
      head.place(plan, own);
      if (size > 0 && size + own.size() > kPackedBytes) run();
      group.push_back(head);
      size += own.size();
    }
  }
  if (!group.empty()) run();
}

/// Calls work(head, block) for all blocks of keys of all heads.
template <class Work>
void for_key_blocks(std::span<const PackedSequence> heads, const ParallelFor& parallel_for,
                    const Work& work) {
  std::vector<std::pair<const PackedSequence*, std::int64_t>> blocks;
  for (const PackedSequence& head : heads) {
    for (std::int64_t b = 0; b < head.blocks(); ++b) blocks.emplace_back(&head, b);
  }
  const auto count = static_cast<std::int64_t>(blocks.size());
  run_parallel(parallel_for, 0, count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) work(*blocks[b].first, blocks[b].second);
  });
}

}  // namespace

std::int64_t score_channels(std::int64_t channels, const Options& options) {
  if (!options.rotate) return blocks_of(channels, 4) * 4;
  std::int64_t result = 4;
  while (result < channels) result *= 2;
  return result;
}

void quantised_attention(const Problem& problem, const OutputHeads& out, const Heads<float>& lse,
                         const ParallelFor& parallel_for) {
  const Plan plan(problem);
  for_groups_of_heads(plan, [&](std::span<const PackedSequence> heads) {
    for (const PackedSequence& head : heads) measure_head(plan, head, parallel_for);
    for_key_blocks(heads, parallel_for, [&](const PackedSequence& head, std::int64_t block) {
      pack_block(plan, head, block);
    });
    const std::vector<Block> blocks = row_blocks(plan, heads);
    const auto total = static_cast<std::int64_t>(blocks.size());
    const std::int64_t step = std::min(total, blocks_at_once(plan, heads));
    for (std::int64_t first = 0; first < total; first += step) {
      const std::span<const Block> part(blocks.data() + first, std::min(step, total - first));
      const Rest rest(plan, part, parallel_for);
      run_parallel(parallel_for, 0, std::ssize(part), 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t b = begin; b < end; ++b) {
          attend_block(plan, part[b], rest.of(b), out, lse);
        }
      });
    }
  });
}

void quantised_inputs(const Problem& problem, const Heads<float>& q, const Heads<float>& k,
                      const Heads<float>& v, const ParallelFor& parallel_for) {
  const Plan plan(problem);
  const auto row_of = [](const Heads<float>& of, const Sequence& sequence, std::int64_t head,
                         std::int64_t row) {
    return of.data + sequence.batch * of.batch + head * of.head + row * of.row;
  };
  for_groups_of_heads(plan, [&](std::span<const PackedSequence> heads) {
    for (const PackedSequence& head : heads) measure_head(plan, head, parallel_for);
    for_key_blocks(heads, parallel_for, [&](const PackedSequence& head, std::int64_t block) {
      const Sequence& sequence = *head.sequence;
      const std::int64_t first = sequence.first_key + block * kKeyBlock;
      KeyJob key = key_job(plan, head, block);
      key.scale = head.key_scale + block * kKeyBlock;
      key.dequantised = row_of(k, sequence, head.head, first);
      key.dequantised_stride = k.row;
      kernels().pack_keys(key);
      ValueJob value = value_job(plan, head, block);
      value.dequantised = row_of(v, sequence, head.head, first);
      value.dequantised_stride = v.row;
      kernels().pack_values(value);
    });
    for (const Block& block : row_blocks(plan, heads)) {
      const Sequence& sequence = *block.head->sequence;
      const std::int64_t first = sequence.first_row + block.block * kQueryBlock;
      kernels().dequantise_queries({rows_of(plan, block), plan.query, plan.smooth_q,
                                    row_of(q, sequence, block.query_head, first), q.row});
    }
  });
}

}  // namespace longtail::attention
