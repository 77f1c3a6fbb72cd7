#include "multigrid/black_box.h"

#include <algorithm>

#include "multigrid/stencil_plan.h"

namespace longtail::multigrid {
namespace {

int component(Offset o, int axis) { return axis == 0 ? o.plane : axis == 1 ? o.row : o.point; }

/// Signed entries of the operator: A[i, i + o].
double entry(const Stencil& a, std::int64_t i, int offset) {
  if (offset == kCentre) return a.centre.data()[i];
  if (offset < kCentre) return -a.weights[offset].data()[i];
  return -a.weights[2 * kCentre - offset].data()[i + a.shape.step(offset_of(offset))];
}

/// The offsets of a reach, both ways and the centre.
std::vector<int> all_offsets(Reach reach) {
  std::vector<int> result = offsets_before(reach);
  for (int before : offsets_before(reach)) result.push_back(2 * kCentre - before);
  result.push_back(kCentre);
  return result;
}

/// Shares of the coarse points around fine points that lie between them along `between` axes.
class Interpolator {
 public:
  Interpolator(const Stencil& fine, Shares& shares, const bool between[3])
      : fine_(fine), shares_(shares) {
    std::copy_n(between, 3, between_);
    for (const int offset : all_offsets(fine.reach)) {
      Term term{offset, {}};
      for (int crossing = 0; crossing < 8; ++crossing) {
        term.projected[crossing] = projected(offset, crossing);
      }
      terms_.push_back(term);
    }
    std::vector<int> parents{kCentre};
    for (int axis = 0; axis < 3; ++axis) {
      if (!between[axis]) continue;
      std::vector<int> more;
      for (const int parent : parents) {
        more.push_back(parent - kStep[axis]);
        more.push_back(parent + kStep[axis]);
      }
      parents = more;
    }
    for (const int parent : parents) families_.push_back(family(parent));
  }

  /// Of the fine point `at`.
  void run(const std::int64_t at[3]) {
    const std::int64_t i = fine_.shape.at(at[0], at[1], at[2]);
    double sums[27] = {};
    for (const Term& term : terms_) {
      sums[term.projected[crossing(at, term.offset)]] += entry(fine_, i, term.offset);
    }
    const double reciprocal = sums[kCentre] != 0 ? 1 / sums[kCentre] : 0;
    for (const Family& family : families_) {
      std::int64_t c;
      if (!coarse_point(at, family.parent, c)) continue;
      double sum = 0;
      for (const Relative& relative : family.relatives) {
        const double share =
            relative.share == kCentre ? 1 : shares_.share[relative.share].data()[c];
        sum += sums[relative.offset] * share;
      }
      shares_.share[2 * kCentre - family.parent].data()[c] = -sum * reciprocal;
    }
  }

 private:
  static constexpr int kStep[3] = {9, 3, 1};

  struct Term {
    int offset;
    int projected[8];  // by the axes along which it leads across a seam, as bits
  };
  /// A neighbour in the plane of `between` that has a share of the parent already.
  struct Relative {
    int offset, share;
  };
  struct Family {
    int parent;  // where the coarse point is, seen from the fine one
    std::vector<Relative> relatives;
  };

  /// The offset without its components along other axes, or across seams.
  int projected(int offset, int crossing) const {
    const Offset o = offset_of(offset);
    const auto kept = [&](int axis) { return between_[axis] && !(crossing >> axis & 1); };
    return offset_index(kept(0) ? o.plane : 0, kept(1) ? o.row : 0, kept(2) ? o.point : 0);
  }

  int crossing(const std::int64_t at[3], int offset) const {
    int result = 0;
    for (int axis = 0; axis < 3; ++axis) {
      if (!shares_.axes[axis].seam) continue;
      const std::int64_t to = at[axis] + component(offset_of(offset), axis);
      if (to < 0 || to >= fine_.shape.sizes[axis]) result |= 1 << axis;
    }
    return result;
  }

  Family family(int parent) const {
    Family result{parent, {}};
    for (int offset = 0; offset < 27; ++offset) {
      if (offset == kCentre || projected(offset, 0) != offset) continue;
      // The neighbour, seen from the parent.
      int seen[3];
      bool near = true;
      for (int axis = 0; axis < 3; ++axis) {
        seen[axis] = component(offset_of(offset), axis) - component(offset_of(parent), axis);
        near = near && std::abs(seen[axis]) <= 1;
      }
      if (near) result.relatives.push_back({offset, offset_index(seen[0], seen[1], seen[2])});
    }
    return result;
  }

