#include "policies/breaker.hpp"

#include "core/units.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace duende {

std::string_view to_string(breaker_state x) {
  switch (x) {
    case breaker_state::closed: return "closed";
    case breaker_state::half_open: return "half-open";
    case breaker_state::open: break;
  }
  return "open";
}

void breaker::become(breaker_state next) {
  state_ = next;
  count_ = 0;
  trial_out_ = false;
  ++epoch_;
}

void breaker::restore(const memory& before) {
  become(before.state);
  count_ = before.count;
  opened_at_ = before.opened_at;
}

std::optional<breaker::ticket> breaker::admit(instant now) {
  if (state_ == breaker_state::open && now >= retry_at())
    become(breaker_state::half_open);
  if (state_ == breaker_state::open || trial_out_)
    return std::nullopt;
  trial_out_ = state_ == breaker_state::half_open;
  return ticket{epoch_};
}

void breaker::succeeded(ticket call) {
  if (call.epoch != epoch_)
    return;
  if (state_ == breaker_state::closed) {
    count_ = 0;
    return;
  }
  trial_out_ = false;
  if (++count_ >= std::max(limits_.success_threshold, 1u))
    become(breaker_state::closed);
}

void breaker::failed(ticket call, instant now) {
  if (call.epoch != epoch_)
    return;
  const auto failures = state_ == breaker_state::closed ? count_ + 1 : 1;
  if (state_ == breaker_state::closed && failures < std::max(limits_.failure_threshold, 1u)) {
    count_ = failures;
    return;
  }
  become(breaker_state::open);
  count_ = failures;
  opened_at_ = now;
}

void breaker::abandoned(ticket call) {
  if (call.epoch == epoch_)
    trial_out_ = false;
}

breaker_state breaker::state(instant now) const {
  return state_ == breaker_state::open && now >= retry_at() ? breaker_state::half_open : state_;
}

std::string breaker::explain(instant now) const {
  switch (state(now)) {
    case breaker_state::closed: return "closed";
    case breaker_state::half_open: return trial_out_ ? "half-open, one trial is out" : "half-open, waits for a trial";
    case breaker_state::open: break;
  }
  return fmt::format(
    "open for {} more after {} failure{}", human_duration(retry_at() - now), count_, count_ == 1 ? "" : "s in a row");
}

} // namespace duende
