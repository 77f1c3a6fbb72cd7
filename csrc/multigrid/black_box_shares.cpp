// The shares of black_box.h.
#include <algorithm>

#include "multigrid/black_box.h"
#include "multigrid/black_box_math.h"
#include "multigrid/split_rows.h"
#include "multigrid/stencil_plan.h"

namespace longtail::multigrid {
namespace {

int component(Offset o, int axis) { return axis == 0 ? o.plane : axis == 1 ? o.row : o.point; }

/// Shares of the coarse points around fine points that lie between them along `between` axes, line
/// by line.
class Interpolator {
 public:
  Interpolator(const Stencil& fine, Shares& shares, const bool between[3])
      : fine_(fine), shares_(shares), rows_(fine, shares.axes[2].halved) {
    std::copy_n(between, 3, between_);
    for (int axis = 0; axis < 3; ++axis) {
      const CoarseAxis& map = shares.axes[axis];
      step_[axis] = map.halved ? 2 : 1;
      const std::int64_t coarse = map.halved ? map.first : 0;
      const std::int64_t n = fine.shape.sizes[axis];
      first_[axis] = !between[axis] ? coarse : map.seam ? 2 : 1 - coarse;
      end_[axis] = !between[axis] && map.seam ? n + 1 : n;  // the last one is point 0
    }
    count_ = end_[2] > first_[2] ? (end_[2] - first_[2] - 1) / step_[2] + 1 : 0;
    for (const int offset : offsets_before(fine.reach)) {
      terms_.push_back(offset);
      terms_.push_back(2 * kCentre - offset);
    }
    terms_.push_back(kCentre);
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
    found_.resize(families_.size() * count_);
  }

  void run() {
    if (count_ == 0) return;
    const std::int64_t* const sizes = fine_.shape.sizes;
    for (std::int64_t plane = first_[0]; plane < end_[0]; plane += step_[0]) {
      for (std::int64_t row = first_[1]; row < end_[1]; row += step_[1]) {
        run(plane == sizes[0] ? 0 : plane, row == sizes[1] ? 0 : row);
      }
    }
  }

 private:
  static constexpr int kStep[3] = {9, 3, 1};

  /// A neighbour in the plane of `between` that has a share of the parent already.
  struct Relative {
    int offset, share;
  };
  struct Family {
    int parent;  // where the coarse point is, seen from the fine one
    std::vector<Relative> relatives;
  };

  /// The offset without its components along other axes.
  int projected(int offset) const {
    const Offset o = offset_of(offset);
    return offset_index(between_[0] ? o.plane : 0, between_[1] ? o.row : 0,
                        between_[2] ? o.point : 0);
  }

