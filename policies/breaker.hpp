// Circuit breaker: stops calling what fails, and finds out with one call at a time whether it works again.
#pragma once

#include "core/spec_policies.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace duende {

enum class breaker_state : std::uint8_t { closed, half_open, open };
std::string_view to_string(breaker_state x);

/// closed --failure_threshold failures--> open --recovery_timeout--> half_open --success_threshold successes--> closed,
/// and from half_open back to open by one failure. Half-open admits one call at a time. Not thread-safe; no clock of its own.
class breaker {
public:
  /// Says which life of the breaker a call belongs to: what comes back from an earlier one changes nothing.
  struct ticket {
    std::uint32_t epoch = 0;
  };

  explicit breaker(breaker_limits limits = {}) : limits_(limits) {}

  /// A ticket for one call, or none where it is refused. Each ticket is handed back once: succeeded, failed or abandoned.
  std::optional<ticket> admit(instant now);
  void succeeded(ticket call);
  void failed(ticket call, instant now);
  /// The call was not made: a trial in its place becomes free.
  void abandoned(ticket call);

  /// An open breaker whose time is over shows as half_open.
  breaker_state state(instant now) const;
  /// When an open breaker lets the first trial through.
  instant retry_at() const { return opened_at_ + limits_.recovery_timeout; }
  /// "open for 12s more after 5 failures in a row"
  std::string explain(instant now) const;
  /// What outlives its process: a trial that was out is none any more.
  struct memory {
    breaker_state state = breaker_state::closed;
    std::uint32_t count = 0;
    instant opened_at{};
    bool operator==(const memory&) const = default;
  };
  memory save() const { return {state_, count_, opened_at_}; }
  void restore(const memory& before);
  /// New limits hold from the next outcome on.
  void change(breaker_limits limits) { limits_ = limits; }

private:
  void become(breaker_state next);

  breaker_limits limits_;
  breaker_state state_ = breaker_state::closed;
  bool trial_out_ = false;
  std::uint32_t epoch_ = 0;
  std::uint32_t count_ =
    0; ///< closed: failures in a row; half_open: successes in a row; open: the failures that opened it
  instant opened_at_{};
};

} // namespace duende
