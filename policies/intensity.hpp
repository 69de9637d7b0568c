// How often is too often: restarts within a sliding window, as OTP's supervisor counts them.
#pragma once

#include "core/spec.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace duende {

/// The recent restarts of a supervisor, or of one child of the root. A pointer in size while nothing restarted; then 8 bytes
/// for each restart within the window, never more than `limit.restarts` of them. Not thread-safe.
/// OTP (supervisor(3), "Maximum restart intensity"): a restart exactly one window ago still counts.
class restart_window {
public:
  restart_window() = default;

  /// Counts a restart at `now` and returns true, or returns false where it would be one more than the limit within the window.
  /// A refused one is not counted. Amortised O(1). `now` is monotonic; instants after it (of an earlier boot) are forgotten.
  bool admit(instant now, const intensity_limit& limit);
  /// How many restarts lie within the window that ends at `now`.
  std::uint32_t count(instant now, const intensity_limit& limit);
  void clear() { ring_.reset(); }
  bool empty() const { return !ring_; }

  /// The restarts remembered, oldest first, for persistence within one boot.
  std::vector<instant> recent() const { return recent(UINT32_MAX); }
  /// The newest `most` of them, oldest first.
  std::vector<instant> recent(std::uint32_t most) const;
  /// Replaces what is remembered by `instants`, which ascend.
  void restore(std::span<const instant> instants);

  /// "5 restarts in 30s, the limit is 5 in 30s"
  static std::string refusal(const intensity_limit& limit);

private:
  struct ring;
  struct free_ring {
    void operator()(ring* r) const;
  };
  static ring* make_ring(std::uint32_t capacity);
  void forget(instant now, duration window);
  void push(instant at, std::uint32_t limit);

  std::unique_ptr<ring, free_ring> ring_;
};

} // namespace duende
