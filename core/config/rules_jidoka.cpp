// Rows of [daemon.circuit_breaker] and [daemon.jidoka].
#include "core/config/checks.hpp"
#include "core/config/fields.hpp"
#include "core/config/loader.hpp"
#include "core/config/special.hpp"

#include <array>
#include <cmath>

namespace duende::config {
namespace {

constexpr double longest_policy = 366 * 86400.0;
constexpr std::size_t most_line_rules = 32; ///< gates, and invariants, of one daemon
constexpr auto gate_formats = std::to_array<std::string_view>({"exit-code", "quality-json"});
constexpr auto line_metrics =
  std::to_array<std::string_view>({"memory_bytes", "cpu_percent", "open_fds", "threads", "restarts"});

template <auto Member>
void set_breaker(context& c, const rule& r, const value& v) {
  assign(c, r, v, c.as<daemon_spec>().breaker.obtain().*Member);
}

/// All of them, so that a section of defaults is written, too.
template <auto Member>
nlohmann::json get_breaker(const rule& r, const void* object) {
  const auto& breaker = static_cast<const daemon_spec*>(object)->breaker;
  return breaker ? emit(r, (*breaker).*Member) : nlohmann::json();
}

template <auto Member>
constexpr rule breaker(std::string_view key, shape type, std::string_view doc) {
  return {"daemon.circuit_breaker", key, type, doc, &set_breaker<Member>, &get_breaker<Member>};
}

void set_first(context& c, const rule& r, const value& v) {
  assign(c, r, v, c.as<daemon_spec>().jidoka.obtain().stop_on_first);
}

nlohmann::json get_first(const rule&, const void* object) {
  const auto& jidoka = static_cast<const daemon_spec*>(object)->jidoka;
  return jidoka && jidoka->stop_on_first ? nlohmann::json(true) : nlohmann::json();
}

void finish_rule(context& c, const value& item, const gate_spec& gate) {
  if (item.find("name") == nullptr)
    c.error(item.at, "'jidoka.pre_start': a gate without 'name'");
  if (item.find("exec") == nullptr)
    c.error(item.at, "'jidoka.pre_start': a gate without 'exec'");
  for (auto key : {"max_complexity", "satd_count", "dead_code_percent", "quality_score"})
    if (const auto* limit = item.find(key); limit != nullptr && !gate.quality_json)
      c.error(limit->at, "'jidoka.pre_start.{}' needs 'format' = \"quality-json\"", key);
}

void finish_rule(context& c, const value& item, const invariant_spec& rule) {
  for (auto key : {"name", "metric"})
    if (item.find(key) == nullptr)
      c.error(item.at, "'jidoka.invariants': an invariant without '{}'", key);
  const bool above = item.find("above") != nullptr, below = item.find("below") != nullptr;
  if (above && below)
    c.error(item.at, "'jidoka.invariants': 'above' and 'below' exclude each other; write two invariants");
  else if (!above && !below)
    c.error(item.at, "'jidoka.invariants': an invariant without 'above' or 'below'");
  if (rule.below && *rule.below <= 0)
    c.error(item.at, "'jidoka.invariants.below': nothing is ever below {}", *rule.below);
}

/// The tables of `Member`, each by the rules of the section of that name.
template <auto Member>
void set_tables(context& c, const rule& r, const value& v) {
  auto& list = c.as<daemon_spec>().jidoka.obtain().*Member;
  if (v.items.size() > most_line_rules)
    return c.error(v.at, "'{}{}': {} tables; the most is {}", c.path, r.key, v.items.size(), most_line_rules);
  for (const auto& item : v.items) {
    typename std::remove_reference_t<decltype(list)>::value_type one;
    if (item.type != kind::table) {
      c.error(item.at, "'{}{}': expected a table, found {}", c.path, r.key, name_of(item.type));
      continue;
    }
    context inner{c.errors, c.file, c.dir, &one, c.notes, fmt::format("{}{}.", c.path, r.key)};
    read_section(inner, fmt::format("{}.{}", r.section, r.key), item);
    finish_rule(inner, item, one);
    for (const auto& other : list)
      if (!one.name.empty() && other.name == one.name)
        c.error(item.at, "'{}{}': there is a '{}' already", c.path, r.key, one.name);
    list.push_back(std::move(one));
  }
}

template <auto Member>
nlohmann::json get_tables(const rule& r, const void* object) {
  const auto& jidoka = static_cast<const daemon_spec*>(object)->jidoka;
  if (!jidoka || ((*jidoka).*Member).empty())
    return {};
  using one = typename std::remove_cvref_t<decltype((*jidoka).*Member)>::value_type;
  const one defaults;
  auto result = nlohmann::json::array();
  for (const auto& each : (*jidoka).*Member)
    result.push_back(write_section(fmt::format("{}.{}", r.section, r.key), &each, &defaults));
  return result;
}

void set_exec(context& c, const rule& r, const value& v) { c.as<gate_spec>().exec = program_words(c, r, v); }

void set_format(context& c, const rule& r, const value& v) {
  if (auto index = word_index(c, r, v); index >= 0)
    c.as<gate_spec>().quality_json = index == 1;
}

nlohmann::json get_format(const rule&, const void* object) {
  return std::string{gate_formats[static_cast<const gate_spec*>(object)->quality_json ? 1 : 0]};
}

void set_metric(context& c, const rule& r, const value& v) {
  if (word_index(c, r, v) >= 0)
    c.as<invariant_spec>().metric = v.text;
}

/// A number, or a size such as "2GiB".
template <class Root, auto Member>
void set_limit(context& c, const rule& r, const value& v) {
  rule as = r;
  as.type = v.type == kind::string ? shape::size : shape::number;
  if (v.type == kind::string && as.high > 0) {
    std::uint64_t bytes = 0;
    auto before = c.errors.kept.size() + c.errors.dropped;
    assign(c, as, v, bytes);
    if (c.errors.kept.size() + c.errors.dropped == before)
      (c.as<Root>().*Member) = static_cast<double>(bytes);
  } else if (v.type == kind::integer || v.type == kind::number) {
    assign(c, as, v, (c.as<Root>().*Member).emplace());
  } else {
    c.error(v.at, "'{}{}': expected a number or a size such as \"64MiB\", found {}", c.path, r.key, name_of(v.type));
  }
}

template <class Root, auto Member>
void set_number(context& c, const rule& r, const value& v) {
  assign(c, r, v, (c.as<Root>().*Member).emplace());
}

template <class Root, auto Member>
nlohmann::json get_limit(const rule&, const void* object) {
  const auto& limit = static_cast<const Root*>(object)->*Member;
  if (!limit)
    return {};
  if (*limit == std::floor(*limit) && std::fabs(*limit) < 9e15)
    return static_cast<std::int64_t>(*limit);
  return *limit;
}

constexpr std::string_view before_start = "daemon.jidoka.pre_start", while_running = "daemon.jidoka.invariants";
using g = gate_spec;
using i = invariant_spec;

template <auto Member>
constexpr rule quality_limit(std::string_view key, std::string_view doc, double high) {
  return within({before_start, key, shape::number, doc, &set_number<g, Member>, &get_limit<g, Member>}, 0, high);
}

const auto of_jidoka = std::to_array<rule>({
  section(
    "daemon", "circuit_breaker", shape::section,
    "Guards its restarts: one that keeps failing is left alone for a while."),
  within(
    breaker<&breaker_limits::failure_threshold>(
      "failure_threshold", shape::integer, "Failures in a row that open it; default 5."),
    1, 1e6),
  within(
    breaker<&breaker_limits::recovery_timeout>(
      "recovery_timeout", shape::duration, "So long it stays open; then one start is tried. Default 30s."),
    1e-3, longest_policy),
  within(
    breaker<&breaker_limits::success_threshold>(
      "success_threshold", shape::integer, "Successes in a row that close it; default 3."),
    1, 1e6),

  section(
    "daemon", "jidoka", shape::section,
    "Stop the line: what must hold. Where it does not, the daemon waits for a person."),
  {"daemon.jidoka", "stop_on_first", shape::boolean,
   "The first abnormal end stops the line, and of the gates the first that does not agree is told.", set_first,
   get_first},
  {"daemon.jidoka", "pre_start", shape::sections, "Gates: commands that must agree before each start.",
   &set_tables<&jidoka_spec::pre_start>, &get_tables<&jidoka_spec::pre_start>},
  row<g, &g::name>(before_start, "name", shape::name, "Of the gate, in events and metrics."),
  {before_start, "exec", shape::program_call, "Its command, run as the daemon would be.", set_exec,
   get_field<g, &g::exec>},
  one_of(
    {before_start, "format", shape::choice,
     "exit-code: it agrees with 0. quality-json: its output is compared with the limits.", set_format, get_format},
    gate_formats),
  quality_limit<&g::max_complexity>("max_complexity", "quality-json: at most.", 1e9),
  quality_limit<&g::satd_count>("satd_count", "quality-json: TODO, FIXME and the like; at most.", 1e9),
  quality_limit<&g::dead_code_percent>("dead_code_percent", "quality-json: at most.", 100),
  quality_limit<&g::quality_score>("quality_score", "quality-json: at least.", 1e9),
  within(row<g, &g::timeout>(before_start, "timeout", shape::duration, "Of the command; default 30s."), 1e-3, 86400),
  {"daemon.jidoka", "invariants", shape::sections, "What must hold while it runs.",
   &set_tables<&jidoka_spec::invariants>, &get_tables<&jidoka_spec::invariants>},
  row<i, &i::name>(while_running, "name", shape::name, "Of the invariant, in events and metrics."),
  one_of(
    {while_running, "metric", shape::choice, "What is looked at, once a second.", set_metric, get_field<i, &i::metric>},
    line_metrics),
  within(
    {while_running, "above", shape::free, "Violated above this: a number, or a size.", &set_limit<i, &i::above>,
     &get_limit<i, &i::above>},
    0, 9e18),
  within(
    {while_running, "below", shape::free, "Violated below this.", &set_limit<i, &i::below>, &get_limit<i, &i::below>},
    0, 9e18),
  within(
    row<i, &i::lasting>(while_running, "for", shape::duration, "It must have been violated for so long; default 0s."),
    0, longest_policy),
});

} // namespace

std::span<const rule> jidoka_rules() { return of_jidoka; }

void loader::finish_policies(const value& table, daemon_spec& spec) {
  if (const auto* breaker = table.find("circuit_breaker"); breaker != nullptr && breaker->type == kind::table)
    spec.breaker.obtain(); // an empty section is one with the defaults
  if (spec.jidoka && *spec.jidoka == jidoka_spec{})
    spec.jidoka = {};
}

} // namespace duende::config