  /// Where the parent is on the coarse grid; false if it is not there.
  bool coarse_point(const std::int64_t at[3], int parent, std::int64_t& index) const {
    std::int64_t coarse[3];
    for (int axis = 0; axis < 3; ++axis) {
      const CoarseAxis& map = shares_.axes[axis];
      const std::int64_t fine = at[axis] + component(offset_of(parent), axis);
      const std::int64_t size = shares_.coarse.sizes[axis];
      // Rounded down: fine may be -1.
      coarse[axis] = map.halved ? (fine - map.first + 2) / 2 - 1 : fine;
      if (coarse[axis] < 0 || coarse[axis] >= size) {
        if (!shares_.coarse.periodic[axis] || map.seam) return false;
        coarse[axis] = (coarse[axis] + size) % size;
      }
    }
    index = shares_.coarse.at(coarse[0], coarse[1], coarse[2]);
    return true;
  }

  const Stencil& fine_;
  Shares& shares_;
  bool between_[3];
  std::vector<Term> terms_;
  std::vector<Family> families_;
};

/// One product of P^T A P: the share at offset `down` of this coarse point, the operator from
/// there over `step`, and the share at offset `up` of the neighbour.
struct Product {
  int down, step, up;
};

/// Those of the coarse neighbour at `to`; across a seam it is three fine points away.
std::vector<Product> products_to(const Stencil& fine, const Shares& shares, int to,
                                 const bool crossing[3]) {
  std::vector<Product> result;
  const std::vector<int> steps = all_offsets(fine.reach);
  for (int down = 0; down < 27; ++down) {
    if (down != kCentre && !shares.along(down)) continue;
    for (const int step : steps) {
      int up[3];
      bool near = true;
      for (int axis = 0; axis < 3; ++axis) {
        const int stride = crossing[axis] ? 3 : shares.axes[axis].halved ? 2 : 1;
        up[axis] = component(offset_of(down), axis) + component(offset_of(step), axis) -
                   stride * component(offset_of(to), axis);
        near = near && std::abs(up[axis]) <= (stride > 1 ? 1 : 0);
      }
      if (near) result.push_back({down, step, offset_index(up[0], up[1], up[2])});
    }
  }
  return result;
}

}  // namespace

bool Shares::along(int offset) const {
  const bool halved[3] = {axes[0].halved, axes[1].halved, axes[2].halved};
  return shares_along(halved, offset);
}

Shares black_box_shares(const Stencil& fine, const bool halved[3]) {
  Shares shares{};
  std::int64_t sizes[3];
  coarse_axes(fine.shape, halved, shares.axes, sizes);
  shares.coarse = shape_for<double>(fine.shape.flat, sizes, fine.shape.periodic);
  for (int offset = 0; offset < 27; ++offset) {
    if (shares.along(offset)) shares.share[offset] = Grid<double>(shares.coarse);
  }
  // Points between two coarse ones first, then those between four, then eight.
  for (int count = 1; count <= 3; ++count) {
    for (int mask = 1; mask < 8; ++mask) {
      const bool between[3] = {(mask & 1) != 0, (mask & 2) != 0, (mask & 4) != 0};
      bool possible = between[0] + between[1] + between[2] == count;
      std::int64_t first[3], step[3];
      for (int axis = 0; axis < 3; ++axis) {
        possible = possible && (!between[axis] || halved[axis]);
        step[axis] = halved[axis] ? 2 : 1;
        const std::int64_t coarse = halved[axis] ? shares.axes[axis].first : 0;
        first[axis] = between[axis] ? 1 - coarse : coarse;
      }
      if (!possible) continue;
      Interpolator interpolator(fine, shares, between);
      std::int64_t at[3];
      for (at[0] = first[0]; at[0] < fine.shape.sizes[0]; at[0] += step[0]) {
        for (at[1] = first[1]; at[1] < fine.shape.sizes[1]; at[1] += step[1]) {
          for (at[2] = first[2]; at[2] < fine.shape.sizes[2]; at[2] += step[2]) {
            interpolator.run(at);
          }
        }
      }
    }
  }
  for (int offset = 0; offset < 27; ++offset) {
    if (shares.along(offset)) wrap_ghosts(shares.coarse, shares.share[offset].data());
  }
  return shares;
}

namespace {

/// One line of one weight of P^T A P.
class GalerkinLine {
 public:
  GalerkinLine(const Stencil& fine, const Shares& shares, int to, std::int64_t line, double* sums)
      : fine_(fine), shares_(shares), to_(to), at_(shares.coarse.line(line)), sums_(sums) {
    place_[0] = line / shares.coarse.sizes[1];
    place_[1] = line % shares.coarse.sizes[1];
  }

