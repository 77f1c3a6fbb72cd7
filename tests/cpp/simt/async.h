// What sm_90 does behind the threads' backs, for simt/cuda_runtime.h: mbarriers, bulk copies that
// report to them, and work of warpgroups. Everything happens as late as it may, so that a missing
// wait shows: a copy lands when somebody waits for its barrier, a product is formed, from what its
// operands then are, when its group is waited for. Until then the target holds garbage.
#pragma once

#include <array>
#include <map>

#include <cuda_runtime.h>

namespace simt {

[[noreturn]] inline void refuse(const char* why) {
  std::fprintf(stderr, "simt: %s\n", why);
  std::abort();
}

// Shared memory has addresses of its own. It does not begin at a multiple of much.
constexpr std::uint32_t kSharedBase = 1040;
inline std::uint32_t shared_address(const void* pointer) {
  return kSharedBase + static_cast<std::uint32_t>(static_cast<const unsigned char*>(pointer) -
                                                  static_cast<unsigned char*>(dynamic_shared));
}
inline unsigned char* shared_pointer(std::uint32_t address) {
  return static_cast<unsigned char*>(dynamic_shared) + (address - kSharedBase);
}

// PTX: "mbarrier". A phase ends when nobody is left to arrive and no byte to come.
class PhaseBarrier {
 public:
  explicit PhaseBarrier(unsigned count) : count_(count), left_(count) {}

  void arrive(std::int64_t more_bytes) {
    if (left_ == 0) refuse("more arrivals at an mbarrier than it was made for");
    bytes_ += more_bytes;
    --left_;
    end_phase();
  }
  void copy(void* to, const void* from, std::size_t bytes) {
    if ((shared_address(to) | reinterpret_cast<std::uintptr_t>(from) | bytes) % 16 != 0) {
      refuse("a bulk copy is not of aligned pieces of 16 bytes");
    }
    std::memset(to, 0xff, bytes);
    copies_.push_back({to, from, bytes});
  }
  // Whether the phase of this parity is over.
  bool over(bool parity) {
    for (const Copy& each : copies_) {
      std::memcpy(each.to, each.from, each.bytes);
      bytes_ -= static_cast<std::int64_t>(each.bytes);
    }
    const bool landed = !copies_.empty();
    copies_.clear();
    if (landed) end_phase();
    return phase_ != parity;
  }

 private:
  struct Copy {
    void* to;
    const void* from;
    std::size_t bytes;
  };
  void end_phase() {
    if (left_ != 0 || bytes_ != 0) return;
    phase_ = !phase_;
    left_ = count_;
    Block::current()->progress();
  }

  unsigned count_, left_;
  std::int64_t bytes_ = 0;
  bool phase_ = false;
  std::vector<Copy> copies_;
};

// What a thread has asked of its warpgroup and not waited for.
struct Warpgroup {
  using Work = std::function<void()>;
  std::vector<Work> open;                 // not committed yet
  std::vector<std::vector<Work>> groups;  // committed, oldest first
  bool fenced = false;
};

struct Async {
  std::map<const void*, PhaseBarrier> barriers;
  std::map<unsigned, Warpgroup> threads;

  static Async& of_block() {
    std::shared_ptr<void>& kept = Block::current()->kept;
    if (kept == nullptr) kept = std::make_shared<Async>();
    return *static_cast<Async*>(kept.get());
  }
  static PhaseBarrier& barrier(const void* at) {
    auto& all = of_block().barriers;
    const auto found = all.find(at);
    if (found == all.end()) refuse("an mbarrier is used before its init");
    return found->second;
  }
  static Warpgroup& thread() { return of_block().threads[Block::current()->turn()]; }
};

inline void make_barrier(const void* at, unsigned count) {
  Async::of_block().barriers.insert_or_assign(at, PhaseBarrier(count));
}
inline void wait_for_phase(const void* at, bool parity) {
  PhaseBarrier& barrier = Async::barrier(at);
  Block::current()->wait_until([&] { return barrier.over(parity); });
}

inline void fence_warpgroup() { Async::thread().fenced = true; }
inline void ask_warpgroup(Warpgroup::Work work) {
  Warpgroup& mine = Async::thread();
  if (!mine.fenced) refuse("wgmma without wgmma.fence");
  mine.open.push_back(std::move(work));
}
inline void commit_warpgroup() {
  Warpgroup& mine = Async::thread();
  mine.groups.push_back(std::move(mine.open));
  mine.open.clear();
}
// All but the last `kept` groups.
inline void wait_for_warpgroup(std::size_t kept) {
  Warpgroup& mine = Async::thread();
  mine.fenced = false;
  while (mine.groups.size() > kept) {
    for (const Warpgroup::Work& each : mine.groups.front()) each();
    mine.groups.erase(mine.groups.begin());
  }
}

// An operand of wgmma in shared memory by its descriptor: rows of 32 bytes (PTX ISA, "Matrix
// descriptor" and "Swizzling modes"; K-major, 64 or 128 bytes a row).
class DescribedMatrix {
 public:
  explicit DescribedMatrix(std::uint64_t descriptor)
      : start_(static_cast<std::uint32_t>(descriptor & 0x3fff) << 4),
        stride_(static_cast<std::uint32_t>(descriptor >> 32 & 0x3fff) << 4),
        layout_(static_cast<unsigned>(descriptor >> 62)) {
    if (layout_ != 1 && layout_ != 2) refuse("a descriptor without swizzle of 64 or 128 bytes");
    if ((descriptor >> 49 & 7) != 0) refuse("a descriptor with a base offset");
    if (stride_ % (8 * row_bytes()) != 0) refuse("a descriptor whose rows overlap");
  }
  std::array<unsigned char, 32> row(unsigned r) const {
    std::array<unsigned char, 32> result;
    for (unsigned part = 0; part < 2; ++part) {
      std::uint32_t at = start_ + r / 8 * stride_ + r % 8 * row_bytes() + 16 * part;
      at ^= (at >> 7 & (layout_ == 1 ? 7 : 3)) << 4;
      std::memcpy(result.data() + 16 * part, shared_pointer(at), 16);
    }
    return result;
  }

 private:
  std::uint32_t row_bytes() const { return layout_ == 1 ? 128 : 64; }
  std::uint32_t start_, stride_;
  unsigned layout_;
};

}  // namespace simt
