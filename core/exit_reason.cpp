#include "core/exit_reason.hpp"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <string_view>
#include <utility>

namespace duende {
namespace {

constexpr auto signals = std::to_array<std::pair<int, std::string_view>>({
  {SIGHUP, "HUP"},   {SIGINT, "INT"},     {SIGQUIT, "QUIT"}, {SIGILL, "ILL"},   {SIGTRAP, "TRAP"},
  {SIGABRT, "ABRT"}, {SIGBUS, "BUS"},     {SIGFPE, "FPE"},   {SIGKILL, "KILL"}, {SIGUSR1, "USR1"},
  {SIGSEGV, "SEGV"}, {SIGUSR2, "USR2"},   {SIGPIPE, "PIPE"}, {SIGALRM, "ALRM"}, {SIGTERM, "TERM"},
  {SIGCHLD, "CHLD"}, {SIGCONT, "CONT"},   {SIGSTOP, "STOP"}, {SIGTSTP, "TSTP"}, {SIGTTIN, "TTIN"},
  {SIGTTOU, "TTOU"}, {SIGURG, "URG"},     {SIGXCPU, "XCPU"}, {SIGXFSZ, "XFSZ"}, {SIGVTALRM, "VTALRM"},
  {SIGPROF, "PROF"}, {SIGWINCH, "WINCH"}, {SIGIO, "IO"},     {SIGSYS, "SYS"},
});

} // namespace

std::string signal_name(int number) {
  for (auto& [value, name] : signals)
    if (value == number)
      return fmt::format("SIG{}", name);
  if (number >= SIGRTMIN && number <= SIGRTMAX)
    return number == SIGRTMIN ? "SIGRTMIN" : fmt::format("SIGRTMIN+{}", number - SIGRTMIN);
  return fmt::format("signal {}", number);
}

int signal_number(std::string_view text) {
  int number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size())
    return number >= 1 && number <= SIGRTMAX ? number : 0;
  std::string name{text};
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
  if (name.starts_with("SIG"))
    name.erase(0, 3);
  for (auto& [value, known] : signals)
    if (known == name)
      return value;
  if (name == "RTMIN")
    return SIGRTMIN;
  if (name.starts_with("RTMIN+")) {
    auto rest = std::string_view{name}.substr(6);
    auto [last, bad] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (bad == std::errc{} && last == rest.data() + rest.size() && number >= 0 && SIGRTMIN + number <= SIGRTMAX)
      return SIGRTMIN + number;
  }
  return 0;
}

exit_reason exit_reason::from_wait_status(int status) {
  if (WIFSIGNALED(status))
    return signal(WTERMSIG(status), WCOREDUMP(status));
  return code(WEXITSTATUS(status));
}

std::string to_string(const exit_reason& reason) {
  auto with_detail = [&](std::string text) {
    return reason.detail.empty() ? text : fmt::format("{}: {}", text, reason.detail);
  };
  switch (reason.cause) {
    case exit_cause::code:
      return with_detail(reason.value == 0 ? "exited cleanly" : fmt::format("exited with code {}", reason.value));
    case exit_cause::signal:
      return with_detail(
        fmt::format("killed by {}{}", signal_name(reason.value), reason.core_dumped ? " (core dumped)" : ""));
    case exit_cause::oom: return with_detail("out of memory");
    case exit_cause::policy: return with_detail("stopped by policy");
    case exit_cause::health: return with_detail("unhealthy");
    case exit_cause::timeout: return with_detail("timed out");
    case exit_cause::spawn: return reason.detail.empty() ? "could not be started" : reason.detail;
    case exit_cause::lost: return with_detail("lost");
  }
  return "ended";
}

} // namespace duende
