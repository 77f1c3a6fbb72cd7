// sm_90's barriers that count bytes and the copies that report to them, one thread for a whole
// block of memory. On the CPU (tests/cpp/simt/async.h) copies land as late as they may.
//
// A barrier has phases, 0 and 1 in turn. Waiting for phase 1 of a new barrier returns at once.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "core/host_device.h"

#if !defined(__CUDACC__)
#include <async.h>
#endif

namespace longtail::cuda {

using PhaseBarrier = std::uint64_t;  // in shared memory

__device__ inline unsigned shared_address(const void* pointer) {
#if defined(__CUDA_ARCH__)
  return static_cast<unsigned>(__cvta_generic_to_shared(pointer));
#elif !defined(__CUDACC__)
  return simt::shared_address(pointer);
#else
  return (void)pointer, 0;
#endif
}

/// The first multiple of `Alignment` in shared memory from `base` on.
template <unsigned Alignment>
__device__ inline unsigned char* align_shared(unsigned char* base) {
  return base + (Alignment - shared_address(base) % Alignment) % Alignment;
}

/// For one thread; the others may use it after publish_barriers and __syncthreads.
__device__ inline void make_barrier(PhaseBarrier& barrier, unsigned count) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(&barrier)), "r"(count)
               : "memory");
#elif !defined(__CUDACC__)
  simt::make_barrier(&barrier, count);
#else
  (void)barrier, (void)count;
#endif
}

/// Lets copies see barriers just made.
__device__ inline void publish_barriers() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

/// Arrives; the phase then also waits for so many bytes.
__device__ inline void expect_bytes(PhaseBarrier& barrier, unsigned bytes) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile(
      "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(&barrier)),
      "r"(bytes)
      : "memory");
#elif !defined(__CUDACC__)
  simt::Async::barrier(&barrier).arrive(bytes);
#else
  (void)barrier, (void)bytes;
#endif
}

__device__ inline void arrive(PhaseBarrier& barrier) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(&barrier))
               : "memory");
#elif !defined(__CUDACC__)
  simt::Async::barrier(&barrier).arrive(0);
#else
  (void)barrier;
#endif
}

/// Until the phase of this parity is over.
__device__ inline void wait_for_phase(PhaseBarrier& barrier, int parity) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile(
      "{\n"
      ".reg .pred over;\n"
      "again:\n"
      "mbarrier.try_wait.parity.shared::cta.b64 over, [%0], %1;\n"
      "@!over bra again;\n"
      "}" ::"r"(shared_address(&barrier)),
      "r"(parity)
      : "memory");
#elif !defined(__CUDACC__)
  simt::wait_for_phase(&barrier, parity != 0);
#else
  (void)barrier, (void)parity;
#endif
}

/// Starts to copy from global to shared memory; all three are multiples of 16 bytes.
__device__ inline void copy_bulk(void* to, const void* from, unsigned bytes,
                                 PhaseBarrier& barrier) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::
          "r"(shared_address(to)),
      "l"(__cvta_generic_to_global(from)), "r"(bytes), "r"(shared_address(&barrier))
      : "memory");
#elif !defined(__CUDACC__)
  simt::Async::barrier(&barrier).copy(to, from, bytes);
#else
  (void)to, (void)from, (void)bytes, (void)barrier;
#endif
}

/// Registers of each thread of this warpgroup from here on: from fewer to more, or the reverse.
template <int Registers>
__device__ inline void take_registers() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Registers));
#endif
}
template <int Registers>
__device__ inline void leave_registers() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Registers));
#endif
}

}  // namespace longtail::cuda
