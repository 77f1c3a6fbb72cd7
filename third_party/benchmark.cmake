# Google Benchmark, from the system (Debian: libbenchmark-dev). Benchmarks are skipped without it.

find_package(benchmark CONFIG QUIET)
if(NOT benchmark_FOUND)
  message(STATUS "longtail: no C++ benchmarks, since Google Benchmark was not found "
                 "(Debian: libbenchmark-dev)")
endif()

# One executable per source file.
function(longtail_add_benchmarks)
  if(NOT benchmark_FOUND)
    return()
  endif()
  foreach(source IN LISTS ARGN)
    cmake_path(GET source STEM name)
    add_executable(${name} ${source})
    longtail_compile_options(${name})
    target_link_libraries(${name} PRIVATE longtail_core benchmark::benchmark_main)
  endforeach()
endfunction()
