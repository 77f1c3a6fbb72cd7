#include "multigrid/stencil_passes.h"

#include <algorithm>
#include <memory>

namespace longtail::multigrid {
namespace {

/// How far in lines the points are that an operator reads.
std::int64_t lines_beside(const GridShape& shape, Reach reach) {
  return neighbours(shape) + (reach == Reach::full ? 1 : 0);
}

/// The offsets at which coarse lines share in a fine one, as (plane, row) of coarse line and
/// offset.
struct SharedLine {
  std::int64_t line;
  int plane, row;
};
template <class S>
int shared_lines(const StencilLevel<S>& level, std::int64_t fine, SharedLine lines[4]) {
  int count = 1;
  std::int64_t places[4][2];
  int offsets[4][2];
  const std::int64_t at[2] = {fine / level.shape.sizes[1], fine % level.shape.sizes[1]};
  for (int axis = 0; axis < 2; ++axis) {
    const CoarseAxis& map = level.shares.axes[axis];
    const std::int64_t size = level.coarse.sizes[axis];
    const std::int64_t from = map.unwrapped(at[axis], level.shape.sizes[axis]) - map.first;
    std::int64_t options[2];
    int seen[2], found = 0;
    if (!map.halved || from % 2 == 0) {
      options[0] = map.halved ? from / 2 : at[axis];
      seen[0] = 0;
      found = 1;
    } else {
      const std::int64_t right = (from + 1) / 2;
      for (int side = 0; side < 2; ++side) {
        std::int64_t c = right - 1 + side;
        if (level.coarse.periodic[axis]) c = (c + size) % size;
        if (c < 0 || c >= size) continue;
        options[found] = c;
        seen[found++] = side == 0 ? 1 : -1;
      }
    }
    // All pairs with what the axis before has.
    const int before = axis == 0 ? 1 : count;
    std::int64_t old_places[4];
    int old_offsets[4];
    for (int i = 0; i < before; ++i) {
      old_places[i] = axis == 0 ? 0 : places[i][0];
      old_offsets[i] = axis == 0 ? 0 : offsets[i][0];
    }
    count = 0;
    for (int i = 0; i < before; ++i) {
      for (int j = 0; j < found; ++j, ++count) {
        places[count][0] = axis == 0 ? options[j] : old_places[i];
        offsets[count][0] = axis == 0 ? seen[j] : old_offsets[i];
        places[count][1] = axis == 0 ? 0 : options[j];
        offsets[count][1] = axis == 0 ? 0 : seen[j];
      }
    }
  }
  for (int i = 0; i < count; ++i) {
    lines[i] = {places[i][0] * level.coarse.sizes[1] + places[i][1], offsets[i][0], offsets[i][1]};
  }
  return count;
}

template <class S>
void relax_line(const StencilLevel<S>& level, S* u, const S* f, std::int64_t line, int colour,
                S omega) {
  const std::int64_t plane = line / level.shape.sizes[1], row = line % level.shape.sizes[1];
  if (is_cross(level.view.reach)) {
    const int first = static_cast<int>((plane + row + colour) % 2);
    stencil_kernels<S>().relax(level.view, u, f, line, first, omega);
  } else if (plane % 2 == colour / 4 && row % 2 == colour / 2 % 2) {
    stencil_kernels<S>().relax(level.view, u, f, line, colour % 2, omega);
  }
}

}  // namespace

template <class S>
const StencilKernels<S>& stencil_kernels() {
  static constexpr PerLevel<const BothPrecisions<StencilKernels>*> levels =
      LONGTAIL_ADDRESS_PER_LEVEL(kStencilKernels);
  return levels[cpu_level()]->of<S>();
}

// A row has room for a ghost in front and for whole vectors.
template <class S>
RestrictedLines<S>::RestrictedLines(const StencilLevel<S>& level, const S* u, const S* f,
                                    S* to_coarse)
    : level_(level),
      u_(u),
      f_(f),
      to_(to_coarse),
      rows_(level.shape.row_stride + kAlignedNumbers<S>) {}

template <class S>
const S* RestrictedLines<S>::residual(std::int64_t fine_line) {
  const GridShape& fine = level_.shape;
  const std::int64_t n = fine.sizes[2];
  const S* const row = rows_.get(fine_line, [&](std::int64_t, S* room) {
    S* const to = room + kAlignedNumbers<S>;
    if (u_) {
      stencil_kernels<S>().residual(level_.view, u_, f_, fine_line, to);
    } else {
      std::copy_n(f_ + fine.line(fine_line), n, to);
    }
    to[-1] = fine.periodic[2] ? to[n - 1] : 0;
    to[n] = fine.periodic[2] ? to[0] : 0;
    if (level_.shares.axes[2].seam) to[n + 1] = to[1];  // not shared, but read
  });
  return row + kAlignedNumbers<S>;
}

template <class S>
void RestrictedLines<S>::run(std::int64_t coarse_line) {
  const GridShape &fine = level_.shape, &coarse = level_.coarse;
  const SharesView<S>& shares = level_.shares;
  const std::int64_t place[2] = {coarse_line / coarse.sizes[1], coarse_line % coarse.sizes[1]};
  const std::int64_t at = coarse.line(coarse_line);
  std::fill_n(to_ + at, coarse.sizes[2], S(0));
  const int planes = shares.axes[0].halved ? 1 : 0, rows = shares.axes[1].halved ? 1 : 0;
  for (int p = -planes; p <= planes; ++p) {
    for (int r = -rows; r <= rows; ++r) {
      std::int64_t from[2] = {shares.axes[0].fine(place[0]) + p, shares.axes[1].fine(place[1]) + r};
      bool inside = true;
      for (int axis = 0; axis < 2; ++axis) {
        const std::int64_t size = fine.sizes[axis];
        if (fine.periodic[axis]) from[axis] = (from[axis] + size) % size;
        inside = inside && from[axis] >= 0 && from[axis] < size;
      }
      if (!inside) continue;
      stencil_kernels<S>().restrict_row(shares, p, r, at, coarse.sizes[2], fine.sizes[2],
                                        residual(from[0] * fine.sizes[1] + from[1]), to_ + at);
    }
  }
}

template <class S>
std::int64_t RestrictedLines<S>::inside(std::int64_t fine_line) const {
  const std::int64_t rows = level_.shape.sizes[1];
  const std::int64_t fine[2] = {fine_line / rows, fine_line % rows};
  std::int64_t place[2];
  for (int axis = 0; axis < 2; ++axis) {
    const CoarseAxis& map = level_.shares.axes[axis];
    const std::int64_t from = fine[axis] - (map.halved ? map.first : 0);
    if (from < 0 || (map.halved && from % 2 != 0)) return -1;
    place[axis] = map.halved ? from / 2 : from;
    if (place[axis] >= level_.coarse.sizes[axis]) return -1;
  }
  return place[0] * level_.coarse.sizes[1] + place[1];
}

template <class S>
Pass clearing_pass(const StencilLevel<S>& level, S* u) {
  return plain_pass(0, [=, &level](std::int64_t begin, std::int64_t end) {
    const GridShape& shape = level.shape;
    for (std::int64_t line = begin; line < end; ++line) {
      std::fill_n(u + shape.line(line), shape.sizes[2], S(0));
    }
  });
}

template <class S>
void add_sweeps(std::vector<Pass>& passes, const StencilLevel<S>& level, S* u, const S* f, S omega,
                int sweeps, bool reverse) {
  const Reach reach = level.view.reach;
  const int colours = colours_of(reach);
  for (int i = 0; i < colours * sweeps; ++i) {
    const int colour = reverse ? colours - 1 - i % colours : i % colours;
    const auto relax = [=, &level](std::int64_t begin, std::int64_t end) {
      for (std::int64_t line = begin; line < end; ++line) {
        relax_line(level, u, f, line, colour, omega);
      }
    };
    passes.push_back(plain_pass(lines_beside(level.shape, reach), relax));
  }
}

template <class S>
Pass restriction_pass(const StencilLevel<S>& level, const S* u, const S* f, S* to_coarse) {
  // A coarse line reads residuals of lines beside its own, and those u beside them.
  const bool planes = level.shares.axes[0].halved, rows = level.shares.axes[1].halved;
  const std::int64_t reach = lines_beside(level.shape, level.view.reach) +
                             (planes ? level.shape.sizes[1] : 0) + (rows ? 1 : 0);
  return {reach, [=, &level] {
            const auto lines = std::make_shared<RestrictedLines<S>>(level, u, f, to_coarse);
            return [lines](std::int64_t begin, std::int64_t end) {
              for (std::int64_t line = begin; line < end; ++line) {
                if (const std::int64_t coarse = lines->inside(line); coarse >= 0) {
                  lines->run(coarse);
                }
              }
            };
          }};
}

template <class S>
Pass prolongation_pass(const StencilLevel<S>& level, const S* from_coarse, S* u) {
  return plain_pass(0, [=, &level](std::int64_t begin, std::int64_t end) {
    const GridShape &fine = level.shape, &coarse = level.coarse;
    for (std::int64_t line = begin; line < end; ++line) {
      SharedLine lines[4];
      const int count = shared_lines(level, line, lines);
      for (int i = 0; i < count; ++i) {
        const std::int64_t at = coarse.line(lines[i].line);
        stencil_kernels<S>().prolong_row(level.shares, lines[i].plane, lines[i].row, at,
                                         coarse.sizes[2], fine.sizes[2], from_coarse + at,
                                         u + fine.line(line));
      }
    }
  });
}

template const StencilKernels<float>& stencil_kernels<float>();
template const StencilKernels<double>& stencil_kernels<double>();
template class RestrictedLines<float>;
template class RestrictedLines<double>;
template Pass clearing_pass<float>(const StencilLevel<float>&, float*);
template Pass clearing_pass<double>(const StencilLevel<double>&, double*);
template void add_sweeps<float>(std::vector<Pass>&, const StencilLevel<float>&, float*,
                                const float*, float, int, bool);
template void add_sweeps<double>(std::vector<Pass>&, const StencilLevel<double>&, double*,
                                 const double*, double, int, bool);
template Pass restriction_pass<float>(const StencilLevel<float>&, const float*, const float*,
                                      float*);
template Pass restriction_pass<double>(const StencilLevel<double>&, const double*, const double*,
                                       double*);
template Pass prolongation_pass<float>(const StencilLevel<float>&, const float*, float*);
template Pass prolongation_pass<double>(const StencilLevel<double>&, const double*, double*);

}  // namespace longtail::multigrid
