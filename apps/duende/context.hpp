// What every command gets: where the node is, how to print, and the exit codes of the contract.
#pragma once

#include "core/errc.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

namespace duende::cli {

enum exit_code : int {
  done = 0,
  failed = 1,
  usage_error = 2,
  no_such_daemon = 3,
  not_reachable = 4,
  timed_out = 124,
};

struct context {
  std::string socket_option; ///< --socket or $DUENDE_SOCKET, a path or a URL; empty: the default of the node
  std::string node = "default";
  bool no_color = false;
  bool verbose = false;
  bool quiet = false;

  std::string socket() const;
  /// The node is asked over TCP.
  bool remote() const { return socket_option.find("://") != std::string::npos; }
};

/// One line on stderr, "duende: ...", with control characters made harmless.
void print_error(std::string_view text);
/// Where -q is not given: one line on stdout.
void note(const context& c, std::string_view text);

/// What failed ("cannot stop 'db'"), why, and what to do about it; returns the exit code for it.
int report(std::string_view what, const caf::error& why);
/// An error of a command line: exit code 2.
int usage(std::string_view text);
int not_in_this_version(std::string_view command);

/// 'name' with what a terminal would act upon replaced.
std::string printable(std::string_view text);

} // namespace duende::cli
