# duende::duende, for this build and for find_package(duende) from another one.
# Installed: programs in bin, rooms' headers below include/duende, static libraries, CMake package, schema and documents.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

add_library(duende_library INTERFACE)
add_library(duende::duende ALIAS duende_library)
set_target_properties(duende_library PROPERTIES EXPORT_NAME duende)
target_link_libraries(duende_library INTERFACE duende_actors)
target_compile_features(duende_library INTERFACE cxx_std_20)
# <duende/duende.hpp> is actors/duende/duende.hpp here. Headers include each other by their path from the root, which is
# include/duende once installed.
target_include_directories(duende_library INTERFACE
  $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/actors>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/duende>)

set(_rooms core policies monitors backends actors)
foreach(_room IN LISTS _rooms)
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/${_room} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/duende FILES_MATCHING PATTERN *.hpp)
endforeach()
file(WRITE ${CMAKE_BINARY_DIR}/install/duende.hpp
  "// All of duende that a program needs.\n#pragma once\n#include \"actors/duende/duende.hpp\"\n")
install(FILES ${CMAKE_BINARY_DIR}/install/duende.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/duende)

list(TRANSFORM _rooms PREPEND duende_ OUTPUT_VARIABLE _libraries)
install(TARGETS duende_library duende_options ${_libraries} EXPORT duendeTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})

# The programs are what apps/ builds, but for its examples.
foreach(_app keeper duended duende)
  if(EXISTS ${CMAKE_SOURCE_DIR}/apps/${_app}/CMakeLists.txt)
    get_property(_targets DIRECTORY ${CMAKE_SOURCE_DIR}/apps/${_app} PROPERTY BUILDSYSTEM_TARGETS)
    foreach(_target IN LISTS _targets)
      get_target_property(_type ${_target} TYPE)
      if(_type STREQUAL "EXECUTABLE")
        install(TARGETS ${_target} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT programs)
      endif()
    endforeach()
  endif()
endforeach()

set(_package ${CMAKE_INSTALL_LIBDIR}/cmake/duende)
install(EXPORT duendeTargets NAMESPACE duende:: DESTINATION ${_package})
configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/duendeConfig.cmake.in ${CMAKE_BINARY_DIR}/install/duendeConfig.cmake
  INSTALL_DESTINATION ${_package} PATH_VARS CMAKE_INSTALL_BINDIR)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/install/duendeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/install/duendeConfig.cmake ${CMAKE_BINARY_DIR}/install/duendeConfigVersion.cmake
  ${CMAKE_SOURCE_DIR}/cmake/FindCAF.cmake DESTINATION ${_package})
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT programs OPTIONAL)
