// A look into the folder of a process, /proc/PID. What is opened relative to a descriptor of that folder belongs to that process
// and to no later one of the same number.
#pragma once

#include "monitors/usage/open_file.hpp"

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace duende {

/// The folder /proc/PID, for openat(2); empty with errno set where there is no such process.
open_file open_process(pid_t pid);

/// Reads `path` below `dir` whole, as far as it fits; an empty view where it can't be read.
std::string_view read_small(int dir, const char* path, char* buffer, std::size_t size);
template <std::size_t N>
std::string_view read_small(int dir, const char* path, std::array<char, N>& buffer) {
  return read_small(dir, path, buffer.data(), N);
}

/// Open descriptors of the process. None where we may not look.
std::optional<std::uint32_t> count_descriptors(int dir);
/// Its direct children, whichever of its threads made them. None where the kernel lacks CONFIG_PROC_CHILDREN.
std::optional<std::uint32_t> count_children(int dir);

} // namespace duende
