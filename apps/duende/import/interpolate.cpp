#include "apps/duende/import/interpolate.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace duende::porting {
namespace {

constexpr int max_depth = 8;
constexpr std::size_t max_text = 1u << 20;

bool name_character(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && c >= '0' && c <= '9');
}

std::size_t name_end(std::string_view text, std::size_t at) {
  auto from = at;
  while (at < text.size() && name_character(text[at], at == from))
    ++at;
  return at;
}

/// The '}' that closes the '{' at `open`.
std::size_t closing(std::string_view text, std::size_t open) {
  int depth = 0;
  for (auto at = open; at < text.size(); ++at) {
    if (text[at] == '{' && (at == open || text[at - 1] == '$'))
      ++depth;
    if (text[at] == '}' && --depth == 0)
      return at;
  }
  return std::string_view::npos;
}

} // namespace

interpolation interpolate(std::string_view text, const look_up& value_of, int depth) {
  interpolation result;
  auto fail = [&](std::string words) {
    result.fault = std::move(words);
    return result;
  };
  if (depth > max_depth)
    return fail("too many variables within each other");
  auto take_missing = [&](const std::string& name) -> std::string {
    auto value = value_of(name);
    if (!value)
      result.missing.insert(name);
    return value.value_or("");
  };
  for (std::size_t i = 0; i < text.size() && result.text.size() < max_text; ++i) {
    if (text[i] != '$') {
      result.text += text[i];
      continue;
    }
    if (i + 1 < text.size() && text[i + 1] == '$') {
      result.text += '$';
      ++i;
      continue;
    }
    bool braces = i + 1 < text.size() && text[i + 1] == '{';
    auto begin = i + (braces ? 2 : 1), end = name_end(text, begin);
    if (end == begin)
      return fail(fmt::format("'{}' is no variable; a dollar sign is written '$$'", text.substr(i, 30)));
    std::string name{text.substr(begin, end - begin)};
    if (!braces) {
      result.text += take_missing(name);
      i = end - 1;
      continue;
    }
    auto close = closing(text, i + 1);
    if (close == std::string_view::npos)
      return fail(fmt::format("'{}' is not closed", text.substr(i, 30)));
    auto rest = text.substr(end, close - end);
    i = close;
    if (rest.empty()) {
      result.text += take_missing(name);
      continue;
    }
    bool colon = rest[0] == ':';
    char what = rest.size() > (colon ? 1u : 0u) ? rest[colon ? 1 : 0] : ' ';
    if (what != '-' && what != '?' && what != '+')
      return fail(fmt::format("'${{{}{}}}' is no variable", name, rest));
    auto value = value_of(name);
    bool there = value && (!colon || !value->empty());
    auto other = rest.substr(colon ? 2 : 1);
    if (what == '?' && !there)
      return fail(fmt::format("'{}' has no value: {}", name, other.empty() ? "set it and import again" : other));
    if (there ? what == '+' : what == '-') {
      auto inner = interpolate(other, value_of, depth + 1);
      if (!inner.fault.empty())
        return inner;
      result.text += inner.text;
      result.missing.merge(inner.missing);
    } else if (there) {
      result.text += *value;
    }
  }
  return result;
}

} // namespace duende::porting
