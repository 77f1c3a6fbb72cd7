# Compiler flags, and the description of the build that `longtail doctor` prints.

# Results must not depend on what the compiler contracts, and error paths of libm are not used.
set(LONGTAIL_MATH_FLAGS -ffp-contract=off -fno-math-errno -fno-trapping-math)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64")
  set(LONGTAIL_BASELINE_FLAGS -march=armv8-a)
else()
  set(LONGTAIL_BASELINE_FLAGS -march=x86-64-v2)
endif()
# -Wno-restrict: GCC 12 warns about std::string + const char* (PR 105651). The others of Clang's:
# a level's own namespace is inline, to the others it is not; LONGTAIL_INLINE says so twice.
set(LONGTAIL_WARNING_FLAGS -Wall -Wextra -Wpedantic $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
    $<$<CXX_COMPILER_ID:Clang>:-Wno-inline-namespace-reopened-noninline>
    $<$<BOOL:${LONGTAIL_WERROR}>:-Werror>)
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -DNDEBUG")

# Flags of every C++ target but their instruction set. Symbols stay hidden: the op libraries export
# nothing but what torch finds by running their initialisers.
function(longtail_common_options target)
  set_target_properties(${target} PROPERTIES
    POSITION_INDEPENDENT_CODE ON CXX_EXTENSIONS OFF
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:${LONGTAIL_MATH_FLAGS};${LONGTAIL_WARNING_FLAGS}>)
  if(LONGTAIL_SANITIZE)
    # -g1: lines for the reports; following variables too takes GCC several times as long here.
    target_compile_options(${target} PRIVATE
      -fsanitize=${LONGTAIL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all -g1)
    target_link_options(${target} PUBLIC -fsanitize=${LONGTAIL_SANITIZE})
  endif()
endfunction()

function(longtail_compile_options target)
  longtail_common_options(${target})
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:${LONGTAIL_BASELINE_FLAGS}>)
endfunction()

# Tells one source file how the whole was built.
function(longtail_describe_build source)
  list(JOIN LONGTAIL_BASELINE_FLAGS " " baseline)
  list(JOIN LONGTAIL_MATH_FLAGS " " math)
  string(TOUPPER "${CMAKE_BUILD_TYPE}" type)
  string(STRIP "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${type}} ${baseline} ${math}" flags)
  set_property(SOURCE ${source} APPEND PROPERTY COMPILE_DEFINITIONS
    "LONGTAIL_VERSION=\"${PROJECT_VERSION}\"" "LONGTAIL_BUILD_TYPE=\"${CMAKE_BUILD_TYPE}\""
    "LONGTAIL_FLAGS=\"${flags}\"" "LONGTAIL_CUDA_INFO=\"${LONGTAIL_CUDA_INFO}\"")
endfunction()
