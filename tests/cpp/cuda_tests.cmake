# CUDA kernels on the CPU: their threads are fibres, CUDA's own header is not needed. And what they
# compute in float32 where float64 is slow, as functions.
foreach(source IN LISTS cuda_tests)
  cmake_path(GET source STEM LAST_ONLY name)
  longtail_add_test(${name} ${source})
  target_include_directories(${name} BEFORE PRIVATE simt ${PROJECT_SOURCE_DIR})
  # Half the time to compile, for tests that take seconds in all.
  target_compile_options(${name} PRIVATE -O1)
  if(LONGTAIL_SANITIZE)
    target_compile_options(${name} PRIVATE ${LONGTAIL_SANITIZE_FEWER_CHECKS})
  endif()
endforeach()
target_sources(test_bessel_cuda PRIVATE ${PROJECT_SOURCE_DIR}/cuda/core/params.cpp)
target_sources(test_hadamard_cuda PRIVATE
  ${PROJECT_SOURCE_DIR}/cuda/attention/hadamard_tiles.cpp)
target_sources(test_multigrid_cuda PRIVATE
  ${PROJECT_SOURCE_DIR}/cuda/multigrid/axis_pattern.cpp
  ${PROJECT_SOURCE_DIR}/cuda/multigrid/poisson_plan.cpp)
target_sources(test_diffusion_cuda PRIVATE
  ${PROJECT_SOURCE_DIR}/cuda/multigrid/cycle_plan.cpp
  ${PROJECT_SOURCE_DIR}/cuda/multigrid/diffusion_plan.cpp)
target_sources(test_grid_ops_cuda PRIVATE
  ${PROJECT_SOURCE_DIR}/cuda/multigrid/cycle_plan.cpp)
target_sources(test_grid_conv_cuda PRIVATE
  ${PROJECT_SOURCE_DIR}/cuda/multigrid/grid_conv_plan.cpp)
target_sources(test_long_conv_cuda PRIVATE
  ${PROJECT_SOURCE_DIR}/cuda/longconv/fft_layout.cpp
  ${PROJECT_SOURCE_DIR}/cuda/longconv/long_conv_memory.cpp)

target_compile_definitions(test_native_float32 PRIVATE
  LONGTAIL_BESSEL_CONTRACT="${PROJECT_SOURCE_DIR}/csrc/bessel/contract.json")
# A constant that silently widens an expression would bring float64 back into these kernels.
target_compile_options(test_native_float32 PRIVATE -Wdouble-promotion)