  /// Adds a product for coarse points [begin, end).
  void add(const Product& product, std::int64_t begin, std::int64_t end) const {
    const Offset down = offset_of(product.down);
    std::int64_t row[2] = {shares_.axes[0].fine(place_[0]) + down.plane,
                           shares_.axes[1].fine(place_[1]) + down.row};
    for (int axis = 0; axis < 2; ++axis) {
      const std::int64_t n = fine_.shape.sizes[axis];
      if (fine_.shape.periodic[axis]) row[axis] = (row[axis] + n) % n;
      if (row[axis] < 0 || row[axis] >= n) return;
    }
    const CoarseAxis& along = shares_.axes[2];
    const std::int64_t stride = along.halved ? 2 : 1;
    const double* const entries =
        entries_at(product.step, fine_.shape.at(row[0], row[1], along.fine(0) + down.point));
    const double factor = (product.step == kCentre) == (to_ == kCentre) ? 1 : -1;
    const double* const from = share(product.down, 0);
    const double* const beyond = share(product.up, shares_.coarse.step(offset_of(to_)));
    for (std::int64_t c = begin; c < end; ++c) {
      const double shared = (from ? from[c] : 1) * (beyond ? beyond[c] : 1);
      sums_[c] += factor * entries[stride * c] * shared;
    }
  }

  /// The neighbour of this line is across a seam along planes or rows.
  bool crosses(int axis) const {
    return shares_.axes[axis].seam &&
           is_across(axis, place_[axis] + component(offset_of(to_), axis));
  }
  bool is_across(int axis, std::int64_t to) const {
    return to < 0 || to >= shares_.coarse.sizes[axis];
  }

 private:
  /// entry() of a row of points, without its sign.
  const double* entries_at(int step, std::int64_t start) const {
    if (step == kCentre) return fine_.centre.data() + start;
    if (step < kCentre) return fine_.weights[step].data() + start;
    return fine_.weights[2 * kCentre - step].data() + start + fine_.shape.step(offset_of(step));
  }
  const double* share(int offset, std::int64_t step) const {
    return offset == kCentre ? nullptr : shares_.share[offset].data() + at_ + step;
  }

  const Stencil& fine_;
  const Shares& shares_;
  int to_;
  std::int64_t at_, place_[2];
  double* sums_;
};

}  // namespace

Stencil galerkin(const Stencil& fine, const Shares& shares) {
  const GridShape& coarse = shares.coarse;
  Stencil result{coarse, coarse.flat ? Reach::flat_full : Reach::full, {}, Grid<double>(coarse)};
  std::vector<int> targets = offsets_before(result.reach);
  targets.push_back(kCentre);
  for (const int to : targets) {
    Grid<double>& target = to == kCentre ? result.centre : result.weights[to];
    target = Grid<double>(coarse);
    std::vector<Product> products[8];  // by the axes along which `to` is across a seam, as bits
    for (int mask = 0; mask < 8; ++mask) {
      const bool crossing[3] = {(mask & 1) != 0, (mask & 2) != 0, (mask & 4) != 0};
      products[mask] = products_to(fine, shares, to, crossing);
    }
    const std::int64_t size = coarse.sizes[2];
    const int step = offset_of(to).point;
    for (std::int64_t i = 0; i < coarse.lines(); ++i) {
      const GalerkinLine line(fine, shares, to, i, target.data() + coarse.line(i));
      const int mask = (line.crosses(0) ? 1 : 0) + (line.crosses(1) ? 2 : 0);
      // Of the points of a row only the first, or the last, has its neighbour across a seam.
      const bool seam = shares.axes[2].seam && step != 0;
      const std::int64_t begin = seam && step < 0 ? 1 : 0, end = seam && step > 0 ? size - 1 : size;
      for (const Product& product : products[mask]) line.add(product, begin, end);
      if (!seam) continue;
      const std::int64_t at_seam = step < 0 ? 0 : size - 1;
      for (const Product& product : products[mask + 4]) line.add(product, at_seam, at_seam + 1);
    }
    wrap_ghosts(coarse, target.data());
  }
  return result;
}

}  // namespace longtail::multigrid
