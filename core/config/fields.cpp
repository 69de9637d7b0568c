#include "core/config/fields.hpp"

#include "core/config/checks.hpp"
#include "core/errc.hpp"
#include "core/suggest.hpp"

#include <algorithm>
#include <cmath>

namespace duende::config {
namespace {

bool in_range(context& c, const rule& r, const value& v, double x) {
  if (x >= r.low && x <= r.high) // false for NaN
    return true;
  c.error(v.at, "'{}{}': {} is out of range; accepted is {} to {}", c.path, r.key, x, r.low, r.high);
  return false;
}

template <class Integer>
void assign_integer(context& c, const rule& r, const value& v, Integer& to) {
  if (in_range(c, r, v, v.number))
    to = static_cast<Integer>(v.integer);
}

void assign_size(context& c, const rule& r, const value& v, std::uint64_t& to) {
  if (v.type == kind::integer)
    return assign_integer(c, r, v, to);
  auto bytes = parse_bytes(v.text);
  if (!bytes)
    return c.error(v.at, "'{}{}': {}", c.path, r.key, sentence(bytes.error()));
  if (in_range(c, r, v, static_cast<double>(*bytes)))
    to = *bytes;
}

} // namespace

void assign(context& c, const rule& r, const value& v, bool& to) {
  (void)c;
  (void)r;
  to = v.flag;
}

void assign(context& c, const rule& r, const value& v, int& to) { assign_integer(c, r, v, to); }
void assign(context& c, const rule& r, const value& v, std::uint32_t& to) { assign_integer(c, r, v, to); }

void assign(context& c, const rule& r, const value& v, std::uint64_t& to) {
  if (r.type == shape::size)
    assign_size(c, r, v, to);
  else
    assign_integer(c, r, v, to);
}

void assign(context& c, const rule& r, const value& v, double& to) {
  if (in_range(c, r, v, v.number))
    to = v.number;
}

void assign(context& c, const rule& r, const value& v, duration& to) {
  auto time = parse_duration(v.text);
  if (!time)
    return c.error(v.at, "'{}{}': {}", c.path, r.key, sentence(time.error()));
  auto seconds = std::chrono::duration<double>(*time).count();
  if (seconds >= r.low && seconds <= r.high)
    to = *time;
  else
    c.error(
      v.at, "'{}{}': {} is out of range; accepted is {} to {}", c.path, r.key, v.text,
      format_duration(duration{std::llround(r.low * 1e9)}), format_duration(duration{std::llround(r.high * 1e9)}));
}

void assign(context& c, const rule& r, const value& v, std::string& to) {
  auto text = v.text;
  if (auto problem = check_text(r.type, text, c.dir); !problem.empty())
    return c.error(v.at, "'{}{}': {}", c.path, r.key, problem);
  to = std::move(text);
}

void assign(context& c, const rule& r, const value& v, std::vector<std::string>& to) {
  std::vector<std::string> texts;
  texts.reserve(v.items.size());
  bool good = true;
  for (const auto& item : v.items) {
    if (item.type != kind::string) {
      c.error(item.at, "'{}{}': expected a string, found {}", c.path, r.key, name_of(item.type));
      good = false;
    } else if (auto problem = check_text(shape::text, texts.emplace_back(item.text), c.dir); !problem.empty()) {
      c.error(item.at, "'{}{}': {}", c.path, r.key, problem);
      good = false;
    }
  }
  if (good)
    to = std::move(texts);
}

void assign(context& c, const rule& r, const value& v, std::vector<int>& to) {
  std::vector<int> numbers;
  bool good = true;
  for (const auto& item : v.items) {
    if (item.type != kind::integer) {
      c.error(item.at, "'{}{}': expected an integer, found {}", c.path, r.key, name_of(item.type));
      good = false;
    } else if (in_range(c, r, item, item.number)) {
      numbers.push_back(static_cast<int>(item.integer));
    }
  }
  if (good)
    to = std::move(numbers);
}

void assign(context& c, const rule& r, const value& v, std::map<std::string, std::string>& to) {
  for (const auto& entry : v.members) {
    if (entry.content.type != kind::string)
      c.error(
        entry.content.at, "'{}{}.{}': expected a string, found {}; write it in quotes", c.path, r.key, entry.key,
        name_of(entry.content.type));
    else if (auto problem = check_variable(entry.key, entry.content.text); !problem.empty())
      c.error(entry.at, "'{}{}': {}", c.path, r.key, problem);
    else
      to.insert_or_assign(entry.key, entry.content.text);
  }
}

int word_index(context& c, const rule& r, const value& v) {
  auto found = std::find(r.words.begin(), r.words.end(), v.text);
  if (found != r.words.end())
    return static_cast<int>(found - r.words.begin());
  c.error(
    v.at, "'{}{}': unknown value '{}'{}{}", c.path, r.key, v.text.substr(0, 100), did_you_mean(v.text, r.words),
    fmt::format(" (accepted: {})", fmt::join(r.words, ", ")));
  return -1;
}

} // namespace duende::config
