# torch: its headers, and libtorch_cpu.so to name as a dependency.
#
# Pinned in pyproject.toml (build-system.requires) for the headers only: the binaries use the
# LibTorch stable ABI of 2.10. No find_package(Torch): it brings a CUDA toolkit, compiler flags and
# unstable include paths.

execute_process(
  COMMAND ${Python_EXECUTABLE} -c
          "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])"
  OUTPUT_VARIABLE torch_folder OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed ERROR_QUIET)
if(failed)
  message(FATAL_ERROR "longtail needs torch >= 2.13 headers: no torch in ${Python_EXECUTABLE}; "
                      "pip install torch==2.13.0")
endif()

add_library(longtail_torch INTERFACE)
target_include_directories(longtail_torch SYSTEM INTERFACE
  ${torch_folder}/include ${torch_folder}/include/torch/csrc/api/include)
target_compile_definitions(longtail_torch INTERFACE TORCH_TARGET_VERSION=0x020a000000000000)
# By path and without RPATH: Python has loaded torch before, and the loader matches the soname.
target_link_libraries(longtail_torch INTERFACE ${torch_folder}/lib/libtorch_cpu.so)

# A shared library of operators, placed into the Python package.
function(longtail_add_op_library name)
  add_library(${name} SHARED ${ARGN})
  longtail_compile_options(${name})
  target_link_libraries(${name} PRIVATE longtail_core longtail_torch)
  # Without --no-as-needed a linker may drop libtorch_cpu.so, and loading would then fail: Python
  # loads torch's libraries with RTLD_LOCAL.
  target_link_options(${name} PRIVATE
    -Wl,--exclude-libs,ALL -Wl,--no-as-needed -Wl,-z,relro,-z,now $<$<CONFIG:Release>:-s>)
  set_target_properties(${name} PROPERTIES SKIP_BUILD_RPATH ON INSTALL_RPATH "")
  install(TARGETS ${name} LIBRARY DESTINATION longtail COMPONENT python)
endfunction()
