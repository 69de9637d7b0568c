// Members of the specs as the table's rows reach them.
#pragma once

#include "core/config/rules.hpp"

#include "core/units.hpp"

#include <map>
#include <string>
#include <vector>

namespace duende::config {

// Each reads a value of an accepted kind, checks it as the rule says and reports what is wrong; then `to` stays as it is.
void assign(context& c, const rule& r, const value& v, std::string& to);
void assign(context& c, const rule& r, const value& v, bool& to);
void assign(context& c, const rule& r, const value& v, int& to);
void assign(context& c, const rule& r, const value& v, std::uint32_t& to);
void assign(context& c, const rule& r, const value& v, std::uint64_t& to);
void assign(context& c, const rule& r, const value& v, double& to);
void assign(context& c, const rule& r, const value& v, duration& to);
void assign(context& c, const rule& r, const value& v, std::vector<std::string>& to);
void assign(context& c, const rule& r, const value& v, std::vector<int>& to);
void assign(context& c, const rule& r, const value& v, std::map<std::string, std::string>& to);

/// The word's index in `r.words`, or -1 after reporting.
int word_index(context& c, const rule& r, const value& v);

template <class Enum>
requires std::is_enum_v<Enum>
void assign(context& c, const rule& r, const value& v, Enum& to) {
  if (word_index(c, r, v) >= 0)
    to = parse_enum<Enum>(v.text).value_or(to);
}

template <class T>
nlohmann::json emit(const rule& r, const T& from) {
  if constexpr (std::is_enum_v<T>)
    return std::string{to_string(from)};
  else if constexpr (std::is_same_v<T, duration>)
    return format_duration(from);
  else if constexpr (std::is_same_v<T, std::uint64_t>)
    return r.type == shape::size ? nlohmann::json(format_bytes(from)) : nlohmann::json(from);
  else
    return from;
}

template <class Root, auto... Path>
void set_field(context& c, const rule& r, const value& v) {
  assign(c, r, v, ((c.as<Root>()).*....*Path));
}

template <class Root, auto... Path>
nlohmann::json get_field(const rule& r, const void* object) {
  return emit(r, ((*static_cast<const Root*>(object)).*....*Path));
}

/// A row for a plain member.
template <class Root, auto... Path>
constexpr rule row(std::string_view section, std::string_view key, shape type, std::string_view doc) {
  return {section, key, type, doc, &set_field<Root, Path...>, &get_field<Root, Path...>};
}

constexpr rule within(rule r, double low, double high) {
  r.low = low;
  r.high = high;
  return r;
}

constexpr rule one_of(rule r, std::span<const std::string_view> words) {
  r.words = words;
  return r;
}

/// A row for a section.
constexpr rule section(std::string_view parent, std::string_view key, shape type, std::string_view doc) {
  return {parent, key, type, doc};
}

} // namespace duende::config
