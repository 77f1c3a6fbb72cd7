# CPU levels: `*.level.cpp` files are compiled once per level, with the level's flags and its name
# in LONGTAIL_LEVEL; `*.dot.level.cpp` files also for the levels that add dot products of bytes.
# csrc/core/cpu_level.h says what the levels are and picks one at run time.

if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64")
  set(LONGTAIL_LEVELS scalar neon)
  set(LONGTAIL_DOT_LEVEL neondot)
  set(LONGTAIL_FLAGS_neon -march=armv8-a)
  set(LONGTAIL_FLAGS_neondot -march=armv8.2-a+dotprod)
else()
  set(LONGTAIL_LEVELS scalar avx2 avx512)
  set(LONGTAIL_DOT_LEVEL avx512vnni)
  set(LONGTAIL_FLAGS_avx2 -march=x86-64-v3)
  set(LONGTAIL_FLAGS_avx512 -march=x86-64-v4 -mprefer-vector-width=512)
  set(LONGTAIL_FLAGS_avx512vnni ${LONGTAIL_FLAGS_avx512} -mavx512vnni)
endif()
set(LONGTAIL_FLAGS_scalar ${LONGTAIL_BASELINE_FLAGS})

# Fuzzing takes one level of vectors, and scalar, to which that leaves some elements:
# tests/fuzz/CMakeLists.txt does without the others.
if(LONGTAIL_FUZZ)
  list(SUBLIST LONGTAIL_LEVELS 0 2 LONGTAIL_LEVELS)
  set(LONGTAIL_DOT_LEVEL "")
endif()

# Everything is inlined into a few huge functions: full instrumentation compiles for minutes.
set(LONGTAIL_SANITIZE_FEWER_CHECKS
    -O1 -fno-sanitize=null,alignment,object-size,vptr)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  list(APPEND LONGTAIL_SANITIZE_FEWER_CHECKS "SHELL:-mllvm -asan-stack=0")
else()
  list(APPEND LONGTAIL_SANITIZE_FEWER_CHECKS "SHELL:--param asan-stack=0")
endif()

# longtail_level_objects(name level source...): an object library compiled for one level.
function(longtail_level_objects name level)
  add_library(${name} OBJECT ${ARGN})
  longtail_common_options(${name})
  target_compile_options(${name} PRIVATE ${LONGTAIL_FLAGS_${level}})
  target_compile_definitions(${name} PRIVATE LONGTAIL_LEVEL=${level})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/csrc)
  if(LONGTAIL_SANITIZE)
    target_compile_options(${name} PRIVATE ${LONGTAIL_SANITIZE_FEWER_CHECKS})
  endif()
endfunction()

# longtail_level_sources(target source...): adds the sources to `target`, compiled for each level.
function(longtail_level_sources target)
  foreach(level IN LISTS LONGTAIL_LEVELS LONGTAIL_DOT_LEVEL)
    set(sources ${ARGN})
    if(level STREQUAL LONGTAIL_DOT_LEVEL)
      list(FILTER sources INCLUDE REGEX "\\.dot\\.level\\.cpp$")
    endif()
    if(sources)
      longtail_level_objects(${target}_${level} ${level} ${sources})
      target_sources(${target} PRIVATE $<TARGET_OBJECTS:${target}_${level}>)
    endif()
  endforeach()
endfunction()
