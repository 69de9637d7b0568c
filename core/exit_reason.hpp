// Why an incarnation ended, as a value that is stored, compared by policies and shown in words.
#pragma once

#include "core/state.hpp"

#include <cstdint>
#include <string>

namespace duende {

struct exit_reason {
  exit_cause cause = exit_cause::code;
  std::int32_t value = 0; ///< exit code or signal number; 0 for other causes
  bool core_dumped = false;
  std::string detail; ///< more words: "cannot enter working_dir '/nope': No such file or directory"

  /// Exit code 0.
  static exit_reason graceful() { return {}; }
  static exit_reason code(int value) { return {exit_cause::code, value, false, {}}; }
  static exit_reason signal(int number, bool core_dumped = false) {
    return {exit_cause::signal, number, core_dumped, {}};
  }
  /// An in-process daemon that returned an error or threw: code 1 with its text.
  static exit_reason failure(std::string text) { return {exit_cause::code, 1, false, std::move(text)}; }
  static exit_reason spawn(std::string text) { return {exit_cause::spawn, 0, false, std::move(text)}; }
  static exit_reason timeout(std::string text) { return {exit_cause::timeout, 0, false, std::move(text)}; }
  static exit_reason health(std::string text) { return {exit_cause::health, 0, false, std::move(text)}; }
  static exit_reason lost(std::string text) { return {exit_cause::lost, 0, false, std::move(text)}; }
  /// From the status word of wait(2).
  static exit_reason from_wait_status(int status);

  bool operator==(const exit_reason&) const = default;
};

/// In words, without the daemon's name: "exited with code 3", "killed by SIGSEGV (core dumped)", "timed out: not ready within 30s".
std::string to_string(const exit_reason& reason);

/// "SIGTERM" for 15; "signal 99" for an unknown one; "SIGRTMIN+3" for real-time ones.
std::string signal_name(int number);
/// Reads "TERM", "SIGTERM", "term", "15", "RTMIN+3"; 0 where it is none.
int signal_number(std::string_view name);

template <class Inspector>
auto inspect(Inspector& f, exit_reason& x) {
  return f(x.cause, x.value, x.core_dumped, x.detail);
}

} // namespace duende
