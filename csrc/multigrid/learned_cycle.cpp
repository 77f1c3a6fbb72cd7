#include "multigrid/learned_cycle.h"

#include "multigrid/learned_cycle_memory.h"

namespace longtail::multigrid {
namespace {

constexpr int kNone = -1;

std::int64_t coarser(std::int64_t points, int times) {
  for (; times > 0; --times) points = (points + 1) / 2;
  return points;
}

/// Writes the cycle down.
class Forward {
 public:
  Forward(const CycleShape& shape, bool keep) : shape_(shape), keep_(keep) {
    place_weights();
    run();
  }
  CyclePlan take() { return std::move(plan_); }

 private:
  struct Smoother {
    std::int64_t a, s;  // a: kNone for the very first
  };
  struct Level {
    std::vector<Smoother> before, after;
    std::int64_t a, pi, r, t;
  };
  struct Pair {
    int u, f;
  };

  std::int64_t weight(std::int64_t rows, std::int64_t columns, int taps) {
    const std::int64_t at = plan_.weights;
    plan_.weights += rows * columns * taps * taps;
    return at;
  }
  void place_weights() {
    plan_.weights = 0;
    const std::int64_t f = shape_.in, u = shape_.channels;
    const auto smoothers = [&](int count, bool first) {
      std::vector<Smoother> result;
      for (int i = 0; i < count; ++i) {
        const std::int64_t a = first && i == 0 ? kNone : weight(f, u, 3);
        result.push_back({a, weight(u, f, 3)});
      }
      return result;
    };
    for (int l = 0; l < shape_.levels(); ++l) {
      Level level{};
      level.before = smoothers(shape_.smooth[l].first, l == 0);
      if (l + 1 < shape_.levels()) {
        if (shape_.restrict_residual) level.a = weight(f, u, 3);
        level.pi = weight(u, u, 3);
        level.r = weight(f, f, 3);
        level.t = weight(u, u, 4);
      }
      level.after = smoothers(shape_.smooth[l].second, false);
      levels_.push_back(std::move(level));
    }
  }

  int field(int level, std::int64_t channels, Place place = Place::scratch) {
    plan_.fields.push_back({level, channels, place, 0});
    return static_cast<int>(plan_.fields.size()) - 1;
  }
  int conv(int from, std::int64_t weight, std::int64_t rows, int add, bool negative) {
    const CycleField source = plan_.fields[from];
    const int to = field(source.level, rows);
    plan_.steps.push_back({CycleKind::conv, source.level, from, add, to, weight, rows,
                           source.channels, 3, false, negative, false});
    return to;
  }
  int down(int from, std::int64_t weight) {
    const CycleField source = plan_.fields[from];
    const int to = field(source.level + 1, source.channels);
    plan_.steps.push_back({CycleKind::down, source.level, from, kNone, to, weight, source.channels,
                           source.channels, 3, false, false, false});
    return to;
  }
  int up(int from, std::int64_t weight, int add) {
    const CycleField target = plan_.fields[add];
    const int to = field(target.level, target.channels);
    plan_.steps.push_back({CycleKind::up, target.level, from, add, to, weight, target.channels,
                           target.channels, 4, false, false, false});
    return to;
  }
  int smooth(int u, int f, const std::vector<Smoother>& steps) {
    for (const Smoother& step : steps) {
      if (step.a == kNone) {
        u = conv(f, step.s, shape_.channels, kNone, false);
      } else {
        const int r = conv(u, step.a, shape_.in, f, true);
        u = conv(r, step.s, shape_.channels, u, false);
      }
    }
    return u;
  }

  void run() {
    Pair now{kNone, field(0, shape_.in, Place::f)};
    std::vector<Pair> visited;
    const int last = shape_.levels() - 1;
    for (int l = 0; l <= last; ++l) {
      const Level& level = levels_[l];
      now.u = smooth(now.u, now.f, level.before);
      visited.push_back(now);
      if (l == last) break;
      int r = now.f;
      if (shape_.restrict_residual) r = conv(now.u, level.a, shape_.in, now.f, true);
      now = {down(now.u, level.pi), down(r, level.r)};
    }
    int u = now.u;
    for (int l = last - 1; l >= 0; --l) {
      u = smooth(up(u, levels_[l].t, visited[l].u), visited[l].f, levels_[l].after);
    }
    plan_.fields[u].place = Place::u;
    plan_.steps.back().bias = true;
    plan_.saved = 0;
    if (!keep_) return;
    for (const CycleStep& step : plan_.steps) keep(plan_.fields[step.from]);
  }
  void keep(CycleField& field) {
    if (field.place != Place::scratch) return;
    field.place = Place::saved;
    field.offset = plan_.saved;
    plan_.saved += floats_of(shape_, field);
  }

