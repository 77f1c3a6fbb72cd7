// The lines of black_box_level.h, compiled once per CPU level.
#include "multigrid/black_box_math.h"

// After what opens the level's namespace.
#include "multigrid/black_box_level.h"

namespace longtail::multigrid {
inline namespace LONGTAIL_LEVEL {
namespace {

using Wide = native<double>;

void split(std::int64_t count, const double* from, double* even, double* odd) {
  for (std::int64_t i = 0; i < count; ++i) {
    even[i] = from[2 * i];
    odd[i] = from[2 * i + 1];
  }
}

template <class T>
LONGTAIL_INLINE void add_products_at(int count, const ProductLine* products, std::int64_t c,
                                     double* to) {
  T sum = load<T>(to + c);
  for (int i = 0; i < count; ++i) {
    const ProductLine& p = products[i];
    const T shared = load<T>(p.from + c) * load<T>(p.beyond + c);
    sum = sum + T(p.factor) * load<T>(p.entries + c) * shared;
  }
  store(to + c, sum);
}

void add_products(int count, const ProductLine* products, std::int64_t begin, std::int64_t end,
                  double* to) {
  std::int64_t c = begin;
  for (; c + kLanes<Wide> <= end; c += kLanes<Wide>) add_products_at<Wide>(count, products, c, to);
  for (; c < end; ++c) add_products_at<double>(count, products, c, to);
}

template <class T>
LONGTAIL_INLINE void find_shares_at(const ShareLine& line, std::int64_t x) {
  T sums[ShareLine::kMost];
  for (int i = 0; i < line.sums; ++i) sums[i] = T(0.0);
  for (int i = 0; i < line.terms; ++i) {
    const ShareLine::Term& term = line.term[i];
    sums[term.sum] = sums[term.sum] + T(term.sign) * load<T>(term.entries + x);
  }
  T around = T(0.0), size = T(0.0);
  for (int i = 1; i < line.sums; ++i) {
    around = around + sums[i];
    size = size + select(sums[i] < T(0.0), T(0.0) - sums[i], sums[i]);
  }
  const T centre = share_divisor(sums[0], around, size, load<T>(line.without + x));
  const T reciprocal = select(centre == T(0.0), T(0.0), T(1.0) / centre);
  for (int k = 0; k < line.parents; ++k) {
    const ShareLine::Parent& parent = line.parent[k];
    T sum = T(0.0);
    for (int i = 0; i < parent.relatives; ++i) {
      const ShareLine::Relative& relative = parent.relative[i];
      const T of = sums[relative.sum];
      sum = sum + (relative.share ? of * load<T>(relative.share + x) : of);
    }
    store(parent.to + x, T(0.0) - sum * reciprocal);
  }
}

void find_shares(const ShareLine& line) {
  std::int64_t x = 0;
  for (; x + kLanes<Wide> <= line.size; x += kLanes<Wide>) find_shares_at<Wide>(line, x);
  for (; x < line.size; ++x) find_shares_at<double>(line, x);
}

}  // namespace

extern const BlackBoxKernels kBlackBoxKernels;
const BlackBoxKernels kBlackBoxKernels = {split, add_products, find_shares};

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::multigrid
