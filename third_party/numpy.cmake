# NumPy: headers only; 2.x headers give binaries for NumPy 1.23 and later.

execute_process(
  COMMAND ${Python_EXECUTABLE} -c "import numpy; print(numpy.get_include())"
  OUTPUT_VARIABLE numpy_include OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed ERROR_QUIET)
if(failed)
  message(FATAL_ERROR "longtail needs NumPy: none in ${Python_EXECUTABLE}; pip install 'numpy>=2'")
endif()

add_library(longtail_numpy INTERFACE)
target_include_directories(longtail_numpy SYSTEM INTERFACE ${numpy_include})
target_compile_definitions(longtail_numpy INTERFACE NPY_TARGET_VERSION=NPY_1_23_API_VERSION)
