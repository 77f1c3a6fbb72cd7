# Google Benchmark, from the system (Debian: libbenchmark-dev). Benchmarks are skipped without it.

find_package(benchmark CONFIG QUIET)
if(NOT benchmark_FOUND)
  message(STATUS "longtail: no C++ benchmarks, since Google Benchmark was not found "
                 "(Debian: libbenchmark-dev)")
endif()

# One executable per source file x.cpp, with the kernels of x.level.cpp at every level if it exists.
# The C library's vector functions are rivals where it has them.
function(longtail_add_benchmarks)
  if(NOT benchmark_FOUND)
    return()
  endif()
  find_library(mvec_library mvec)
  foreach(source IN LISTS ARGN)
    cmake_path(GET source STEM name)
    cmake_path(REPLACE_EXTENSION source .level.cpp OUTPUT_VARIABLE level_source)
    add_executable(${name} ${source})
    if(EXISTS ${level_source})
      longtail_level_sources(${name} ${level_source})
      target_link_libraries(${name} PRIVATE $<$<BOOL:${mvec_library}>:${mvec_library}>)
    endif()
    longtail_compile_options(${name})
    target_link_libraries(${name} PRIVATE longtail_core benchmark::benchmark_main)
  endforeach()
endfunction()
