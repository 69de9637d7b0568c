// Waits for a line that matches an expression.
#pragma once

#include <caf/expected.hpp>

#include <cstddef>
#include <memory>
#include <regex>
#include <string>
#include <string_view>

namespace duende::logs {

/// An expression of ECMAScript's grammar, to be searched for in lines.
class line_pattern {
public:
  /// How much of a line is looked at: a search takes time with the square of this.
  static constexpr std::size_t line_limit = 4 << 10;

  /// Errors: invalid_config with the reason and `text`.
  static caf::expected<line_pattern> compile(const std::string& text);

  bool matches(std::string_view line) const;

private:
  std::regex regex_;
};

/// Cuts one stream into lines, whatever pieces it comes in.
class line_feed {
public:
  /// True when a line ended within `bytes` that matches. A line without its end yet is kept for the next call.
  bool feed(const line_pattern& pattern, std::string_view bytes);

private:
  std::string partial_;
};

} // namespace duende::logs
