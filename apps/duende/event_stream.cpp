#include "apps/duende/event_stream.hpp"

namespace duende::cli {

void event_stream::feed(std::string_view data, const std::function<void(const json&)>& on_event) {
  rest_ += data;
  std::size_t begin = 0;
  for (std::size_t end; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1) {
    auto line = std::string_view{rest_}.substr(begin, end - begin);
    if (!line.starts_with("data: "))
      continue; // the id is in the data too
    auto event = json::parse(line.substr(6), nullptr, false);
    if (!event.is_object())
      continue;
    last_id_ = event.value("id", last_id_);
    on_event(event);
  }
  rest_.erase(0, begin);
}

} // namespace duende::cli
