// Reads server-sent events (WHATWG HTML, 9.2) as far as the node sends them.
#pragma once

#include "apps/duende/client.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace duende::cli {

class event_stream {
public:
  /// Takes the next bytes, torn anywhere; calls `on_event` for each complete event.
  void feed(std::string_view data, const std::function<void(const json&)>& on_event);
  /// Of the last complete event: what to send as Last-Event-ID after a break. The half of an event before it is forgotten then.
  std::int64_t last_id() const { return last_id_; }
  void restart() {
    rest_.clear();
    begun_id_ = 0;
  }

private:
  std::string rest_;
  std::int64_t last_id_ = 0;
  std::int64_t begun_id_ = 0;
};

} // namespace duende::cli
