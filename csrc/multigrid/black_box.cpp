#include "multigrid/black_box.h"

#include <algorithm>
#include <array>

#include "multigrid/split_rows.h"
#include "multigrid/stencil_plan.h"

namespace longtail::multigrid {
namespace {

int component(Offset o, int axis) { return axis == 0 ? o.plane : axis == 1 ? o.row : o.point; }

/// The offsets of a reach, both ways and the centre.
std::vector<int> all_offsets(Reach reach) {
  std::vector<int> result = offsets_before(reach);
  for (int before : offsets_before(reach)) result.push_back(2 * kCentre - before);
  result.push_back(kCentre);
  return result;
}

/// One product of P^T A P: the share at offset `down` of this coarse point, the operator from
/// there over `step`, and the share at offset `up` of the neighbour.
struct Product {
  int down, step, up;
};

/// Those of the coarse neighbour at `to`; across a seam it is the next fine point. `closing`: bits
/// of axes whose ring closes, around which a step leads to a point from both sides.
std::vector<Product> products_to(const Stencil& fine, const Shares& shares, int to,
                                 const bool crossing[3], int closing) {
  std::vector<Product> result;
  const std::vector<int> steps = all_offsets(fine.reach);
  for (int down = 0; down < 27; ++down) {
    if (down != kCentre && !shares.along(down)) continue;
    for (const int step : steps) {
      for (int behind = 0; behind <= closing; ++behind) {
        int up[3];
        bool near = (behind & ~closing) == 0;
        for (int axis = 0; axis < 3; ++axis) {
          const bool halved = shares.axes[axis].halved;
          const int stride = halved && !crossing[axis] ? 2 : 1;
          up[axis] = component(offset_of(down), axis) + component(offset_of(step), axis) -
                     stride * component(offset_of(to), axis);
          if (closing >> axis & 1) up[axis] = around_two(up[axis], (behind >> axis & 1) != 0);
          near = near && std::abs(up[axis]) <= (halved ? 1 : 0);
        }
        if (near) result.push_back({down, step, offset_index(up[0], up[1], up[2])});
      }
    }
  }
  return result;
}

/// What lines have in common.
struct Source {
  const Stencil& fine;
  const Shares& shares;
  SplitRows rows;
  std::vector<double> ones;  // the share of a point in itself
};

/// One line of one weight of P^T A P.
class GalerkinLine {
 public:
  GalerkinLine(Source& source, int to, std::int64_t line)
      : source_(source), to_(to), at_(source.shares.coarse.line(line)) {
    place_[0] = line / source.shares.coarse.sizes[1];
    place_[1] = line % source.shares.coarse.sizes[1];
  }

  /// Adds products for coarse points [begin, end) to `sums`. The last point at a seam is on its
  /// own.
  void add(const std::vector<Product>& products, std::int64_t begin, std::int64_t end,
           double* sums) {
    lines_.clear();
    for (const Product& product : products) take(product, begin);
    black_box_kernels().add_products(static_cast<int>(lines_.size()), lines_.data(), 0, end - begin,
                                     sums + begin);
  }

  /// The neighbour of this line is across a seam along planes or rows.
  bool crosses(int axis) const {
    const std::int64_t to = place_[axis] + component(offset_of(to_), axis);
    return source_.shares.axes[axis].seam && (to < 0 || to >= source_.shares.coarse.sizes[axis]);
  }

 private:
  void take(const Product& product, std::int64_t begin) {
    const GridShape& fine = source_.fine.shape;
    const Offset down = offset_of(product.down);
    const std::int64_t place[2] = {source_.shares.axes[0].fine(place_[0]) + down.plane,
                                   source_.shares.axes[1].fine(place_[1]) + down.row};
    std::int64_t row[2] = {place[0], place[1]};
    for (int axis = 0; axis < 2; ++axis) {
      const std::int64_t n = fine.sizes[axis];
      if (fine.periodic[axis]) row[axis] += row[axis] < 0 ? n : row[axis] >= n ? -n : 0;
      if (row[axis] < 0 || row[axis] >= n) return;
    }
    const std::int64_t first = source_.shares.axes[2].fine(begin);
    const std::int64_t start = (first == fine.sizes[2] ? 0 : first) + down.point;
    lines_.push_back({source_.rows.entries(product.step,
                                           {place[0], place[1], fine.at(row[0], row[1], 0)}, start),
                      share(product.down, begin),
                      share(product.up, begin + source_.shares.coarse.step(offset_of(to_))),
                      (product.step == kCentre) == (to_ == kCentre) ? 1.0 : -1.0});
  }
  const double* share(int offset, std::int64_t step) const {
    if (offset == kCentre) return source_.ones.data();
    return source_.shares.share[offset].data() + at_ + step;
  }

  Source& source_;
  int to_;
  std::int64_t at_, place_[2];
  std::vector<ProductLine> lines_;
};

}  // namespace

Stencil galerkin(const Stencil& fine, const Shares& shares) {
  const GridShape& coarse = shares.coarse;
  Stencil result{coarse, coarse.flat ? Reach::flat_full : Reach::full, {}, Grid<double>(coarse)};
  const std::int64_t size = coarse.sizes[2];
  Source source{fine, shares, SplitRows(fine, shares.axes[2].halved),
                std::vector<double>(size, 1.0)};
  std::vector<int> targets = offsets_before(result.reach);
  targets.push_back(kCentre);
  // Of each target: by the axes along which it is across a seam, as bits.
  std::vector<std::array<std::vector<Product>, 8>> products(targets.size());
  int closing = 0;
  for (int axis = 0; axis < 3; ++axis) {
    if (ring_closes(shares.axes[axis], coarse, axis)) closing += 1 << axis;
  }
  for (std::size_t t = 0; t < targets.size(); ++t) {
    if (targets[t] != kCentre) result.weights[targets[t]] = Grid<double>(coarse);
    for (int mask = 0; mask < 8; ++mask) {
      const bool crossing[3] = {(mask & 1) != 0, (mask & 2) != 0, (mask & 4) != 0};
      bool possible = true;
      for (int axis = 0; axis < 3; ++axis) {
        possible = possible && (!crossing[axis] || shares.axes[axis].seam);
        // No neighbours along an axis of one point.
        const bool closes = (closing >> axis & 1) != 0;
        possible = possible && !(closes && component(offset_of(targets[t]), axis) != 0);
      }
      if (possible) products[t][mask] = products_to(fine, shares, targets[t], crossing, closing);
    }
  }
  for (std::int64_t i = 0; i < coarse.lines(); ++i) {
    for (std::size_t t = 0; t < targets.size(); ++t) {
      const int to = targets[t];
      double* const sums =
          (to == kCentre ? result.centre : result.weights[to]).data() + coarse.line(i);
      GalerkinLine line(source, to, i);
      const int mask = (line.crosses(0) ? 1 : 0) + (line.crosses(1) ? 2 : 0);
      // Of the points of a row only the first, or the last, has its neighbour across a seam.
      const int step = offset_of(to).point;
      const bool seam = shares.axes[2].seam;
      const std::int64_t begin = seam && step < 0 ? 1 : 0, end = seam ? size - 1 : size;
      if (begin > 0) line.add(products[t][mask + 4], 0, begin, sums);
      line.add(products[t][mask], begin, end, sums);
      if (seam) line.add(products[t][step > 0 ? mask + 4 : mask], end, size, sums);
    }
  }
  for (const int to : targets) {
    wrap_ghosts(coarse, (to == kCentre ? result.centre : result.weights[to]).data());
  }
  return result;
}

}  // namespace longtail::multigrid
