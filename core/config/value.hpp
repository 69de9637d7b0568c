// What TOML and JSON have in common: a tree of values, each with its place in the text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace duende::config {

struct place {
  std::uint32_t line = 0;   ///< from 1
  std::uint32_t column = 0; ///< from 1, in characters
  auto operator<=>(const place&) const = default;

  /// Moves on over the UTF-8 text from `from` to `to`.
  void walk(const char* from, const char* to) {
    for (; from < to; ++from) {
      if (*from == '\n') {
        ++line;
        column = 1;
      } else if ((static_cast<unsigned char>(*from) & 0xC0) != 0x80) {
        ++column;
      }
    }
  }
};

enum class kind : std::uint8_t { null, boolean, integer, number, string, datetime, array, table };

/// With its article: "a string", "an array".
std::string_view name_of(kind x);

struct member;

struct value {
  kind type = kind::null;
  place at;
  bool flag = false;
  std::int64_t integer = 0;
  double number = 0; ///< of an integer too
  std::string text;
  std::vector<value> items;
  std::vector<member> members;

  /// The member of that name of a table, or null.
  const value* find(std::string_view key) const;
};

struct member {
  std::string key;
  place at;
  value content;
};

inline const value* value::find(std::string_view key) const {
  for (const auto& entry : members)
    if (entry.key == key)
      return &entry.content;
  return nullptr;
}

/// Where a text can't be read at all.
struct syntax_error {
  place at;
  std::string message;
};

struct parsed {
  value root; ///< a table
  std::vector<syntax_error> errors;
};

/// Both bound the depth by max_config_depth, refuse duplicate keys and throw nothing but std::bad_alloc.
parsed parse_toml(std::string_view text);
parsed parse_json(std::string_view text);

} // namespace duende::config
