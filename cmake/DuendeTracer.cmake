# The tracer's program for the kernel (monitors/tracer/calls.bpf.c), compiled by clang and embedded as bytes. As a script
# (cmake -D OBJECT=FILE -D OUT=FILE -P DuendeTracer.cmake) it writes the source, inside the build it says when.
if(NOT CMAKE_SCRIPT_MODE_FILE)
  find_program(DUENDE_BPF_CLANG NAMES clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14)
  find_path(DUENDE_BPF_INCLUDE_DIR bpf/libbpf.h)
  find_path(DUENDE_DW_INCLUDE_DIR elfutils/libdwfl.h)
  set(_lacks "")
  if(NOT CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    set(_lacks "a processor other than ${CMAKE_SYSTEM_PROCESSOR}")
  elseif(NOT DUENDE_BPF_CLANG)
    set(_lacks "clang (Debian: apt-get install clang)")
  elseif(NOT DUENDE_BPF_INCLUDE_DIR)
    set(_lacks "libbpf's headers (Debian: apt-get install libbpf-dev)")
  endif()
  if(DUENDE_DW_INCLUDE_DIR)
    target_include_directories(duende_monitors PRIVATE ${DUENDE_DW_INCLUDE_DIR})
    target_compile_definitions(duende_monitors PRIVATE DUENDE_WITH_DW)
  else()
    message(STATUS "duende trace: without source lines, for that the build needs libdw's headers (Debian: apt-get install libdw-dev)")
  endif()
  if(_lacks)
    message(STATUS "duende trace: will sample /proc and not use BPF, for that the build needs ${_lacks}")
    return()
  endif()
  set(_source ${CMAKE_SOURCE_DIR}/monitors/tracer/calls.bpf.c)
  set(_object ${CMAKE_BINARY_DIR}/tracer/calls.bpf.o)
  set(_embedded ${CMAKE_BINARY_DIR}/tracer/bpf_object.cpp)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/tracer)
  add_custom_command(OUTPUT ${_embedded}
    COMMAND ${DUENDE_BPF_CLANG} -O2 -g -target bpf -mcpu=v2 -Wall -Wextra -I${DUENDE_BPF_INCLUDE_DIR} -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE}
      -ffile-prefix-map=${CMAKE_SOURCE_DIR}=. -fdebug-compilation-dir=. -c ${_source} -o ${_object}
    COMMAND ${CMAKE_COMMAND} -D OBJECT=${_object} -D OUT=${_embedded} -P ${CMAKE_CURRENT_LIST_FILE}
    DEPENDS ${_source} ${CMAKE_SOURCE_DIR}/monitors/tracer/shared.h ${CMAKE_CURRENT_LIST_FILE} VERBATIM)
  set_source_files_properties(${_embedded} PROPERTIES SKIP_PRECOMPILE_HEADERS ON SKIP_UNITY_BUILD_INCLUSION ON)
  target_sources(duende_monitors PRIVATE ${_embedded})
  target_compile_definitions(duende_monitors PRIVATE DUENDE_WITH_BPF)
  target_include_directories(duende_monitors PRIVATE ${DUENDE_BPF_INCLUDE_DIR})
  return()
endif()

file(READ ${OBJECT} bytes HEX)
string(LENGTH "${bytes}" length)
math(EXPR length "${length} / 2")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" bytes "${bytes}")
file(WRITE ${OUT} "// Written by cmake/DuendeTracer.cmake from monitors/tracer/calls.bpf.c.
#include \"monitors/tracer/bpf_object.hpp\"

namespace duende {
namespace {

alignas(8) constexpr char bytes[] = \"${bytes}\";

} // namespace

std::span<const char> bpf_object_bytes() { return {bytes, ${length}}; }

} // namespace duende
")
