#include "core/time_zone.hpp"

#include "core/errc.hpp"
#include "core/time_zone_rule.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

namespace duende {
namespace {

constexpr std::size_t max_zone_file = 1u << 20; ///< the largest there is has 4 KiB

caf::expected<std::string> read_zone_file(const std::string& path, std::string_view name) {
  auto failed = [&](int error) -> caf::expected<std::string> {
    if (error == ENOENT || error == ENOTDIR || error == EISDIR)
      return fail(errc::not_found, "no time zone '{}' in '{}'", name, path);
    return errno_error(errc::io_failure, error, fmt::format("cannot read time zone '{}' from '{}'", name, path));
  };
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return failed(errno);
  struct stat info {};
  std::string text;
  int problem = fstat(fd, &info) != 0 ? errno : S_ISREG(info.st_mode) ? 0 : EISDIR;
  std::array<char, 4096> buffer;
  while (problem == 0 && text.size() < max_zone_file) {
    auto size = ::read(fd, buffer.data(), buffer.size());
    if (size == 0)
      break;
    if (size < 0 && errno != EINTR)
      problem = errno;
    else if (size > 0)
      text.append(buffer.data(), static_cast<std::size_t>(size));
  }
  ::close(fd);
  if (problem != 0)
    return failed(problem);
  return text;
}

/// Big-endian numbers off the front of a file.
class tz_reader {
public:
  explicit tz_reader(std::string_view text) : text_(text) {}
  bool has(std::size_t size) const { return text_.size() >= size; }
  std::string_view take(std::size_t size) {
    auto result = text_.substr(0, size);
    text_.remove_prefix(std::min(size, text_.size()));
    return result;
  }
  std::int64_t number(std::size_t size) {
    auto bytes = take(size);
    std::uint64_t value = 0;
    for (char c : bytes)
      value = value << 8 | static_cast<unsigned char>(c);
    return size == 4 ? static_cast<std::int32_t>(value) : static_cast<std::int64_t>(value);
  }
  std::string_view rest() const { return text_; }

private:
  std::string_view text_;
};

struct tz_header {
  char version = 0;
  std::size_t isut = 0, isstd = 0, leap = 0, time = 0, type = 0, chars = 0;

  std::size_t body(std::size_t width) const {
    return time * width + time + type * 6 + chars + leap * (width + 4) + isstd + isut;
  }
};

std::optional<tz_header> read_tz_header(tz_reader& from) {
  constexpr std::size_t size = 44;
  constexpr std::int64_t most = 1 << 16;
  if (!from.has(size) || from.take(4) != "TZif")
    return std::nullopt;
  tz_header h;
  h.version = from.take(1)[0];
  from.take(15);
  for (auto* count : {&h.isut, &h.isstd, &h.leap, &h.time, &h.type, &h.chars}) {
    auto value = from.number(4);
    if (value < 0 || value > most)
      return std::nullopt;
    *count = static_cast<std::size_t>(value);
  }
  return h;
}

bool plain_name(std::string_view name) {
  return !name.empty() && name.size() < 256 && name.front() != '/' && name.find("..") == std::string_view::npos
         && name.find('\0') == std::string_view::npos;
}

} // namespace

caf::expected<time_zone> time_zone::named(std::string_view name) {
  if (name == "UTC")
    return time_zone{};
  if (!name.empty()) {
    if (!plain_name(name))
      return fail(errc::not_found, "no time zone '{}'", name.substr(0, 100));
    auto text = read_zone_file(fmt::format("/usr/share/zoneinfo/{}", name), name);
    return text ? read(*text) : caf::expected<time_zone>{text.error()};
  }
  if (const char* variable = std::getenv("TZ"); variable != nullptr) {
    std::string_view zone = variable;
    if (zone.starts_with(':'))
      zone.remove_prefix(1);
    if (zone.empty())
      return time_zone{};
    auto path = zone.front() == '/' ? std::string{zone} : fmt::format("/usr/share/zoneinfo/{}", zone);
    auto text =
      zone.front() == '/' || plain_name(zone) ? read_zone_file(path, zone) : caf::expected<std::string>{caf::error{}};
    if (text)
      return read(*text);
    auto by_rule = rule(zone);
    return by_rule ? by_rule : time_zone{}; // as the C library does
  }
  auto text = read_zone_file("/etc/localtime", "local");
  if (!text && code_of(text.error()) == errc::not_found)
    return time_zone{};
  return text ? read(*text) : caf::expected<time_zone>{text.error()};
}

caf::expected<time_zone> time_zone::rule(std::string_view posix) {
  auto parsed = parse_zone_rule(posix);
  if (!parsed)
    return fail(errc::invalid_config, "'{}' is no rule of a time zone", posix.substr(0, 100));
  time_zone zone;
  zone.first_ = parsed->standard;
  zone.later_ = *parsed;
  return zone;
}

caf::expected<time_zone> time_zone::read(std::string_view tzif) {
  auto bad = [] { return make_error(errc::invalid_config, "no file of the tz database (RFC 8536)"); };
  tz_reader from{tzif};
  auto h = read_tz_header(from);
  std::size_t width = 4;
  if (h && h->version >= '2') { // the same again in 64 bits
    if (!from.has(h->body(4)))
      return bad();
    from.take(h->body(4));
    h = read_tz_header(from);
    width = 8;
  }
  if (!h || h->type == 0 || !from.has(h->body(width)))
    return bad();
  time_zone zone;
  std::vector<std::int64_t> times;
  for (std::size_t i = 0; i < h->time; ++i)
    times.push_back(from.number(width));
  auto kinds = from.take(h->time);
  std::vector<std::int32_t> offsets;
  for (std::size_t i = 0; i < h->type; ++i) {
    offsets.push_back(static_cast<std::int32_t>(from.number(4)));
    from.take(2);
  }
  from.take(h->chars + h->leap * (width + 4) + h->isstd + h->isut);
  zone.first_ = offsets.front();
  for (std::size_t i = 0; i < times.size(); ++i) {
    auto kind = static_cast<unsigned char>(kinds[i]);
    if (kind >= offsets.size() || (i > 0 && times[i] <= times[i - 1]))
      return bad();
    zone.changes_.push_back({times[i], offsets[kind]});
  }
  auto footer = from.rest();
  if (width == 8 && footer.size() > 2 && footer.front() == '\n') {
    footer.remove_prefix(1);
    zone.later_ = parse_zone_rule(footer.substr(0, footer.find('\n')));
  }
  return zone;
}

std::int32_t time_zone::offset_at(utc_seconds when) const {
  auto at = when.time_since_epoch().count();
  if (later_ && (changes_.empty() || at >= changes_.back().at))
    return offset_by(*later_, at);
  auto after =
    std::upper_bound(changes_.begin(), changes_.end(), at, [](auto value, const change& c) { return value < c.at; });
  return after == changes_.begin() ? first_ : std::prev(after)->offset;
}

std::optional<utc_seconds> time_zone::first_showing(local_seconds shown) const {
  constexpr auto day = std::chrono::hours{24};
  std::optional<utc_seconds> first;
  for (auto nearby : {utc_seconds{shown} - day, utc_seconds{shown}, utc_seconds{shown} + day}) {
    auto offset = std::chrono::seconds{offset_at(nearby)};
    auto when = utc_seconds{shown - offset};
    if (offset_at(when) == offset.count() && (!first || when < *first))
      first = when;
  }
  return first;
}

} // namespace duende
