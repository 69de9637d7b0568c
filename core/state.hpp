// The words of a daemon's life. Every enumeration has one table of names, checked for completeness at compile time.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace duende {

/// What `ps` shows. `backoff` waits for its next restart; `failed` waits for a person.
enum class daemon_state : std::uint8_t { created, starting, running, paused, stopping, stopped, backoff, failed };
inline constexpr int daemon_state_count = 8;

enum class health_state : std::uint8_t { unknown, healthy, degraded, unhealthy };

/// Why an incarnation ended.
enum class exit_cause : std::uint8_t { code, signal, oom, policy, health, timeout, spawn, lost };
inline constexpr int exit_cause_count = 8;

enum class event_kind : std::uint8_t {
  starting,
  running,
  ready,
  exit,
  backoff,
  restart,
  give_up,
  escalation,
  stop,
  paused,
  resumed,
  reload,
  health,
  breaker,
  policy,
  andon,
  limit,
  config,
  node,
  upgrade
};

/// What an operator wants of a daemon; outlives incarnations and nodes.
enum class desired_state : std::uint8_t { down, up };

/// How far a daemon has come, as dependants see it.
enum class milestone : std::uint8_t { down, started, ready, completed };

enum class restart_kind : std::uint8_t { never, on_failure, always, unless_stopped, max_retries };
enum class strategy : std::uint8_t { one_for_one, one_for_all, rest_for_one };
enum class readiness_type : std::uint8_t { none, notify, fd, tcp, http, exec, log };
enum class log_stream : std::uint8_t { out, err };

std::string_view to_string(daemon_state x);
std::string_view to_string(health_state x);
std::string_view to_string(exit_cause x);
std::string_view to_string(event_kind x);
std::string_view to_string(desired_state x);
std::string_view to_string(milestone x);
std::string_view to_string(restart_kind x);
std::string_view to_string(strategy x);
std::string_view to_string(readiness_type x);
std::string_view to_string(log_stream x);

/// The value of that name; none where there is none. Spelled as in the contract ("on-failure", "one_for_all").
template <class Enum>
std::optional<Enum> parse_enum(std::string_view name);

template <>
std::optional<daemon_state> parse_enum(std::string_view name);
template <>
std::optional<health_state> parse_enum(std::string_view name);
template <>
std::optional<exit_cause> parse_enum(std::string_view name);
template <>
std::optional<event_kind> parse_enum(std::string_view name);
template <>
std::optional<desired_state> parse_enum(std::string_view name);
template <>
std::optional<restart_kind> parse_enum(std::string_view name);
template <>
std::optional<strategy> parse_enum(std::string_view name);
template <>
std::optional<readiness_type> parse_enum(std::string_view name);

} // namespace duende
