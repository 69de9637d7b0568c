#include "core/config/load.hpp"
#include "core/config/value.hpp"

// The parser is compiled in, without exceptions: the library that distributions ship has only the throwing one.
#undef TOML_SHARED_LIB
#undef TOML_HEADER_ONLY
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <fmt/format.h>

namespace duende::config {
namespace {

constexpr std::size_t max_key_parts = 16;

place at_of(const toml::source_region& region) {
  return {static_cast<std::uint32_t>(region.begin.line), static_cast<std::uint32_t>(region.begin.column)};
}

struct converter {
  std::vector<syntax_error>& errors;

  void convert_table(const toml::table& from, value& to, std::size_t depth) {
    to.type = kind::table;
    to.members.reserve(from.size());
    for (auto&& [key, node] : from) {
      auto& entry = to.members.emplace_back();
      entry.key = key.str();
      entry.at = at_of(key.source());
      convert(node, entry.content, depth + 1);
    }
  }

  void convert_array(const toml::array& from, value& to, std::size_t depth) {
    to.type = kind::array;
    to.items.reserve(from.size());
    for (auto&& node : from)
      convert(node, to.items.emplace_back(), depth + 1);
  }

  void convert(const toml::node& node, value& to, std::size_t depth) {
    to.at = at_of(node.source());
    if (depth > max_config_depth) {
      errors.push_back({to.at, fmt::format("more than {} tables and arrays within each other", max_config_depth)});
      return;
    }
    switch (node.type()) {
      case toml::node_type::table: return convert_table(*node.as_table(), to, depth);
      case toml::node_type::array: return convert_array(*node.as_array(), to, depth);
      case toml::node_type::string:
        to.type = kind::string;
        to.text = node.as_string()->get();
        return;
      case toml::node_type::integer:
        to.type = kind::integer;
        to.integer = node.as_integer()->get();
        to.number = static_cast<double>(to.integer);
        return;
      case toml::node_type::floating_point:
        to.type = kind::number;
        to.number = node.as_floating_point()->get();
        return;
      case toml::node_type::boolean:
        to.type = kind::boolean;
        to.flag = node.as_boolean()->get();
        return;
      default: to.type = kind::datetime; return;
    }
  }
};

/// Dotted keys of absurd length make the parser recurse once per part. This finds one beforehand, by the dots between
/// separators outside of strings and comments, and gives its place.
class key_length_scan {
public:
  explicit key_length_scan(std::string_view text) : text_(text) {}

  const char* first_too_long() {
    std::size_t dots = 0;
    while (at_ < text_.size()) {
      switch (text_[at_]) {
        case '"':
        case '\'': skip_string(text_[at_]); continue;
        case '#': skip_to_newline(); continue;
        case '.':
          if (++dots >= max_key_parts)
            return text_.data() + at_;
          break;
        case '\n':
        case '=':
        case ',':
        case '[':
        case ']':
        case '{':
        case '}': dots = 0; break;
        default: break;
      }
      ++at_;
    }
    return nullptr;
  }

private:
  void skip_to_newline() {
    while (at_ < text_.size() && text_[at_] != '\n')
      ++at_;
  }

  void skip_string(char quote) {
    const std::string_view triple = quote == '"' ? "\"\"\"" : "'''";
    bool multi_line = text_.substr(at_).starts_with(triple);
    at_ += multi_line ? 3 : 1;
    while (at_ < text_.size()) {
      if (quote == '"' && text_[at_] == '\\') {
        at_ += 2;
      } else if (multi_line && text_.substr(at_).starts_with(triple)) {
        at_ += 3;
        // Up to two quotes may stand right before the closing three.
        for (int extra = 0; extra < 2 && at_ < text_.size() && text_[at_] == quote; ++extra)
          ++at_;
        return;
      } else if (!multi_line && (text_[at_] == quote || text_[at_] == '\n')) {
        at_ += text_[at_] == quote;
        return;
      } else {
        ++at_;
      }
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

place place_in(std::string_view text, const char* spot) {
  place result{1, 1};
  for (const char* p = text.data(); p != spot; ++p) {
    if (*p == '\n') {
      ++result.line;
      result.column = 1;
    } else if ((static_cast<unsigned char>(*p) & 0xC0) != 0x80) {
      ++result.column;
    }
  }
  return result;
}

/// The parser's words begin with what it was doing; people want the rest first.
std::string plain(std::string_view description) {
  constexpr std::string_view prefix = "Error while parsing ";
  if (!description.starts_with(prefix))
    return std::string{description};
  auto rest = description.substr(prefix.size());
  auto colon = rest.find(": ");
  if (colon == std::string_view::npos)
    return std::string{description};
  return fmt::format("{} (in {})", rest.substr(colon + 2), rest.substr(0, colon));
}

} // namespace

parsed parse_toml(std::string_view text) {
  parsed result;
  result.root.type = kind::table;
  result.root.at = {1, 1};
  if (auto spot = key_length_scan{text}.first_too_long(); spot != nullptr) {
    result.errors.push_back({place_in(text, spot), fmt::format("a key of more than {} parts", max_key_parts)});
    return result;
  }
  auto tree = toml::parse(text);
  if (!tree) {
    const auto& error = tree.error();
    result.errors.push_back({at_of(error.source()), plain(error.description())});
    return result;
  }
  converter{result.errors}.convert_table(tree.table(), result.root, 0);
  result.root.at = {1, 1};
  return result;
}

} // namespace duende::config
