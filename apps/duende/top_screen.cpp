#include "apps/duende/top_screen.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

namespace duende::cli {
namespace {

constexpr std::string_view enter_text = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
constexpr std::string_view leave_text = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";
constexpr std::array fatal_signals = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};

termios before; ///< of the terminal, while `raw`
volatile std::sig_atomic_t raw = 0;

/// Async-signal-safe (signal-safety(7): poll, tcflush, write, tcsetattr).
void restore() {
  if (raw == 0)
    return;
  raw = 0;
  pollfd out{STDOUT_FILENO, POLLOUT, 0};
  if (poll(&out, 1, 200) == 0)
    tcflush(STDOUT_FILENO, TCOFLUSH); // nobody reads: make room
  [[maybe_unused]] auto n = ::write(STDOUT_FILENO, leave_text.data(), leave_text.size());
  tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

void on_fatal(int number) {
  restore();
  std::signal(number, SIG_DFL);
  raise(number);
}

enum class written { all, interrupted, failed };

/// Waits until the terminal takes it, or `wake_fd` is readable: a terminal that nobody reads must not hold a signal up. In
/// small pieces, because what does not fit blocks.
written write_all(std::string_view text, int wake_fd) {
  constexpr std::size_t piece = 256;
  while (!text.empty()) {
    std::array<pollfd, 2> waiting = {{{STDOUT_FILENO, POLLOUT, 0}, {wake_fd, POLLIN, 0}}};
    if (poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR)
      return written::failed;
    if ((waiting[0].revents & POLLOUT) == 0) {
      if (waiting[0].revents != 0)
        return written::failed;
      if (waiting[1].revents != 0)
        return written::interrupted;
      continue;
    }
    auto n = ::write(STDOUT_FILENO, text.data(), std::min(text.size(), piece));
    if (n > 0)
      text.remove_prefix(static_cast<std::size_t>(n));
    else if (n < 0 && errno != EINTR && errno != EAGAIN)
      return written::failed;
  }
  return written::all;
}

/// The key of "ESC [ ..." or "ESC O x", its length in `length`; 0 where it is not complete.
key_press sequence(std::string_view input, std::size_t& length) {
  length = 0;
  if (input.size() < 3)
    return {};
  std::size_t end = 2;
  while (end < input.size() && input[end] >= 0x20 && input[end] < 0x40)
    ++end;
  if (end >= input.size())
    return {};
  length = end + 1;
  auto number = input.substr(2, end - 2);
  switch (input[end]) {
    case 'A': return {key::up};
    case 'B': return {key::down};
    case 'C': return {key::right};
    case 'D': return {key::left};
    case 'H': return {key::home};
    case 'F': return {key::end};
    case 'M': return {input[1] == 'O' ? key::enter : key::character};
    case '~':
      if (number == "5")
        return {key::page_up};
      if (number == "6")
        return {key::page_down};
      if (number == "1" || number == "7")
        return {key::home};
      if (number == "4" || number == "8")
        return {key::end};
      break;
    default: break;
  }
  return {};
}

} // namespace

std::vector<key_press> take_keys(std::string& input, bool all) {
  std::vector<key_press> keys;
  std::string_view rest = input;
  while (!rest.empty()) {
    auto c = rest.front();
    if (c == '\x1b' && rest.size() > 1 && (rest[1] == '[' || rest[1] == 'O')) {
      std::size_t length = 0;
      auto press = sequence(rest, length);
      if (length == 0 && rest.size() < 32 && !all)
        break;
      if (length > 0 && (press.what != key::character || press.code != 0))
        keys.push_back(press);
      rest.remove_prefix(length > 0 ? length : rest.size());
      continue;
    }
    if (c == '\x1b' && rest.size() == 1 && !all)
      break;
    if (c == '\x1b')
      keys.push_back({key::escape});
    else if (c == '\r' || c == '\n')
      keys.push_back({key::enter});
    else if (static_cast<unsigned char>(c) < 0x80)
      keys.push_back({key::character, c});
    rest.remove_prefix(1);
  }
  input.erase(0, input.size() - rest.size());
  return keys;
}

bool screen::enter() {
  if (tcgetattr(STDIN_FILENO, &before) != 0)
    return false;
  auto wanted = before;
  wanted.c_iflag &= ~static_cast<tcflag_t>(BRKINT | ICRNL | INPCK | ISTRIP | IXON);
  wanted.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | IEXTEN | ISIG);
  wanted.c_cc[VMIN] = 1;
  wanted.c_cc[VTIME] = 0;
  raw = 1;
  for (int number : fatal_signals)
    std::signal(number, on_fatal);
  if (tcsetattr(STDIN_FILENO, TCSANOW, &wanted) != 0) {
    raw = 0;
    return false;
  }
  entered_ = true;
  forget();
  return write_all(enter_text, -1) == written::all;
}

void screen::leave() {
  if (entered_)
    restore();
  entered_ = false;
}

screen::extent screen::size() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
    return {};
  return {size.ws_col, size.ws_row};
}

bool screen::show(const std::vector<std::string>& lines, int wake_fd) {
  std::string out;
  if (shown_.size() != lines.size()) {
    out += "\x1b[0m\x1b[2J";
    shown_.assign(lines.size(), "");
  }
  for (std::size_t i = 0; i < lines.size(); ++i)
    if (lines[i] != shown_[i])
      out += fmt::format("\x1b[{};1H{}\x1b[0m\x1b[K", i + 1, lines[i]);
  shown_ = lines;
  auto result = write_all(out, wake_fd);
  if (result == written::interrupted)
    forget();
  return result != written::failed;
}

} // namespace duende::cli
