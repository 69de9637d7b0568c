#include "core/config/rules.hpp"

#include "core/suggest.hpp"
#include "core/units.hpp"

#include <algorithm>
#include <unordered_map>

namespace duende::config {
namespace {

std::vector<rule> collect() {
  std::vector<rule> result;
  for (auto part :
       {node_rules(), otlp_rules(), supervisor_rules(), daemon_rules(), life_rules(), health_rules(), jidoka_rules(),
        limit_rules(), security_rules(), unsupported_rules()})
    result.insert(result.end(), part.begin(), part.end());
  std::unordered_map<std::string_view, std::size_t> order;
  for (const auto& r : result)
    order.emplace(r.section, order.size());
  std::stable_sort(
    result.begin(), result.end(), [&](const rule& a, const rule& b) { return order[a.section] < order[b.section]; });
  return result;
}

std::unordered_map<std::string_view, std::span<const rule>> index_sections() {
  std::unordered_map<std::string_view, std::span<const rule>> result;
  const auto& rules = all_rules();
  for (std::size_t first = 0; first < rules.size();) {
    auto last = first;
    while (last < rules.size() && rules[last].section == rules[first].section)
      ++last;
    result.emplace(rules[first].section, std::span{rules}.subspan(first, last - first));
    first = last;
  }
  return result;
}

std::string joined(std::string_view section, std::string_view key) {
  return section.empty() ? std::string{key} : fmt::format("{}.{}", section, key);
}

/// What the rule accepts, in words; empty where `x` is one of that.
std::string_view mismatch(shape type, kind x) {
  switch (type) {
    case shape::boolean: return x == kind::boolean ? "" : "a boolean";
    case shape::integer: return x == kind::integer ? "" : "an integer";
    case shape::number: return x == kind::integer || x == kind::number ? "" : "a number";
    case shape::size: return x == kind::integer || x == kind::string ? "" : "a size such as \"64MiB\"";
    case shape::duration: return x == kind::string ? "" : "a duration such as \"30s\"";
    case shape::texts: return x == kind::array ? "" : "an array of strings";
    case shape::integers: return x == kind::array ? "" : "an array of integers";
    case shape::text_table: return x == kind::table ? "" : "a table of strings";
    case shape::program_call: return x == kind::string || x == kind::array ? "" : "a string or an array of strings";
    case shape::commands: return x == kind::array ? "" : "an array of commands";
    case shape::dependencies: return x == kind::array ? "" : "an array of names";
    case shape::inherit: return x == kind::array || x == kind::boolean ? "" : "an array of strings or a boolean";
    case shape::section: return x == kind::table ? "" : "a table";
    case shape::sections: return x == kind::array ? "" : "an array of tables";
    case shape::seccomp:
      return x == kind::string || x == kind::table ? "" : "\"default\", \"off\" or a table of 'allow' or 'deny'";
    case shape::free: return "";
    default: return x == kind::string ? "" : "a string";
  }
}

/// A value as the table's `neutral` lists it.
std::string plain_text(const rule& r, const value& v) {
  switch (v.type) {
    case kind::boolean: return v.flag ? "true" : "false";
    case kind::integer: return fmt::format("{}", v.integer);
    case kind::number: return fmt::format("{}", v.number);
    case kind::array: return v.items.empty() ? "[]" : "";
    case kind::table: return v.members.empty() ? "{}" : "";
    case kind::string:
      if (r.type == shape::size)
        if (auto bytes = parse_bytes(v.text))
          return fmt::format("{}", *bytes);
      if (r.type == shape::duration)
        if (auto time = parse_duration(v.text))
          return format_duration(*time);
      return v.text;
    default: return "";
  }
}

bool changes_nothing(const rule& r, const value& v) {
  auto text = plain_text(r, v);
  auto rest = r.neutral;
  while (!rest.empty()) {
    auto end = std::min(rest.find('|'), rest.size());
    if (rest.substr(0, end) == text)
      return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

/// Where else a daemon has that key, for those who wrote it a level too high or low.
std::string elsewhere(std::string_view section, std::string_view key) {
  for (const auto& r : all_rules())
    if (
      r.key == key && r.section != section && r.section.starts_with("daemon") == section.starts_with("daemon")
      && !r.section.empty() && r.type != shape::section)
      return fmt::format("; '{}' belongs to [{}]", key, r.section);
  return {};
}

void unknown_key(context& c, std::string_view section, const member& entry) {
  if (c.errors.full())
    return c.error(entry.at, "");
  std::vector<std::string_view> known;
  for (const auto& r : rules_of(section))
    known.push_back(r.key);
  auto hint = did_you_mean(entry.key, known);
  if (hint.empty())
    hint = elsewhere(section, entry.key);
  c.error(entry.at, "unknown key '{}{}'{}", c.path, entry.key.substr(0, 100), hint);
}

void read_subsection(context& c, const rule& r, const value& v) {
  auto length = c.path.size();
  c.path += r.key;
  c.path += '.';
  read_section(c, joined(r.section, r.key), v);
  c.path.resize(length);
}

} // namespace

const std::vector<rule>& all_rules() {
  static const auto rules = collect();
  return rules;
}

std::span<const rule> rules_of(std::string_view section) {
  static const auto sections = index_sections();
  auto found = sections.find(section);
  return found == sections.end() ? std::span<const rule>{} : found->second;
}

const rule* find_rule(std::string_view section, std::string_view key) {
  for (const auto& r : rules_of(section))
    if (r.key == key)
      return &r;
  return nullptr;
}

void read_section(context& c, std::string_view section, const value& table) {
  auto rules = rules_of(section);
  for (const auto& entry : table.members) {
    auto r = std::find_if(rules.begin(), rules.end(), [&](const rule& x) { return x.key == entry.key; });
    const auto& v = entry.content;
    if (r == rules.end())
      unknown_key(c, section, entry);
    else if (auto expected = mismatch(r->type, v.type); !expected.empty())
      c.error(v.at, "'{}{}': expected {}, found {}", c.path, r->key, expected, name_of(v.type));
    else if (r->type == shape::section && r->set == nullptr)
      read_subsection(c, *r, v);
    else if (r->set != nullptr)
      r->set(c, *r, v);
    else if (!changes_nothing(*r, v))
      c.error(
        entry.at, "'{}{}' is not supported by this version{}{}", c.path, r->key, r->instead.empty() ? "" : ": ",
        r->instead);
  }
}

nlohmann::json write_section(std::string_view section, const void* object, const void* defaults) {
  auto result = nlohmann::json::object();
  for (const auto& r : rules_of(section)) {
    if (r.type == shape::section && r.set == nullptr) {
      if (auto part = write_section(joined(section, r.key), object, defaults); !part.empty())
        result[std::string{r.key}] = std::move(part);
    } else if (r.get != nullptr) {
      auto content = r.get(r, object);
      if (!content.is_null() && content != r.get(r, defaults))
        result[std::string{r.key}] = std::move(content);
    }
  }
  return result;
}

} // namespace duende::config
