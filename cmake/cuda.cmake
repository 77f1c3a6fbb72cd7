# Whether and for which GPUs the CUDA library is built. Sets LONGTAIL_HAS_CUDA and, for `longtail
# doctor`, LONGTAIL_CUDA_INFO.

set(LONGTAIL_HAS_CUDA OFF)
set(LONGTAIL_CUDA_INFO "not built: LONGTAIL_CUDA=${LONGTAIL_CUDA}")
# SASS for what is in use, and PTX of plain compute_90 for what comes ('a' PTX stays where it is).
set(release_architectures
    80-real 86-real 89-real 90a-real 100a-real 120a-real 90-virtual)

if(LONGTAIL_PYTHON AND NOT LONGTAIL_CUDA STREQUAL "OFF")
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    set(LONGTAIL_HAS_CUDA ON)
  elseif(LONGTAIL_CUDA STREQUAL "ON")
    message(FATAL_ERROR "LONGTAIL_CUDA=ON, but no CUDA compiler was found")
  else()
    set(LONGTAIL_CUDA_INFO "not built: no CUDA compiler was found")
    message(STATUS "longtail: CUDA library ${LONGTAIL_CUDA_INFO}")
  endif()
endif()

# The architectures to build for: the option, or this machine's GPU as nvidia-smi names it, or 90a.
function(longtail_choose_architectures result)
  set(chosen ${LONGTAIL_CUDA_ARCHITECTURES})
  if(chosen STREQUAL "release")
    set(chosen ${release_architectures})
  elseif(NOT chosen)
    execute_process(COMMAND nvidia-smi --query-gpu=compute_cap --format=csv,noheader
                    OUTPUT_VARIABLE capabilities OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    string(REGEX MATCHALL "[0-9]+\\.[0-9]" capabilities "${capabilities}")
    foreach(capability IN LISTS capabilities)
      string(REPLACE "." "" number ${capability})
      # Hopper and later have instructions only in their 'a' form.
      if(number GREATER_EQUAL 90)
        set(number ${number}a)
      endif()
      list(APPEND chosen ${number}-real)
    endforeach()
    if(NOT chosen)
      set(chosen 90a-real)
    endif()
    list(REMOVE_DUPLICATES chosen)
  endif()
  set(${result} ${chosen} PARENT_SCOPE)
endfunction()

if(LONGTAIL_HAS_CUDA)
  longtail_choose_architectures(architectures)
  set(CMAKE_CUDA_ARCHITECTURES ${architectures})
  enable_language(CUDA)
  find_package(CUDAToolkit 13 REQUIRED)
  list(JOIN architectures " " names)
  set(LONGTAIL_CUDA_INFO "${names} (CUDA ${CUDAToolkit_VERSION})")
  message(STATUS "longtail: CUDA library for ${LONGTAIL_CUDA_INFO}")
endif()

# Static cudart: torch's own wheels moved between CUDA versions, ours must not care.
function(longtail_cuda_options target)
  set_target_properties(${target} PROPERTIES
    CUDA_STANDARD 20 CUDA_RUNTIME_LIBRARY Static CUDA_VISIBILITY_PRESET hidden)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  # 1675: pragmas for GCC in headers that g++ compiles too. Compressed for size kernels take a fifth
  # less than by nvcc's own choice, a sixth of what they are: a release holds seven of each.
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr;-fmad=false;--diag-suppress=1675>
    $<$<COMPILE_LANGUAGE:CUDA>:--compress-mode=size>
    $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wno-restrict,-Wno-unknown-pragmas>
    $<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${LONGTAIL_WERROR}>>:-Werror=all-warnings>)
  target_link_libraries(${target} PRIVATE CUDA::cudart_static ${CMAKE_DL_LIBS})
endfunction()
