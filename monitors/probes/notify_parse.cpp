#include "monitors/probes/notify.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <iterator>
#include <limits>

namespace duende {

namespace {

constexpr std::size_t max_problems = 4;
constexpr std::size_t max_quoted = 40;
/// As in core/units: longer durations are mistakes.
constexpr std::uint64_t max_usec = 100ull * 366 * 86'400 * 1'000'000;

/// The length of the UTF-8 sequence at the front of `text`, 0 where there is none (RFC 3629, table 3-7 of Unicode).
std::size_t utf8_length(std::string_view text) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(i < text.size() ? text[i] : 0); };
  auto tail = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
  auto lead = byte(0);
  if (lead < 0x80) {
    return 1;
  }
  if (lead >= 0xC2 && lead <= 0xDF) {
    return tail(1) ? 2 : 0;
  }
  if (lead >= 0xE0 && lead <= 0xEF) {
    bool overlong = lead == 0xE0 && byte(1) < 0xA0;
    bool surrogate = lead == 0xED && byte(1) > 0x9F;
    return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    bool overlong = lead == 0xF0 && byte(1) < 0x90;
    bool too_high = lead == 0xF4 && byte(1) > 0x8F;
    return tail(1) && tail(2) && tail(3) && !overlong && !too_high ? 4 : 0;
  }
  return 0;
}

/// The text with control characters as spaces, for terminals; empty optional where it is no UTF-8, which JSON can't carry.
std::optional<std::string> clean_text(std::string_view text) {
  std::string clean(text);
  for (std::size_t i = 0; i < clean.size();) {
    auto length = utf8_length(text.substr(i));
    if (length == 0) {
      return std::nullopt;
    }
    auto byte = static_cast<unsigned char>(clean[i]);
    if (byte < 0x20 || byte == 0x7F) {
      clean[i] = ' ';
    }
    bool is_c1_control = byte == 0xC2 && static_cast<unsigned char>(clean[i + 1]) < 0xA0;
    if (is_c1_control) {
      clean.replace(i, 2, "  ");
    }
    i += length;
  }
  return clean;
}

template <class T>
std::optional<T> parse_number(std::string_view text, T from, T to) {
  T value{};
  auto* end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || value < from || value > to) {
    return std::nullopt;
  }
  return value;
}

std::optional<duration> microseconds(std::string_view text) {
  auto value = parse_number<std::uint64_t>(text, 0, max_usec);
  return value ? std::optional<duration>(std::chrono::microseconds(*value)) : std::nullopt;
}

class reader {
public:
  notify_message message;

  void line(std::string_view text) {
    auto equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      if (!text.empty()) {
        problem(text, {}, "is not KEY=VALUE");
      }
      return;
    }
    assign(text.substr(0, equals), text.substr(equals + 1));
  }

private:
  void assign(std::string_view key, std::string_view value) {
    if (key == "READY") {
      flag(key, value, message.ready);
    } else if (key == "RELOADING") {
      flag(key, value, message.reloading);
    } else if (key == "STOPPING") {
      flag(key, value, message.stopping);
    } else if (key == "WATCHDOG" && value == "trigger") {
      message.watchdog_trigger = true;
    } else if (key == "WATCHDOG") {
      flag(key, value, message.watchdog);
    } else if (key == "STATUS") {
      take(key, value, message.status, clean_text(value), "is not UTF-8");
    } else if (key == "BUSERROR") {
      take(key, value, message.bus_error, clean_text(value), "is not UTF-8");
    } else if (key == "MAINPID") {
      auto pid = parse_number<pid_t>(value, 1, std::numeric_limits<pid_t>::max());
      take(key, value, message.main_pid, pid, "is not a process id");
    } else if (key == "ERRNO") {
      take(key, value, message.error_number, parse_number<int>(value, 0, 4095), "is not an error number");
    } else if (key == "WATCHDOG_USEC") {
      take(key, value, message.watchdog_interval, microseconds(value), "is not a number of microseconds");
    } else if (key == "EXTEND_TIMEOUT_USEC") {
      take(key, value, message.extend_timeout, microseconds(value), "is not a number of microseconds");
    } else if (key == "FDSTORE") {
      flag(key, value, message.fd_store);
    } else if (key == "FDSTOREREMOVE") {
      flag(key, value, message.fd_store_remove);
    } else if (key == "FDPOLL") {
      if (value != "0")
        problem(key, value, "is not '0'");
      message.fd_poll = message.fd_poll && value != "0";
    } else if (key == "FDNAME") {
      auto fits = value.size() <= 255
                  && std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c < 127 && c != ':'; });
      take(key, value, message.fd_name, fits ? std::optional{std::string{value}} : std::nullopt, "is no name");
    } else if (key == "MONOTONIC_USEC") {
      auto since_boot = microseconds(value);
      auto at = since_boot ? std::optional<instant>(instant{*since_boot}) : std::nullopt;
      take(key, value, message.monotonic_at, at, "is not a number of microseconds");
    }
  }

  void flag(std::string_view key, std::string_view value, bool& field) {
    if (value == "1") {
      field = true;
    } else {
      problem(key, value, "is not '1'");
    }
  }

  template <class T>
  void take(
    std::string_view key, std::string_view value, std::optional<T>& field, std::optional<T> read,
    const char* complaint) {
    if (!read) {
      problem(key, value, complaint);
    } else if (!field) {
      field = std::move(read);
    }
  }

  void problem(std::string_view key, std::string_view value, const char* complaint) {
    if (message.problems.size() < max_problems) {
      auto quoted = printable(value.empty() ? key : value);
      message.problems.push_back(
        value.empty() ? fmt::format("'{}' {}", quoted, complaint) : fmt::format("{}='{}' {}", key, quoted, complaint));
    }
  }

  static std::string printable(std::string_view text) {
    std::string out;
    for (char c : text.substr(0, max_quoted)) {
      out += c >= 0x20 && c < 0x7F ? c : '.';
    }
    return text.size() > max_quoted ? out + "..." : out;
  }
};

} // namespace

notify_message parse_notify(std::string_view datagram) {
  reader in;
  if (datagram.size() > notify_max_bytes) {
    in.message.problems.push_back(
      fmt::format("a datagram of {} bytes is over the limit of {}", datagram.size(), notify_max_bytes));
    return in.message;
  }
  while (!datagram.empty()) {
    auto end = datagram.find('\n');
    in.line(datagram.substr(0, end));
    datagram.remove_prefix(end == std::string_view::npos ? datagram.size() : end + 1);
  }
  return std::move(in.message);
}

} // namespace duende
