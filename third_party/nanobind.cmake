# nanobind 3 in split mode: its runtime comes from the package nanobind-backend, so the module
# needs nothing beyond the stable ABI of Python 3.10.

execute_process(COMMAND ${Python_EXECUTABLE} -m nanobind --cmake_dir
                OUTPUT_VARIABLE nanobind_ROOT OUTPUT_STRIP_TRAILING_WHITESPACE)
find_package(nanobind 3 CONFIG REQUIRED)

function(longtail_add_python_module name)
  nanobind_add_module(${name} BACKEND_MODULE nanobind_backend STABLE_ABI_VERSION 3.10
                      NB_SUPPRESS_WARNINGS ${ARGN})
  longtail_compile_options(${name})
  target_link_libraries(${name} PRIVATE longtail_core longtail_numpy)
  target_link_options(${name} PRIVATE -Wl,--exclude-libs,ALL)
  install(TARGETS ${name} LIBRARY DESTINATION longtail COMPONENT python)
endfunction()
