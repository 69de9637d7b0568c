# The files of web/ as constants in the actors' library (actors/api/page.hpp). As a script
# (cmake -D OUT=FILE -D ROOT=DIR -P DuendePage.cmake) it writes the source, inside the build it says when.
if(NOT CMAKE_SCRIPT_MODE_FILE)
  file(GLOB _page_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/web/*.html ${CMAKE_SOURCE_DIR}/web/*.css
    ${CMAKE_SOURCE_DIR}/web/*.js ${CMAKE_SOURCE_DIR}/web/*.svg)
  set(_page_source ${CMAKE_BINARY_DIR}/page/page_files.cpp)
  add_custom_command(OUTPUT ${_page_source}
    COMMAND ${CMAKE_COMMAND} -D OUT=${_page_source} -D ROOT=${CMAKE_SOURCE_DIR}/web -P ${CMAKE_CURRENT_LIST_FILE}
    DEPENDS ${_page_files} ${CMAKE_CURRENT_LIST_FILE} VERBATIM)
  set_source_files_properties(${_page_source} PROPERTIES SKIP_PRECOMPILE_HEADERS ON SKIP_UNITY_BUILD_INCLUSION ON)
  target_sources(duende_actors PRIVATE ${_page_source})
  return()
endif()

file(GLOB files ${ROOT}/*.html ${ROOT}/*.css ${ROOT}/*.js ${ROOT}/*.svg)
list(SORT files)
set(digests "")
foreach(file IN LISTS files)
  file(SHA256 ${file} digest)
  string(APPEND digests ${digest})
endforeach()
string(SHA256 version "${digests}")
string(SUBSTRING ${version} 0 12 version)

set(constants "")
set(entries "")
set(count 0)
foreach(file IN LISTS files)
  get_filename_component(name ${file} NAME)
  get_filename_component(extension ${file} LAST_EXT)
  if(extension STREQUAL ".html")
    set(type "text/html; charset=utf-8")
  elseif(extension STREQUAL ".css")
    set(type "text/css; charset=utf-8")
  elseif(extension STREQUAL ".svg")
    set(type "image/svg+xml")
  else()
    set(type "text/javascript; charset=utf-8")
  endif()
  file(READ ${file} bytes HEX)
  if(extension STREQUAL ".html") # @VERSION@
    string(HEX "${version}" digits)
    string(REPLACE "4056455253494f4e40" "${digits}" bytes "${bytes}")
  endif()
  string(LENGTH "${bytes}" length)
  math(EXPR length "${length} / 2")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" bytes "${bytes}")
  string(APPEND constants "constexpr char file_${count}[] = \"${bytes}\";\n")
  string(APPEND entries "  page_file{\"${name}\", \"${type}\", {file_${count}, ${length}}},\n")
  math(EXPR count "${count} + 1")
endforeach()
file(WRITE ${OUT} "// Written by cmake/DuendePage.cmake from web/.
#include \"actors/api/page.hpp\"

namespace duende::api {
namespace {

${constants}
constexpr page_file files[] = {
${entries}};

} // namespace

std::span<const page_file> page_files() { return files; }
std::string_view page_version() { return \"${version}\"; }

} // namespace duende::api
")
