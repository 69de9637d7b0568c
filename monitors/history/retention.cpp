#include "monitors/history/retention.hpp"

#include <algorithm>

namespace duende {
namespace {

constexpr std::int64_t batch = 2000;

} // namespace

void retention::look(std::size_t events) {
  unchecked_ += events;
  const auto max = static_cast<std::int64_t>(options_.max_events);
  const auto slack = std::min<std::int64_t>(1000, max / 10 + 1);
  if (unchecked_ < static_cast<std::size_t>(slack))
    return;
  unchecked_ = 0;
  more_ = true;
}

std::string retention::prune(tables& db) {
  if (!more_)
    return {};
  if (!counted_) {
    count_ = db.event_count();
    counted_ = true;
  }
  std::int64_t deleted = 0;
  const auto over = count_ - static_cast<std::int64_t>(options_.max_events);
  auto text = db.transact([&] {
    int code = SQLITE_OK;
    if (over > 0)
      code = db.prune(std::min(over, batch), wall_time::max(), deleted);
    if (code == SQLITE_OK && options_.max_age > duration::zero()) {
      const auto before = wall_now() - std::chrono::ceil<std::chrono::milliseconds>(options_.max_age);
      code = db.prune(batch, before, deleted);
    }
    return code;
  });
  if (text.empty()) {
    count_ -= deleted;
    more_ = deleted >= batch;
  }
  return text;
}

} // namespace duende
