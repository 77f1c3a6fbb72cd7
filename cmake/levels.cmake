# CPU levels: `*.level.cpp` files are compiled once per level, with the level's flags and its name
# in LONGTAIL_LEVEL. csrc/core/cpu_level.h says what the levels are and picks one at run time.

if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64")
  set(LONGTAIL_LEVELS scalar neon)
  set(LONGTAIL_FLAGS_neon -march=armv8-a)
else()
  set(LONGTAIL_LEVELS scalar avx2 avx512)
  set(LONGTAIL_FLAGS_avx2 -march=x86-64-v3)
  set(LONGTAIL_FLAGS_avx512 -march=x86-64-v4 -mprefer-vector-width=512)
endif()
set(LONGTAIL_FLAGS_scalar ${LONGTAIL_BASELINE_FLAGS})

# longtail_level_objects(name level source...): an object library compiled for one level.
function(longtail_level_objects name level)
  add_library(${name} OBJECT ${ARGN})
  longtail_common_options(${name})
  target_compile_options(${name} PRIVATE ${LONGTAIL_FLAGS_${level}})
  target_compile_definitions(${name} PRIVATE LONGTAIL_LEVEL=${level})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/csrc)
  if(LONGTAIL_SANITIZE)
    # Everything is inlined into a few huge functions: full instrumentation compiles for minutes.
    target_compile_options(${name} PRIVATE
      -O1 --param asan-stack=0 -fno-sanitize=null,alignment,object-size,vptr)
  endif()
endfunction()

# longtail_level_sources(target source...): adds the sources to `target`, compiled for each level.
function(longtail_level_sources target)
  if(NOT ARGN)
    return()
  endif()
  foreach(level IN LISTS LONGTAIL_LEVELS)
    longtail_level_objects(${target}_${level} ${level} ${ARGN})
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${target}_${level}>)
  endforeach()
endfunction()
