#include "monitors/otlp/queue.hpp"

#include <algorithm>

namespace duende {

otlp_queue::news otlp_queue::add(otlp_signal to, std::string_view fragment, std::uint64_t items) {
  std::lock_guard lock{mutex_};
  auto& own = of(to);
  if (fragment.size() > limit_) {
    own.counts.dropped += items;
    return news::none;
  }
  bool begins = own.waiting.empty() || own.waiting.back().fragments.size() + fragment.size() > batch_bytes_;
  if (begins)
    own.waiting.emplace_back();
  auto& batch = own.waiting.back();
  const auto before = batch.fragments.size();
  if (!begins)
    batch.fragments += ',';
  batch.fragments += fragment;
  batch.items += items;
  own.counts.bytes += batch.fragments.size() - before;
  const bool full = begins && own.waiting.size() > 1;
  make_room(own);
  if (!std::exchange(own.told, true))
    return news::first;
  return full ? news::full : news::none;
}

/// What was taken is not among those waiting, but counts.
void otlp_queue::make_room(lane& in) {
  while (in.counts.bytes > limit_ && !in.waiting.empty()) {
    in.counts.bytes -= in.waiting.front().fragments.size();
    in.counts.dropped += in.waiting.front().items;
    in.waiting.pop_front();
  }
}

std::optional<otlp_batch> otlp_queue::take(otlp_signal from) {
  std::lock_guard lock{mutex_};
  auto& own = of(from);
  if (own.waiting.empty()) {
    own.told = false;
    return std::nullopt;
  }
  auto result = std::move(own.waiting.front());
  own.waiting.pop_front();
  return result;
}

void otlp_queue::sent(otlp_signal which, const otlp_batch& batch, std::uint64_t rejected) {
  std::lock_guard lock{mutex_};
  auto& counts = of(which).counts;
  rejected = std::min(rejected, batch.items);
  counts.bytes -= batch.fragments.size();
  counts.sent += batch.items - rejected;
  counts.dropped += rejected;
}

void otlp_queue::refused(otlp_signal which, const otlp_batch& batch) { sent(which, batch, batch.items); }

void otlp_queue::give_back(otlp_signal which, otlp_batch batch) {
  std::lock_guard lock{mutex_};
  auto& own = of(which);
  own.waiting.push_front(std::move(batch));
  make_room(own);
}

bool otlp_queue::full(otlp_signal which) const {
  std::lock_guard lock{mutex_};
  return of(which).waiting.size() > 1;
}

bool otlp_queue::empty() const {
  std::lock_guard lock{mutex_};
  return std::all_of(lanes_.begin(), lanes_.end(), [](const lane& x) { return x.counts.bytes == 0; });
}

otlp_totals otlp_queue::totals() const {
  std::lock_guard lock{mutex_};
  otlp_totals result;
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = lanes_[i].counts;
  return result;
}

} // namespace duende
