// What waits for the collector: text already encoded, in bounded batches.
#pragma once

#include "monitors/otlp/encode.hpp"

#include <array>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

namespace duende {

/// What becomes one request.
struct otlp_batch {
  std::string fragments; ///< separated by commas
  std::uint64_t items = 0;
};

/// Of one signal, since the node began. Items are data points, lines or spans.
struct otlp_counts {
  std::uint64_t sent = 0;    ///< the collector has them
  std::uint64_t dropped = 0; ///< no room, or refused by the collector
  std::uint64_t bytes = 0;   ///< waiting, or on the way
};
using otlp_totals = std::array<otlp_counts, otlp_signal_count>;

/// Thread-safe; nobody waits in it. Past its bound the oldest goes.
class otlp_queue {
public:
  static constexpr std::size_t batch_bytes = 512 * 1024;

  /// What who added should tell who sends.
  enum class news : std::uint8_t { none, first, full };

  /// `limit`: bytes of each signal.
  explicit otlp_queue(std::size_t limit) : limit_(limit), batch_bytes_(std::min(batch_bytes, limit / 4)) {}

  /// `first`: nothing waited, and nobody knows; `full`: a request's worth waits, said once for each such request.
  news add(otlp_signal to, std::string_view fragment, std::uint64_t items);

  /// The oldest batch, which is on its way from now on; none: nothing waits, and the next one added is `first`.
  std::optional<otlp_batch> take(otlp_signal from);
  /// What became of a batch that was taken.
  void sent(otlp_signal of, const otlp_batch& batch, std::uint64_t rejected = 0);
  void refused(otlp_signal of, const otlp_batch& batch);
  void give_back(otlp_signal of, otlp_batch batch);
  /// More than one request waits.
  bool full(otlp_signal of) const;
  bool empty() const;

  otlp_totals totals() const;

private:
  struct lane {
    std::deque<otlp_batch> waiting;
    otlp_counts counts;
    bool told = false;
  };
  lane& of(otlp_signal which) { return lanes_[static_cast<std::size_t>(which)]; }
  const lane& of(otlp_signal which) const { return lanes_[static_cast<std::size_t>(which)]; }
  void make_room(lane& in);

  const std::size_t limit_, batch_bytes_;
  mutable std::mutex mutex_;
  std::array<lane, otlp_signal_count> lanes_;
};

} // namespace duende