  const CycleShape& shape_;
  const bool keep_;
  std::vector<Level> levels_;
  CyclePlan plan_{};
};

/// The steps of a cycle in reverse.
class Backward {
 public:
  Backward(const CycleShape& shape, const CycleNeeds& needs)
      : needs_(needs), plan_(forward_cycle(shape, true)) {
    const std::vector<CycleStep> forward = std::move(plan_.steps);
    plan_.steps.clear();
    gradient_.assign(plan_.fields.size(), kNone);
    gradient_[forward.back().to] = like(forward.back().to, Place::grad);
    if (needs.through && needs.f) gradient_[0] = like(0, Place::through);
    for (auto step = forward.rbegin(); step != forward.rend(); ++step) {
      if (step->level < needs.late_weights) finish_weights();
      reverse(*step, step + 1 == forward.rend());
    }
    finish_weights();
  }
  CyclePlan take() { return std::move(plan_); }

 private:
  int like(int field, Place place = Place::scratch) {
    const CycleField model = plan_.fields[field];
    plan_.fields.push_back({model.level, model.channels, place, 0});
    return static_cast<int>(plan_.fields.size()) - 1;
  }
  void finish_weights() {
    plan_.steps.insert(plan_.steps.end(), late_.begin(), late_.end());
    late_.clear();
  }

  void reverse(const CycleStep& step, bool last) {
    const int grad = gradient_[step.to];
    if (needs_.weights) weight(step, grad);
    if (step.from != 0 || needs_.f) {
      const int to = like(step.from, last ? Place::df : Place::scratch);
      CycleStep back = step;
      back.from = grad;
      back.add = gradient_[step.from];
      back.to = to;
      back.bias = false;
      if (step.kind == CycleKind::conv) {
        back.adjoint = true;
      } else if (step.kind == CycleKind::up) {
        back.kind = CycleKind::down;
      } else {
        back.kind = CycleKind::up;
      }
      plan_.steps.push_back(back);
      gradient_[step.from] = to;
    }
    if (step.add != kNone && (step.add != 0 || needs_.f)) add(step.add, grad);
  }
  /// grad is one part more of the gradient of a field.
  void add(int field, int grad) {
    int& whole = gradient_[field];
    if (whole == kNone) {
      whole = grad;
      return;
    }
    CycleStep sum{};
    sum.kind = CycleKind::sum;
    sum.level = plan_.fields[field].level;
    sum.from = grad;
    sum.add = whole;
    sum.to = like(field);
    plan_.steps.push_back(sum);
    whole = sum.to;
  }
  void weight(const CycleStep& step, int grad) {
    CycleStep dw = step;
    dw.kind = step.kind == CycleKind::conv ? CycleKind::conv_weight : CycleKind::transfer_weight;
    // Of a transfer the fine field is `from`: on the way down x, on the way up the gradient.
    const bool up = step.kind == CycleKind::up;
    dw.from = up ? grad : step.from;
    dw.add = up ? step.from : grad;
    dw.to = kNone;
    dw.bias = false;
    (step.level >= needs_.late_weights ? late_ : plan_.steps).push_back(dw);
  }

  const CycleNeeds& needs_;
  CyclePlan plan_;
  std::vector<int> gradient_;  // of a field, or kNone as yet
  std::vector<CycleStep> late_;
};

}  // namespace

std::int64_t CycleShape::height_of(int level) const { return coarser(height, level); }
std::int64_t CycleShape::width_of(int level) const { return coarser(width, level); }

CyclePlan forward_cycle(const CycleShape& shape, bool keep) {
  CyclePlan plan = Forward(shape, keep).take();
  place_scratch(shape, plan);
  return plan;
}

CyclePlan backward_cycle(const CycleShape& shape, const CycleNeeds& needs) {
  CyclePlan plan = Backward(shape, needs).take();
  place_scratch(shape, plan);
  return plan;
}

}  // namespace longtail::multigrid
