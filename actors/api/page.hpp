// The web page: the files of web/, embedded at build time (cmake/DuendePage.cmake).
#pragma once

#include <span>
#include <string_view>

namespace duende::api {

struct page_file {
  std::string_view name;
  std::string_view content_type;
  std::string_view text;
};

/// In the order of their names; they live as long as the program.
std::span<const page_file> page_files();
/// A digest of all of them: part of their address, so that a browser may keep them for ever.
std::string_view page_version();

} // namespace duende::api
