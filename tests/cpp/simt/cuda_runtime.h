// A stand-in for CUDA's header, so that g++ can compile kernels (*.cuh) and run them on the CPU:
// the threads of a block are fibres that take turns. Found before the toolkit's by the tests that
// use it, which therefore need no toolkit.
//
// Every thread of a block must reach the same __syncthreads(), and every thread of a warp the same
// shuffles, as on a GPU. Between two of them the threads run one after the other, so a missing
// barrier shows as a wrong result; threads that wait for each other for ever end the program.
// What copies and multiplies behind the threads' backs is in async.h.
#pragma once

#include <ucontext.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __grid_constant__
#define __launch_bounds__(...)
#define __shared__ static  // blocks run one at a time

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
};
using cudaStream_t = void*;

namespace simt {

inline dim3 thread_index, block_index, block_size, grid_size;
inline void* dynamic_shared = nullptr;  // cuda/core/shared.cuh

// Lets `count` threads meet, again and again.
struct Barrier {
  unsigned arrived = 0, generation = 0;
};

// What the threads of a warp show each other: of two calls in turn, so that one of them may be
// written while the slower threads still read the other.
struct Warp {
  static constexpr std::size_t kLargest = 64;  // bytes a thread
  alignas(16) unsigned char shown[2][32][kLargest];
  unsigned calls[32] = {};
  Barrier barrier;
};

class Block {
 public:
  static Block*& current() {
    static Block* block = nullptr;
    return block;
  }

  Block(unsigned threads, const std::function<void()>& body) : threads_(threads), body_(body) {
    current() = this;
    fibres_.resize(threads);
    warps_.resize((threads + 31) / 32);
    for (Fibre& fibre : fibres_) {
      getcontext(&fibre.context);
      fibre.context.uc_stack.ss_sp = stack(&fibre - fibres_.data());
      fibre.context.uc_stack.ss_size = kStack;
      fibre.context.uc_link = nullptr;
      makecontext(&fibre.context, &Block::enter, 0);
    }
    for (unsigned running = threads; running > 0;) {
      running = 0;
      progress_ = false;
      for (unsigned t = 0; t < threads; ++t) {
        if (fibres_[t].done) continue;
        turn_ = t;
        thread_index = {t, 0, 0};
        resume(fibres_[t]);
        progress_ = progress_ || fibres_[t].done;
        if (!fibres_[t].done) ++running;
      }
      if (running > 0 && !progress_) {
        std::fputs("simt: threads of a block wait at different barriers\n", stderr);
        std::abort();
      }
    }
  }

  void meet() { meet(barrier_, threads_); }

  // What the threads of a warp called show() with; to be read before the next call but one.
  template <class T>
  struct Shown {
    const unsigned char (*slots)[Warp::kLargest];
    T operator[](unsigned lane) const {
      T value;
      std::memcpy(&value, slots[lane], sizeof(T));
      return value;
    }
  };
  template <class T>
  Shown<T> show(const T& mine) {
    static_assert(sizeof(T) <= Warp::kLargest);
    Warp& warp = warps_[turn_ / 32];
    auto& slots = warp.shown[warp.calls[turn_ % 32]++ % 2];
    std::memcpy(slots[turn_ % 32], &mine, sizeof(T));
    meet(warp.barrier, std::min(32u, threads_ - turn_ / 32 * 32));
    return {slots};
  }
  unsigned turn() const { return turn_; }

  // Lets the others run until `ready()`; whoever makes it so says progress().
  template <class Ready>
  void wait_until(const Ready& ready) {
    while (!ready()) yield(fibres_[turn_]);
  }
  void progress() { progress_ = true; }

  // One thing that another header keeps for as long as the block runs.
  std::shared_ptr<void> kept;

