#include "apps/duende/event_stream.hpp"

#include <charconv>

namespace duende::cli {

void event_stream::feed(std::string_view data, const std::function<void(const json&)>& on_event) {
  rest_ += data;
  std::size_t begin = 0;
  for (std::size_t end; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1) {
    auto line = std::string_view{rest_}.substr(begin, end - begin);
    if (line.starts_with("id: "))
      std::from_chars(line.data() + 4, line.data() + line.size(), begun_id_);
    if (line.empty() && begun_id_ > 0) // until then the stream may still break off before the event itself
      last_id_ = begun_id_;
    if (!line.starts_with("data: "))
      continue;
    auto event = json::parse(line.substr(6), nullptr, false);
    if (!event.is_object())
      continue;
    last_id_ = event.value("id", last_id_);
    on_event(event);
  }
  rest_.erase(0, begin);
}

} // namespace duende::cli
