// The steps of setting a child up, in the order the keeper takes them, and their words.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace duende::protocol {

enum class step : std::uint8_t {
  pipes,
  notify_socket,
  process,
  session,
  cgroup,
  network,
  limits,
  stdio,
  socket,
  ready_fd,
  files,
  groups,
  group,
  user,
  capabilities,
  lock_memory,
  privileges,
  working_dir,
  calls,
  exec,
  count_,
};

/// What was tried; where a step has an object of its own (a folder, a program), it follows in quotes.
inline constexpr auto step_words = std::to_array<std::string_view>({
  "cannot create its pipes",
  "cannot bind its notify socket",
  "cannot create a process",
  "cannot begin a session",
  "cannot enter cgroup",
  "cannot make a network of its own",
  "cannot set limit",
  "cannot set up stdin, stdout and stderr",
  "cannot listen on",
  "cannot set up its readiness descriptor",
  "cannot restrict its files",
  "cannot set its supplementary groups",
  "cannot change to group",
  "cannot change to user",
  "cannot keep capability",
  "cannot let it lock its memory",
  "cannot give up new privileges",
  "cannot enter working_dir",
  "cannot filter its system calls",
  "cannot execute",
});
static_assert(step_words.size() == static_cast<std::size_t>(step::count_), "every step has its words");

} // namespace duende::protocol
