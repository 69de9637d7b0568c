# header_check: each header of the rooms compiles on its own. Not part of `all`; `./dev lint` asks for it.
file(GLOB_RECURSE _headers RELATIVE ${CMAKE_SOURCE_DIR} CONFIGURE_DEPENDS
  ${CMAKE_SOURCE_DIR}/core/*.hpp ${CMAKE_SOURCE_DIR}/policies/*.hpp ${CMAKE_SOURCE_DIR}/monitors/*.hpp
  ${CMAKE_SOURCE_DIR}/backends/*.hpp ${CMAKE_SOURCE_DIR}/actors/*.hpp ${CMAKE_SOURCE_DIR}/apps/*.hpp)
set(_header_sources "")
foreach(_header IN LISTS _headers)
  set(_source ${CMAKE_BINARY_DIR}/header_check/${_header}.cpp)
  file(CONFIGURE OUTPUT ${_source} CONTENT "#include \"${_header}\"\n" @ONLY)
  list(APPEND _header_sources ${_source})
endforeach()
add_library(header_check OBJECT EXCLUDE_FROM_ALL ${_header_sources})
set_target_properties(header_check PROPERTIES UNITY_BUILD OFF)
target_link_libraries(header_check PRIVATE duende_actors)
target_compile_options(header_check PRIVATE -O0 -Wno-unused-function -Wno-unused-const-variable)
