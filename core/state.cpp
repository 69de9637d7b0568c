#include "core/state.hpp"

#include <array>

namespace duende {
namespace {

using std::string_view;

constexpr auto daemon_states =
  std::to_array<string_view>({"created", "starting", "running", "paused", "stopping", "stopped", "backoff", "failed"});
constexpr auto health_states = std::to_array<string_view>({"unknown", "healthy", "degraded", "unhealthy"});
constexpr auto exit_causes =
  std::to_array<string_view>({"code", "signal", "oom", "policy", "health", "timeout", "spawn", "lost"});
constexpr auto event_kinds = std::to_array<string_view>(
  {"starting", "running", "ready",  "exit",    "backoff", "restart", "give_up", "escalation", "stop", "paused",
   "resumed",  "reload",  "health", "breaker", "policy",  "andon",   "limit",   "config",     "node", "upgrade"});
constexpr auto desired_states = std::to_array<string_view>({"down", "up"});
constexpr auto milestones = std::to_array<string_view>({"down", "started", "ready", "completed"});
constexpr auto restart_kinds =
  std::to_array<string_view>({"never", "on-failure", "always", "unless-stopped", "max-retries"});
constexpr auto strategies = std::to_array<string_view>({"one_for_one", "one_for_all", "rest_for_one"});
constexpr auto readiness_types = std::to_array<string_view>({"none", "notify", "fd", "tcp", "http", "exec", "log"});
constexpr auto log_streams = std::to_array<string_view>({"stdout", "stderr"});

static_assert(daemon_states.size() == daemon_state_count);
static_assert(exit_causes.size() == exit_cause_count);
static_assert(health_states.size() == static_cast<std::size_t>(health_state::unhealthy) + 1);
static_assert(event_kinds.size() == static_cast<std::size_t>(event_kind::upgrade) + 1);
static_assert(milestones.size() == static_cast<std::size_t>(milestone::completed) + 1);
static_assert(restart_kinds.size() == static_cast<std::size_t>(restart_kind::max_retries) + 1);
static_assert(strategies.size() == static_cast<std::size_t>(strategy::rest_for_one) + 1);
static_assert(readiness_types.size() == static_cast<std::size_t>(readiness_type::log) + 1);

template <class Table, class Enum>
string_view name_in(const Table& table, Enum x) {
  auto index = static_cast<std::size_t>(x);
  return index < table.size() ? table[index] : string_view{"unknown"};
}

template <class Enum, class Table>
std::optional<Enum> value_in(const Table& table, string_view name) {
  for (std::size_t i = 0; i < table.size(); ++i)
    if (table[i] == name)
      return static_cast<Enum>(i);
  return std::nullopt;
}

} // namespace

string_view to_string(daemon_state x) { return name_in(daemon_states, x); }
string_view to_string(health_state x) { return name_in(health_states, x); }
string_view to_string(exit_cause x) { return name_in(exit_causes, x); }
string_view to_string(event_kind x) { return name_in(event_kinds, x); }
string_view to_string(desired_state x) { return name_in(desired_states, x); }
string_view to_string(milestone x) { return name_in(milestones, x); }
string_view to_string(restart_kind x) { return name_in(restart_kinds, x); }
string_view to_string(strategy x) { return name_in(strategies, x); }
string_view to_string(readiness_type x) { return name_in(readiness_types, x); }
string_view to_string(log_stream x) { return name_in(log_streams, x); }

template <>
std::optional<daemon_state> parse_enum(string_view n) {
  return value_in<daemon_state>(daemon_states, n);
}
template <>
std::optional<health_state> parse_enum(string_view n) {
  return value_in<health_state>(health_states, n);
}
template <>
std::optional<exit_cause> parse_enum(string_view n) {
  return value_in<exit_cause>(exit_causes, n);
}
template <>
std::optional<event_kind> parse_enum(string_view n) {
  return value_in<event_kind>(event_kinds, n);
}
template <>
std::optional<desired_state> parse_enum(string_view n) {
  return value_in<desired_state>(desired_states, n);
}
template <>
std::optional<restart_kind> parse_enum(string_view n) {
  return value_in<restart_kind>(restart_kinds, n);
}
template <>
std::optional<strategy> parse_enum(string_view n) {
  return value_in<strategy>(strategies, n);
}
template <>
std::optional<readiness_type> parse_enum(string_view n) {
  return value_in<readiness_type>(readiness_types, n);
}

} // namespace duende
