#include "longconv/fft_plan.h"

#include <map>
#include <mutex>
#include <utility>

#include "longconv/root.h"

namespace longtail::longconv {
namespace {

/// Vectors of real parts and of imaginary parts of exp(-2 pi i turn(n, q) / of).
template <class S, class Turn>
std::shared_ptr<const void> table(std::int64_t count, int first, int radix, int lanes,
                                  std::int64_t of, const Turn& turn) {
  const auto size = static_cast<std::size_t>(2 * count * (radix - first));
  const std::shared_ptr<S[]> values(new (std::align_val_t{64}) S[size],
                                    [](S* p) { ::operator delete[](p, std::align_val_t{64}); });
  S* to = values.get();
  for (std::int64_t n = 0; n < count; n += lanes) {
    for (int q = first; q < radix; ++q) {
      for (int lane = 0; lane < lanes; ++lane) {
        const auto [re, im] = root(turn(n + lane, q), of);
        to[lane] = static_cast<S>(re);
        to[lanes + lane] = static_cast<S>(im);
      }
      to += 2 * lanes;
    }
  }
  return values;
}

/// What is left of a size after its last blocks: 3, 5 or nothing, and a power of two.
struct Factors {
  int odd;
  int twos;
};

Factors factors_of(std::int64_t size, int lanes) {
  std::int64_t rest = size / (std::int64_t{lanes} * lanes);
  const int odd = rest % 3 == 0 ? 3 : rest % 5 == 0 ? 5 : 1;
  rest /= odd;
  int twos = 0;
  while ((std::int64_t{1} << twos) < rest) ++twos;
  return {odd, twos};
}

/// Radices in their order. The first one reads and writes rows; those in between are few and large.
std::vector<int> radices(Factors factors) {
  std::vector<int> result;
  if (factors.odd > 1) result.push_back(factors.odd);
  int twos = factors.twos;
  // Sixteens, but for a rest of 1, 2, 3 or, rather than a 16 and a 2, an 8 and a 4.
  while (twos > 0) {
    const int step = twos >= 8 || twos == 4 ? 4 : twos >= 6 ? 3 : twos == 5 ? 3 : twos;
    result.push_back(1 << step);
    twos -= step;
  }
  return result;
}

/// n q of the first pass, in turns of 4 N: with the factor w^n.
std::int64_t first_turn(std::int64_t n, int q) { return n * (4 * q + 1); }

template <class S>
std::unique_ptr<FftPlan> make_plan(std::int64_t size, int lanes) {
  auto plan = std::make_unique<FftPlan>();
  plan->size = size;
  plan->lanes = lanes;
  const auto keep = [&](std::shared_ptr<const void> made) {
    plan->tables.push_back(std::move(made));
    return plan->tables.back().get();
  };
  std::int64_t length = size;
  for (const int radix : radices(factors_of(size, lanes))) {
    const void* roots;
    if (plan->passes == 0) {
      // One lane of each vector.
      roots = keep(table<S>(length / radix / lanes, 0, radix, 1, 4 * size,
                            [&](std::int64_t n, int q) { return first_turn(n * lanes, q); }));
      plan->lane_roots = keep(table<S>(lanes, 0, radix, lanes, 4 * size, first_turn));
    } else {
      roots = keep(table<S>(length / radix, 1, radix, lanes, length,
                            [](std::int64_t n, int q) { return n * q; }));
    }
    plan->pass[plan->passes++] = {radix, length, roots};
    length /= radix;
  }
  plan->last_roots = keep(table<S>(lanes, 1, lanes, lanes, std::int64_t{lanes} * lanes,
                                   [](std::int64_t n, int q) { return n * q; }));
  return plan;
}

}  // namespace

std::int64_t fft_size(std::int64_t least, int lanes) {
  const std::int64_t block = std::int64_t{lanes} * lanes;
  std::int64_t best = 2 * block;
  while (best < least) best *= 2;
  for (const int odd : {3, 5}) {
    std::int64_t size = odd * block;
    while (size < least) size *= 2;
    if (size < best) best = size;
  }
  return best;
}

template <class S>
const FftPlan& fft_plan(std::int64_t size, int lanes) {
  static std::mutex mutex;
  static std::map<std::pair<std::int64_t, int>, std::unique_ptr<FftPlan>> plans;
  const std::lock_guard lock(mutex);
  std::unique_ptr<FftPlan>& plan = plans[{size, lanes}];
  if (!plan) plan = make_plan<S>(size, lanes);
  return *plan;
}

template const FftPlan& fft_plan<float>(std::int64_t, int);
template const FftPlan& fft_plan<double>(std::int64_t, int);

}  // namespace longtail::longconv
