#include "policies/gates.hpp"

#include "core/units.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace duende {
namespace {

struct measure {
  const char* key;
  std::optional<double> gate_spec::*limit;
  bool is_minimum;
  const char* advice;
};
constexpr auto measures = std::to_array<measure>(
  {{"max_complexity", &gate_spec::max_complexity, false, "split the function that is most complex"},
   {"satd_count", &gate_spec::satd_count, false, "resolve the TODO and FIXME comments"},
   {"dead_code_percent", &gate_spec::dead_code_percent, false, "remove the code that nothing uses"},
   {"quality_score", &gate_spec::quality_score, true, "see what the analysis counts against it"}});

/// The last line that says something, for people.
std::string last_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.remove_suffix(1);
  const auto begin = text.rfind('\n');
  auto line = begin == std::string_view::npos ? text : text.substr(begin + 1);
  return std::string{line.substr(0, 300)};
}

violation gate_broken(const gate_spec& gate, std::string evidence, std::string advice) {
  return {violation_kind::gate, gate.name, std::move(evidence), std::move(advice)};
}

violations judge_quality(const gate_spec& gate, const gate_outcome& outcome) {
  const auto analysis = nlohmann::json::parse(outcome.output, nullptr, false);
  if (!analysis.is_object())
    return {gate_broken(
      gate,
      fmt::format(
        "{}, and its output is no JSON object{}{}", outcome.text, outcome.output.empty() ? "" : ": ",
        last_line(outcome.output)),
      "let the command print its analysis, and nothing else, on stdout")};
  const bool none =
    std::none_of(measures.begin(), measures.end(), [&](auto& m) { return (gate.*m.limit).has_value(); });
  const auto limits = none ? default_quality() : gate;
  violations result;
  std::size_t compared = 0;
  for (const auto& m : measures) {
    const auto& limit = limits.*m.limit;
    if (!limit)
      continue;
    const auto found = analysis.find(m.key);
    if (found == analysis.end() && none)
      continue;
    ++compared;
    if (found == analysis.end() || !found->is_number()) {
      result.push_back(
        gate_broken(gate, fmt::format("the analysis has no number '{}'", m.key), "let the analysis report it"));
      continue;
    }
    const auto value = found->get<double>();
    if (m.is_minimum ? !(value >= *limit) : !(value <= *limit))
      result.push_back(gate_broken(
        gate,
        fmt::format(
          "{} is {:.6g}, at {} {:.6g} is {}", m.key, value, m.is_minimum ? "least" : "most", *limit,
          m.is_minimum ? "wanted" : "allowed"),
        m.advice));
  }
  if (compared == 0)
    result.push_back(
      gate_broken(gate, "the analysis has none of the members that are compared", "let the analysis report them"));
  return result;
}

} // namespace

gate_spec default_quality() {
  gate_spec result;
  result.max_complexity = 20;
  result.satd_count = 10;
  result.dead_code_percent = 10;
  result.quality_score = 70;
  return result;
}

violations judge_gate(const gate_spec& gate, const gate_outcome& outcome) {
  if (!outcome.ended)
    return {gate_broken(gate, outcome.text, "run the gate's command by hand")};
  if (gate.quality_json)
    return judge_quality(gate, outcome);
  if (outcome.code == 0)
    return {};
  const auto words = last_line(outcome.output);
  return {gate_broken(
    gate, words.empty() ? outcome.text : fmt::format("{}: {}", outcome.text, words), "run the gate's command by hand")};
}

std::optional<violation> invariant_track::observe(double value, instant now) {
  const bool holds = !((rule_.above && value > *rule_.above) || (rule_.below && value < *rule_.below));
  if (holds) {
    since_.reset();
    return std::nullopt;
  }
  if (!since_)
    since_ = now;
  if (now - *since_ < rule_.lasting)
    return std::nullopt;
  const bool high = rule_.above && value > *rule_.above;
  auto show = [&](double x) {
    return rule_.metric == "memory_bytes" && x >= 0 && x < 9e18 ? human_bytes(static_cast<std::uint64_t>(x))
                                                                : fmt::format("{:.6g}", x);
  };
  auto evidence = fmt::format(
    "{} is {}, {} {}", rule_.metric, show(value), high ? "above" : "below", show(high ? *rule_.above : *rule_.below));
  if (rule_.lasting > duration::zero())
    evidence += fmt::format(" for {}", human_duration(now - *since_));
  return violation{
    violation_kind::invariant, rule_.name, std::move(evidence),
    fmt::format("find out what drives its {}, or change the invariant", rule_.metric)};
}

} // namespace duende
