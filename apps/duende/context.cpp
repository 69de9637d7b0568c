#include "apps/duende/context.hpp"

#include "core/paths.hpp"

#include <cstdio>

namespace duende::cli {
namespace {

exit_code code_for(errc code) {
  switch (code) {
    case errc::invalid_config: return usage_error;
    case errc::not_found: return no_such_daemon;
    case errc::unreachable: return not_reachable;
    case errc::timed_out: return timed_out;
    default: return failed;
  }
}

} // namespace

std::string context::socket() const { return socket_option.empty() ? default_socket(node) : socket_option; }

std::string printable(std::string_view text) {
  std::string result;
  for (char c : text)
    result += (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f ? '?' : c;
  return result;
}

void print_error(std::string_view text) {
  std::fflush(stdout);
  fmt::print(stderr, "duende: {}\n", printable(text));
}

void note(const context& c, std::string_view text) {
  if (!c.quiet)
    fmt::print("{}\n", text);
}

int report(std::string_view what, const caf::error& why) {
  auto text = sentence(why);
  for (auto at = text.find('\n'); at != std::string::npos; at = text.find('\n'))
    text.replace(at, 1, "; ");
  print_error(what.empty() || text.starts_with("cannot ") ? text : fmt::format("{}: {}", what, text));
  return code_for(code_of(why));
}

int usage(std::string_view text) {
  print_error(fmt::format("{}; see 'duende --help'", text));
  return usage_error;
}

int not_in_this_version(std::string_view command) {
  print_error(fmt::format("'{}' is not supported by this version", command));
  return failed;
}

} // namespace duende::cli
