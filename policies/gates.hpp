// What gates and invariants make of what they see.
#pragma once

#include "core/time.hpp"
#include "policies/jidoka.hpp"

#include <optional>
#include <string_view>

namespace duende {

/// What became of a gate's command.
struct gate_outcome {
  bool ended = false; ///< by itself, with `code`; else `text` says why not
  int code = 0;
  std::string text;        ///< "exited with code 3", "no answer within 30s"
  std::string_view output; ///< of its stdout
};

/// The rules of `gate` that do not hold; empty where it agrees. With quality_json the output decides: a JSON object whose members
/// max_complexity, satd_count and dead_code_percent may be at most, quality_score must be at least the gate's value. A gate that
/// names none has those of default_quality(), for the members that are there.
violations judge_gate(const gate_spec& gate, const gate_outcome& outcome);

/// max_complexity 20, satd_count 10, dead_code_percent 10, quality_score 70.
gate_spec default_quality();

/// One invariant over one life.
class invariant_track {
public:
  explicit invariant_track(invariant_spec rule) : rule_(std::move(rule)) {}
  const invariant_spec& rule() const { return rule_; }

  /// A violation where the rule has not held for `lasting`, seen in every value since.
  std::optional<violation> observe(double value, instant now);
  /// Nothing was seen for a while: what was counts no more.
  void reset() { since_.reset(); }

private:
  invariant_spec rule_;
  std::optional<instant> since_;
};

} // namespace duende