  Family family(int parent) const {
    Family result{parent, {}};
    for (int offset = 0; offset < 27; ++offset) {
      if (offset == kCentre || projected(offset) != offset) continue;
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

  /// How many of these ends of axes, beside which lies a side, a point is at: along `between` axes,
  /// or along others.
  struct Ends {
    int between = 0, other = 0;
  };
  void count_end(int axis, std::int64_t at, Ends& ends) const {
    const std::int64_t n = fine_.shape.sizes[axis];
    if (fine_.shape.periodic[axis] || (axis == 0 && fine_.shape.flat)) return;
    if (at == 0 || at == n - 1) ++(between_[axis] ? ends.between : ends.other);
  }

  /// What a row of A adds up to is what flows out through sides. Along the line of two coarse
  /// points it belongs to their shares; across it it does not, as all three are as near to that
  /// side.
  static double share_of_others(const Ends& ends) {
    return part_across<double>(ends.between, ends.other);
  }

  /// share_of_others() of the points of a line.
  const double* without(std::int64_t plane, std::int64_t row) {
    Ends line;
    count_end(0, plane, line);
    count_end(1, row, line);
    std::vector<double>& kept = without_[line.between * 3 + line.other];
    if (kept.empty()) {
      for (std::int64_t i = 0; i < count_; ++i) {
        Ends point = line;
        count_end(2, first_[2] + i * step_[2], point);
        kept.push_back(share_of_others(point));
      }
    }
    return kept.data();
  }

  void run(std::int64_t plane, std::int64_t row) {
    // The last coarse point at a seam is on its own.
    const bool wraps = end_[2] > fine_.shape.sizes[2];
    find(plane, row, 0, wraps ? count_ - 1 : count_);
    if (wraps) find(plane, row, count_ - 1, 1);
    for (std::size_t k = 0; k < families_.size(); ++k) {
      keep(plane, row, families_[k].parent, found_.data() + k * count_);
    }
  }

  /// Shares of points [begin, begin + size) of the line.
  void find(std::int64_t plane, std::int64_t row, std::int64_t begin, std::int64_t size) {
    if (size == 0) return;
    ShareLine line;
    line.size = size;
    line.without = without(plane, row) + begin;
    line.terms = line.parents = 0;
    int sums[27];
    std::fill_n(sums, 27, -1);
    sums[kCentre] = 0;
    line.sums = 1;
    std::int64_t x = first_[2] + begin * step_[2];
    if (x == fine_.shape.sizes[2]) x = 0;
    const LinePlace place{plane, row, fine_.shape.at(plane, row, 0)};
    for (const int offset : terms_) {
      int& sum = sums[projected(offset)];
      if (sum < 0) sum = line.sums++;
      line.term[line.terms++] = {rows_.entries(offset, place, x), offset == kCentre ? 1.0 : -1.0,
                                 sum};
    }
    for (std::size_t k = 0; k < families_.size(); ++k) {
      ShareLine::Parent& parent = line.parent[line.parents++];
      parent.relatives = 0;
      parent.to = found_.data() + k * count_ + begin;
      std::int64_t c;
      if (!coarse_line(plane, row, families_[k].parent, c)) {
        std::fill_n(parent.to, size, 0.0);
        --line.parents;
        continue;
      }
      for (const Relative& relative : families_[k].relatives) {
        if (sums[relative.offset] < 0) continue;  // no such entries
        const double* share = nullptr;
        if (relative.share != kCentre) {
          share =
              shares_.share[relative.share].data() + c + coarse_start(families_[k].parent) + begin;
        }
        parent.relative[parent.relatives++] = {share, sums[relative.offset]};
      }
    }
    if (line.parents > 0) black_box_kernels().find_shares(line);
  }

  /// To the parent's share, but of points beyond the ends of the line.
  void keep(std::int64_t plane, std::int64_t row, int parent, const double* found) {
    std::int64_t line;
    if (!coarse_line(plane, row, parent, line)) return;
    double* const to = shares_.share[2 * kCentre - parent].data() + line;
    const std::int64_t start = coarse_start(parent), size = shares_.coarse.sizes[2];
    for (std::int64_t i = 0; i < count_; ++i) {
      const std::int64_t c = start + i;
      if (c >= 0 && c < size) {
        to[c] = found[i];
      } else if (shares_.coarse.periodic[2]) {
        to[(c + size) % size] = found[i];
      }
    }
  }

  /// The parent's place along an axis, of the fine point at `at`.
  std::int64_t coarse_place(int axis, std::int64_t at, int parent) const {
    const CoarseAxis& map = shares_.axes[axis];
    const std::int64_t fine =
        map.unwrapped(at, fine_.shape.sizes[axis]) + component(offset_of(parent), axis);
    return map.halved ? (fine - map.first + 2) / 2 - 1 : fine;  // rounded down: fine may be -1
  }
  /// That of the first point of a line along it.
  std::int64_t coarse_start(int parent) const { return coarse_place(2, first_[2], parent); }

  /// Where the parents' line is on the coarse grid; false if it is not there.
  bool coarse_line(std::int64_t plane, std::int64_t row, int parent, std::int64_t& at) const {
    std::int64_t coarse[2] = {coarse_place(0, plane, parent), coarse_place(1, row, parent)};
    for (int axis = 0; axis < 2; ++axis) {
      const std::int64_t size = shares_.coarse.sizes[axis];
      if (coarse[axis] >= 0 && coarse[axis] < size) continue;
      if (!shares_.coarse.periodic[axis]) return false;
      coarse[axis] = (coarse[axis] + size) % size;
    }
    at = shares_.coarse.at(coarse[0], coarse[1], 0);
    return true;
  }

  const Stencil& fine_;
  Shares& shares_;
  SplitRows rows_;
  bool between_[3];
  std::int64_t first_[3], end_[3], step_[3], count_;
  std::vector<int> terms_;
  std::vector<Family> families_;
  std::vector<double> found_;       // [families][points of a line]
  std::vector<double> without_[9];  // by Ends of a line
};

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
      for (int axis = 0; axis < 3; ++axis) possible = possible && (!between[axis] || halved[axis]);
      if (possible) Interpolator(fine, shares, between).run();
    }
    // The next ones read these, beyond the ends of periodic lines too.
    for (int offset = 0; offset < 27; ++offset) {
      if (shares.along(offset)) wrap_ghosts(shares.coarse, shares.share[offset].data());
    }
  }
  return shares;
}

}  // namespace longtail::multigrid
