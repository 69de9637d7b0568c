// Rows of [daemon.health_check]. Type notify is the watchdog of daemon_spec; every other one is a health_spec.
#include "core/config/fields.hpp"
#include "core/config/loader.hpp"
#include "core/config/special.hpp"

#include <algorithm>
#include <array>

namespace duende::config {
namespace {

constexpr double longest_check = 366 * 86400.0;
constexpr std::string_view health_in = "daemon.health_check";
constexpr auto health_types = std::to_array<std::string_view>({"tcp", "http", "exec", "grpc", "notify", "custom"});
constexpr auto health_actions = std::to_array<std::string_view>({"restart", "stop-line", "report"});

unsigned health_bit(health_type type) { return 1u << static_cast<unsigned>(type); }

/// Keys that only some types have, and for which one they are needed.
struct key_use {
  std::string_view key;
  unsigned types, needed;
};
const auto health_uses = std::to_array<key_use>({
  {"address", health_bit(health_type::tcp) | health_bit(health_type::grpc),
   health_bit(health_type::tcp) | health_bit(health_type::grpc)},
  {"url", health_bit(health_type::http), health_bit(health_type::http)},
  {"expect", health_bit(health_type::http), 0},
  {"command", health_bit(health_type::exec), health_bit(health_type::exec)},
  {"service", health_bit(health_type::grpc), 0},
});

const key_use* use_of(std::string_view key) {
  auto found = std::find_if(health_uses.begin(), health_uses.end(), [&](const key_use& x) { return x.key == key; });
  return found == health_uses.end() ? nullptr : &*found;
}

const boxed<health_spec>& health_of(const void* object) { return static_cast<const daemon_spec*>(object)->health; }

template <auto Member>
void set_health(context& c, const rule& r, const value& v) {
  assign(c, r, v, c.as<daemon_spec>().health.obtain().*Member);
}

/// Not written where it is the default, or the type has no such key.
template <auto Member>
nlohmann::json get_health(const rule& r, const void* object) {
  const auto& health = health_of(object);
  if (!health || (*health).*Member == health_spec{}.*Member)
    return {};
  const auto* use = use_of(r.key);
  return use == nullptr || (use->types & health_bit(health->type)) != 0 ? emit(r, (*health).*Member) : nlohmann::json();
}

template <auto Member>
constexpr rule health_key(std::string_view name, shape type, std::string_view doc) {
  return {health_in, name, type, doc, &set_health<Member>, &get_health<Member>};
}

void set_health_type(context& c, const rule& r, const value& v) {
  auto& health = c.as<daemon_spec>().health.obtain();
  if (auto index = word_index(c, r, v); index >= 0) {
    health.type = static_cast<health_type>(index);
    c.notes.health_type = v.text;
  }
}

nlohmann::json get_health_type(const rule&, const void* object) {
  if (const auto& health = health_of(object))
    return std::string{health_types[static_cast<std::size_t>(health->type)]};
  return static_cast<const daemon_spec*>(object)->watchdog ? nlohmann::json("notify") : nlohmann::json();
}

nlohmann::json get_health_interval(const rule&, const void* object) {
  if (const auto& watchdog = static_cast<const daemon_spec*>(object)->watchdog)
    return format_duration(watchdog->interval);
  const auto& health = health_of(object);
  return health ? nlohmann::json(format_duration(health->interval)) : nlohmann::json();
}

void set_health_action(context& c, const rule& r, const value& v) {
  if (auto index = word_index(c, r, v); index >= 0)
    c.as<daemon_spec>().health.obtain().on_unhealthy = static_cast<unhealthy_action>(index);
}

nlohmann::json get_health_action(const rule&, const void* object) {
  const auto& health = health_of(object);
  if (!health || health->on_unhealthy == unhealthy_action::restart)
    return {};
  return std::string{health_actions[static_cast<std::size_t>(health->on_unhealthy)]};
}

void set_health_command(context& c, const rule& r, const value& v) {
  c.as<daemon_spec>().health.obtain().command = program_words(c, r, v);
}

using h = health_spec;

const auto of_health = std::to_array<rule>({
  section("daemon", "health_check", shape::section, "Whether it still works."),
  one_of(
    {health_in, "type", shape::choice, "How it is checked; notify is sd_notify's watchdog.", set_health_type,
     get_health_type},
    health_types),
  within(
    {health_in, "interval", shape::duration,
     "From the begin of one check to the begin of the next; notify: silence this long is a failure. Default 30s.",
     set_health<&h::interval>, get_health_interval},
    1e-3, longest_check),
  health_key<&h::address>("address", shape::address, "tcp, grpc: HOST:PORT, [V6]:PORT or unix:PATH."),
  health_key<&h::url>("url", shape::url, "http: what is asked for."),
  within(health_key<&h::expect>("expect", shape::integers, "http: status codes that mean healthy."), 100, 599),
  {health_in, "command", shape::program_call, "exec: healthy when it exits with 0.", set_health_command,
   get_health<&h::command>},
  health_key<&h::service>("service", shape::text, "grpc: the service that is asked about. Default: the whole server."),
  within(health_key<&h::timeout>("timeout", shape::duration, "Of one check; default 10s."), 1e-3, 86400),
  within(
    health_key<&h::retries>("retries", shape::integer, "Failures in a row until it is unhealthy; default 3."), 1, 1e6),
  within(
    health_key<&h::start_period>("start_period", shape::duration, "Failures this soon after its start do not count."),
    0, longest_check),
  one_of(
    {health_in, "on_unhealthy", shape::choice,
     "What follows: a restart, a stop of the line that waits for a person, or nothing but an event.", set_health_action,
     get_health_action},
    health_actions),
});

} // namespace

std::span<const rule> health_rules() { return of_health; }

void loader::finish_health(context& c, const value& table, daemon_spec& spec) {
  const auto* health = table.find("health_check");
  if (health == nullptr || health->type != kind::table)
    return;
  if (health->find("type") == nullptr && !health->members.empty())
    c.error(health->at, "'health_check' without 'type'");
  if (c.notes.health_type.empty() || !spec.health) {
    spec.health = {};
    return;
  }
  const auto& name = c.notes.health_type;
  const auto type = spec.health->type;
  if (type == health_type::custom)
    c.error(
      health->find("type")->at,
      "'health_check.type' = \"custom\" asks code of the same program: only a daemon of the C++ library has it");
  for (const auto& use : health_uses)
    if ((use.needed & health_bit(type)) != 0 && health->find(use.key) == nullptr)
      c.error(health->at, "'health_check.type' = \"{}\" needs 'health_check.{}'", name, use.key);
  for (const auto& entry : health->members)
    if (const auto* use = use_of(entry.key); use != nullptr && (use->types & health_bit(type)) == 0)
      c.error(entry.at, "'health_check.{}' means nothing with 'health_check.type' = \"{}\"", entry.key, name);
  if (type != health_type::notify)
    return;
  const health_spec defaults;
  const auto meant = *spec.health;
  auto refuse = [&](std::string_view key, bool changed) {
    if (const auto* at = health->find(key); at != nullptr && changed)
      c.error(
        at->at,
        "'health_check.{}' means nothing with 'health_check.type' = \"notify\": one silence of 'interval' is a failure",
        key);
  };
  refuse("timeout", meant.timeout != defaults.timeout);
  refuse("retries", meant.retries != defaults.retries && meant.retries != 1);
  refuse("start_period", meant.start_period != defaults.start_period);
  spec.watchdog = watchdog_spec{meant.interval};
  spec.health = {};
  if (meant.on_unhealthy != defaults.on_unhealthy) {
    spec.health.obtain().type = health_type::notify;
    spec.health.obtain().on_unhealthy = meant.on_unhealthy;
  }
}

} // namespace duende::config
