# The installed C++ package: headers, longtail_core and what find_package(longtail) needs.
# Component "cpp"; the Python wheel installs only component "python".
include(CMakePackageConfigHelpers)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/longtail)

install(TARGETS longtail_core EXPORT longtailTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT cpp)
install(DIRECTORY csrc/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/longtail COMPONENT cpp
        FILES_MATCHING PATTERN "*.h" PATTERN "torch" EXCLUDE PATTERN "numpy" EXCLUDE)
install(EXPORT longtailTargets NAMESPACE longtail:: DESTINATION ${package_folder} COMPONENT cpp)

configure_package_config_file(cmake/longtailConfig.cmake.in
  ${PROJECT_BINARY_DIR}/longtailConfig.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/longtailConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/longtailConfig.cmake
              ${PROJECT_BINARY_DIR}/longtailConfigVersion.cmake
        DESTINATION ${package_folder} COMPONENT cpp)
