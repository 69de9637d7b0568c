#include "actors/api/log_merge.hpp"

namespace duende::api {
namespace {

constexpr std::size_t buffer_bytes = 64 * 1024;
constexpr std::size_t stamp_bytes = std::string_view{"2026-01-31T12:00:00.123Z"}.size();

} // namespace

log_line split_line(std::string_view raw, log_stream stream, bool timestamps) {
  if (raw.ends_with('\n'))
    raw.remove_suffix(1);
  log_line line{stream, {}, raw, raw};
  // A piece of an overlong line has none.
  bool stamped = timestamps && raw.size() > stamp_bytes && raw[stamp_bytes] == ' ' && raw[stamp_bytes - 1] == 'Z'
                 && raw[4] == '-' && raw[10] == 'T';
  if (stamped) {
    line.at = raw.substr(0, stamp_bytes);
    line.text = raw.substr(stamp_bytes + 1);
  }
  return line;
}

log_merge::log_merge(const std::string& dir, bool timestamps, bool as_it_is)
  : sides_{side{log_reader{dir, log_stream::out}, {}, 0}, side{log_reader{dir, log_stream::err}, {}, 0}},
    timestamps_(timestamps), as_it_is_(as_it_is) {}

void log_merge::seek_tail(std::size_t lines) {
  for (auto& x : sides_)
    x.reader.seek_tail(lines);
}

std::string_view log_merge::side::line(bool as_it_is) {
  if (begin == buffer.size()) {
    buffer.clear();
    begin = 0;
    if (!reader.next(buffer, buffer_bytes, as_it_is))
      return {};
  }
  auto rest = std::string_view{buffer}.substr(begin);
  return rest.substr(0, rest.find('\n') + 1);
}

std::optional<log_line> log_merge::next() {
  auto out = sides_[0].line(as_it_is_), err = sides_[1].line(as_it_is_);
  if (out.empty() && err.empty())
    return std::nullopt;
  auto first = split_line(out, log_stream::out, timestamps_), second = split_line(err, log_stream::err, timestamps_);
  bool take_out = err.empty() || (!out.empty() && first.at <= second.at);
  auto& from = sides_[take_out ? 0 : 1];
  from.begin += take_out ? out.size() : err.size();
  return take_out ? first : second;
}

} // namespace duende::api
