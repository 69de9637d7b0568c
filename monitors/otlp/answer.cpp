#include "monitors/otlp/answer.hpp"

#include "core/errc.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <optional>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace duende {
namespace {

using namespace std::chrono_literals;

constexpr duration first_wait = 1s, longest_wait = 60s, shortest_asked = 100ms, longest_asked = 1h;
constexpr std::size_t max_header_file = 64 * 1024;
constexpr std::size_t shown_bytes = 200;

std::string_view trim(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r"), text.size()));
  return text.substr(0, text.find_last_not_of(" \t\r") + 1);
}

bool same_name(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

std::string_view take_line(std::string_view& text) {
  const auto end = std::min(text.find('\n'), text.size());
  auto line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

/// The value of the last one: interim responses come before.
std::string_view header(std::string_view lines, std::string_view name) {
  std::string_view result;
  while (!lines.empty()) {
    const auto line = take_line(lines);
    const auto colon = line.find(':');
    if (colon != line.npos && same_name(line.substr(0, colon), name))
      result = trim(line.substr(colon + 1));
  }
  return result;
}

/// RFC 9110, 10.2.3: seconds, or a date, which is in GMT.
std::optional<duration> retry_after(std::string_view text, wall_time now) {
  if (text.empty())
    return std::nullopt;
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (end == text.data() + text.size())
    return error == std::errc{} ? std::clamp<duration>(std::chrono::seconds{seconds}, shortest_asked, longest_asked)
                                : longest_asked;
  std::tm parts{};
  const std::string date{text};
  const auto* rest = strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (rest == nullptr || *rest != '\0')
    return std::nullopt;
  const auto at = std::chrono::system_clock::from_time_t(timegm(&parts));
  return std::clamp<duration>(at - now, shortest_asked, longest_asked);
}

duration backoff(std::uint32_t attempt, double jitter) {
  const auto grown = first_wait * (1 << std::min(attempt, 6u));
  const auto full = std::chrono::duration<double, std::nano>{std::min<duration>(grown, longest_wait)};
  return std::chrono::duration_cast<duration>(full * (1 - jitter / 2));
}

/// {"partialSuccess": {"rejectedSpans": "3", "errorMessage": "..."}}
void add_partial_success(otlp_answer& to, const std::string& body) {
  const auto parsed = nlohmann::json::parse(body, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("partialSuccess") || !parsed["partialSuccess"].is_object())
    return;
  for (const auto& [key, value] : parsed["partialSuccess"].items()) {
    if (key.starts_with("rejected") && value.is_number_unsigned())
      to.rejected = value;
    else if (key.starts_with("rejected") && value.is_string()) {
      const auto& text = value.get_ref<const std::string&>();
      std::from_chars(text.data(), text.data() + text.size(), to.rejected);
    } else if (key == "errorMessage" && value.is_string())
      to.why = value.get_ref<const std::string&>().substr(0, shown_bytes);
  }
  if (to.rejected != 0 && to.why.empty())
    to.why = fmt::format("{} items rejected", to.rejected);
  if (to.rejected == 0)
    to.why.clear(); // a warning
}

bool is_token(std::string_view name) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || others.find(c) != others.npos;
  });
}

bool is_plain(std::string_view value) {
  return std::none_of(
    value.begin(), value.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' && c != '\t'; });
}

} // namespace

otlp_answer judge(const otlp_reply& reply, std::uint32_t attempt, double jitter, wall_time now) {
  otlp_answer result;
  if (reply.error.empty() && reply.status >= 200 && reply.status < 300) {
    add_partial_success(result, reply.body);
    return result;
  }
  result.why = reply.error.empty() ? fmt::format("status {}", reply.status) : reply.error;
  const bool retryable = !reply.error.empty() || reply.status == 429 || (reply.status >= 502 && reply.status <= 504);
  if (!retryable) {
    result.what = otlp_answer::kind::refused;
    return result;
  }
  result.what = otlp_answer::kind::again;
  result.wait = backoff(attempt, jitter);
  if (auto asked = retry_after(header(reply.headers, "Retry-After"), now))
    result.wait = *asked;
  return result;
}

caf::expected<std::vector<std::string>> parse_header_lines(std::string_view text) {
  std::vector<std::string> result;
  for (int number = 1; !text.empty(); ++number) {
    const auto line = trim(take_line(text));
    if (line.empty() || line.starts_with('#'))
      continue;
    const auto colon = line.find(':');
    if (colon == line.npos || !is_token(line.substr(0, colon)) || !is_plain(line))
      return fail(errc::invalid_config, "line {}: expected 'Name: value'", number);
    const auto value = trim(line.substr(colon + 1));
    result.push_back(fmt::format("{}{}{}", line.substr(0, colon), value.empty() ? ";" : ": ", value));
  }
  return result;
}

caf::expected<std::vector<std::string>> read_header_lines(const std::string& path) {
  if (path.empty())
    return std::vector<std::string>{};
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return errno_error(errc::io_failure, errno, fmt::format("cannot read '{}'", path));
  std::string text(max_header_file + 1, '\0');
  struct stat info {};
  const bool regular = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  const auto size = regular ? ::read(fd, text.data(), text.size()) : -1;
  ::close(fd);
  if (!regular)
    return fail(errc::io_failure, "cannot read '{}': it is no regular file", path);
  if (size < 0 || static_cast<std::size_t>(size) > max_header_file)
    return fail(errc::io_failure, "cannot read '{}': it is larger than 64 KiB", path);
  auto lines = parse_header_lines(std::string_view{text}.substr(0, static_cast<std::size_t>(size)));
  if (!lines)
    return fail(errc::invalid_config, "'{}': {}", path, sentence(lines.error()));
  return lines;
}

} // namespace duende