 private:
  static constexpr std::size_t kStack = std::size_t{1} << 18;
  using Point = void* [5];  // of __builtin_setjmp
  struct Fibre {
    ucontext_t context;  // until it has started
    Point here;
    bool started = false, done = false;
  };
  // Block after block uses the same stacks: to allocate them takes longer than most blocks run.
  static char* stack(std::ptrdiff_t thread) {
    static std::vector<std::unique_ptr<char[]>> stacks;
    while (std::ssize(stacks) <= thread) {
      stacks.push_back(std::make_unique_for_overwrite<char[]>(kStack));
    }
    return stacks[thread].get();
  }
  void meet(Barrier& barrier, unsigned count) {
    const unsigned mine = barrier.generation;
    if (++barrier.arrived == count) {
      barrier.arrived = 0;
      ++barrier.generation;
      progress_ = true;
    }
    wait_until([&] { return barrier.generation != mine; });
  }
  static void enter() {
    Block* block = current();
    block->body_();
    block->fibres_[block->turn_].done = true;
    block->yield(block->fibres_[block->turn_]);
  }

  // swapcontext() asks the kernel for the signal mask, which would be most of the time of these
  // tests, and AddressSanitizer wipes a whole stack's shadow there. As no frame is ever left by a
  // switch, nothing needs wiping.
  [[gnu::noinline, gnu::no_sanitize_address]] static void jump(Point& to) {
    __builtin_longjmp(to, 1);
  }
  [[gnu::noinline, gnu::no_sanitize_address]] void resume(Fibre& fibre) {
    if (__builtin_setjmp(scheduler_) != 0) return;
    if (fibre.started) jump(fibre.here);
    fibre.started = true;
    setcontext(&fibre.context);
  }
  [[gnu::noinline, gnu::no_sanitize_address]] void yield(Fibre& fibre) {
    if (__builtin_setjmp(fibre.here) == 0) jump(scheduler_);
  }

  unsigned threads_, turn_ = 0;
  const std::function<void()>& body_;
  Point scheduler_;
  std::vector<Fibre> fibres_;
  std::vector<Warp> warps_;
  Barrier barrier_;
  bool progress_ = false;
};

// kernel<<<grid, threads, shared>>>(...) as launch(grid, threads, [&] { kernel(...); }, shared).
// Dynamic shared memory is on the heap, of exactly that size, so that AddressSanitizer sees where
// it ends; every block finds it full of nans, as nothing is promised about it.
inline void launch(dim3 grid, unsigned threads, const std::function<void()>& body,
                   std::size_t shared = 0) {
  const auto memory = std::make_unique_for_overwrite<unsigned char[]>(shared);
  dynamic_shared = memory.get();
  grid_size = grid;
  block_size = {threads, 1, 1};
  for (unsigned y = 0; y < grid.y; ++y) {
    for (unsigned x = 0; x < grid.x; ++x) {
      std::fill_n(memory.get(), shared, static_cast<unsigned char>(0xff));
      block_index = {x, y, 0};
      Block(threads, body);
    }
  }
}

}  // namespace simt

#define threadIdx simt::thread_index
#define blockIdx simt::block_index
#define blockDim simt::block_size
#define gridDim simt::grid_size

inline void __syncthreads() { simt::Block::current()->meet(); }
inline void __syncwarp() { simt::Block::current()->show('w'); }

template <class T>
T __shfl_down_sync(unsigned, T value, unsigned offset) {
  const unsigned lane = simt::Block::current()->turn() % 32;
  return simt::Block::current()->show(value)[lane + offset < 32 ? lane + offset : lane];
}
template <class T>
T __shfl_sync(unsigned, T value, unsigned lane) {
  return simt::Block::current()->show(value)[lane];
}
template <class T>
T __shfl_xor_sync(unsigned, T value, unsigned bits) {
  const unsigned lane = simt::Block::current()->turn() % 32;
  return simt::Block::current()->show(value)[lane ^ bits];
}
inline bool __any_sync(unsigned, bool mine) {
  const auto all = simt::Block::current()->show(mine);
  bool any = false;
  for (unsigned lane = 0; lane < 32; ++lane) any = any || all[lane];
  return any;
}
