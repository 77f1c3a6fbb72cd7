#include "attention/prefill.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "attention/prefill_heads.h"

namespace longtail::attention {
namespace {

// Packed heads that are held at a time, in bytes: beyond the caches nothing is gained by more.
constexpr std::int64_t kPackedBytes = std::int64_t{1} << 25;
// Likewise the part of the scores that smoothing queries leaves in float32.
constexpr std::int64_t kRestBytes = std::int64_t{1} << 25;
// 1 / ln 2: scores are exponents of two.
constexpr float kLog2E = 0x1.715476p+0f;

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
  prefill_kernels().attend_rows(
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
        prefill_kernels().query_mean(
            {rows_of(plan, blocks[b]), means.as<float>() + b * kMeanFloats});
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
        prefill_kernels().rest_of_scores(
            {keys_of(plan, plan.problem.k, head, b, plan.problem.channels),
             plan.smooth_k ? head.key.mean : nullptr, means.as<float>() + at * kMeanFloats, count,
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
      prefill_kernels().pack_keys(key);
      ValueJob value = value_job(plan, head, block);
      value.dequantised = row_of(v, sequence, head.head, first);
      value.dequantised_stride = v.row;
      prefill_kernels().pack_values(value);
    });
    for (const Block& block : row_blocks(plan, heads)) {
      const Sequence& sequence = *block.head->sequence;
      const std::int64_t first = sequence.first_row + block.block * kQueryBlock;
      prefill_kernels().dequantise_queries({rows_of(plan, block), plan.query, plan.smooth_q,
                                            row_of(q, sequence, block.query_head, first), q.row});
    }
  });
}

}  // namespace longtail::attention
