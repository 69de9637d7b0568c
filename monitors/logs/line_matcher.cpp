#include "monitors/logs/line_matcher.hpp"

#include "core/errc.hpp"

#include <algorithm>

namespace duende::logs {

caf::expected<line_pattern> line_pattern::compile(const std::string& text) {
  line_pattern result;
  try {
#ifdef __GLIBCXX__
    // libstdc++'s other machine: no recursion, no exponential patterns, but no back-references either.
    try {
      result.regex_.assign(text, std::regex::ECMAScript | std::regex_constants::__polynomial);
      return result;
    } catch (const std::regex_error& error) {
      if (error.code() != std::regex_constants::error_complexity)
        throw;
    }
#endif
    result.regex_.assign(text, std::regex::ECMAScript);
    return result;
  } catch (const std::regex_error& error) {
    return fail(errc::invalid_config, "'{}' is no regular expression: {}", text, error.what());
  }
}

bool line_pattern::matches(std::string_view line) const {
  line = line.substr(0, line_limit);
  try {
    return std::regex_search(line.begin(), line.end(), regex_);
  } catch (const std::regex_error&) {
    return false; // too complex for this line
  }
}

bool line_feed::feed(const line_pattern& pattern, std::string_view bytes) {
  while (!bytes.empty()) {
    auto end = bytes.find('\n');
    auto piece = bytes.substr(0, end);
    if (end == std::string_view::npos || !partial_.empty())
      partial_.append(piece.substr(0, line_pattern::line_limit - std::min(partial_.size(), line_pattern::line_limit)));
    if (end == std::string_view::npos)
      return false;
    auto line = partial_.empty() ? piece : std::string_view{partial_};
    if (!line.empty() && line.back() == '\r')
      line.remove_suffix(1);
    if (pattern.matches(line))
      return true;
    partial_.clear();
    bytes.remove_prefix(end + 1);
  }
  return false;
}

} // namespace duende::logs
