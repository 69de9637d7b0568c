// What single texts must look like. Each returns what is wrong as a sentence, or nothing.
#pragma once

#include "core/config/rules.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace duende::config {

/// The most that execve takes of one argument or variable, its NUL included. Source: execve(2), MAX_ARG_STRLEN.
inline constexpr std::size_t max_exec_string = 131'072;
/// Of a path, its NUL included. Source: <linux/limits.h>, PATH_MAX.
inline constexpr std::size_t max_path_bytes = 4096;
/// A regex is compiled recursively; this keeps the stack it takes small.
inline constexpr std::size_t max_pattern_bytes = 1024;

/// Checks by shape. Paths are made absolute below `dir`.
std::string check_text(shape type, std::string& text, const std::string& dir);
/// A variable's name and value, as far as execve can carry them.
std::string check_variable(std::string_view name, std::string_view content);

/// HOST:PORT taken apart; brackets of IPv6 removed. False where it is none.
struct host_port {
  std::string host;
  std::uint16_t port = 0;
};
bool parse_host_port(std::string_view text, host_port& to);
/// Whether the name means this machine only: 127.0.0.0/8, ::1, localhost.
bool is_loopback(std::string_view host);

} // namespace duende::config
