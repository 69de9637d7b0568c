#include "core/config/load.hpp"
#include "core/config/value.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>

namespace duende::config {
namespace {

/// Tells how far the parser has read, which its events do not.
struct tracking_iterator {
  using iterator_category = std::forward_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  const char* at = nullptr;
  const char** farthest = nullptr;

  const char& operator*() const { return *at; }
  tracking_iterator& operator++() {
    *farthest = ++at;
    return *this;
  }
  tracking_iterator operator++(int) {
    auto before = *this;
    ++*this;
    return before;
  }
  bool operator==(const tracking_iterator& other) const { return at == other.at; }
  bool operator!=(const tracking_iterator& other) const { return at != other.at; }
};

/// Builds the tree. A token begins at the first character after the end of the token before it that is neither space,
/// comma nor colon; a number's end is read one character too far, which then is one of those or a closing bracket.
class builder : public nlohmann::json_sax<nlohmann::json> {
public:
  builder(std::string_view text, const char*& farthest, parsed& result)
    : text_(text), farthest_(farthest), result_(result), scanned_(text.data()), ended_(text.data()) {}

  bool null() override { return place_value(kind::null) != nullptr; }
  bool boolean(bool flag) override {
    auto* to = place_value(kind::boolean);
    return to != nullptr && (to->flag = flag, true);
  }
  bool number_integer(std::int64_t integer) override {
    auto* to = place_value(kind::integer);
    if (to == nullptr)
      return false;
    to->integer = integer;
    to->number = static_cast<double>(integer);
    return true;
  }
  bool number_unsigned(std::uint64_t integer) override {
    if (integer <= INT64_MAX)
      return number_integer(static_cast<std::int64_t>(integer));
    return number_float(static_cast<double>(integer), {});
  }
  bool number_float(double number, const std::string&) override {
    auto* to = place_value(kind::number);
    return to != nullptr && (to->number = number, true);
  }
  bool string(std::string& text) override {
    auto* to = place_value(kind::string);
    return to != nullptr && (to->text = std::move(text), true);
  }
  bool binary(nlohmann::json::binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(kind::table); }
  bool start_array(std::size_t) override { return open(kind::array); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(std::string& name) override {
    auto at = token_place();
    ended_ = farthest_;
    auto& members = open_.back()->members;
    auto same = std::find_if(members.begin(), members.end(), [&](const member& m) { return m.key == name; });
    if (same != members.end())
      return stop(at, fmt::format("duplicate key '{}'", name));
    if (members.size() == max_members)
      return stop(at, fmt::format("more than {} keys in one object", max_members));
    members.push_back({std::move(name), at, {}});
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) override {
    // "[json.exception...] parse error at line 1, column 2: words"
    std::string_view words = error.what();
    if (auto column = words.find(", column "); column != std::string_view::npos)
      if (auto colon = words.find(": ", column); colon != std::string_view::npos)
        words.remove_prefix(colon + 2);
    auto* spot = farthest_ > text_.data() ? farthest_ - 1 : farthest_;
    return stop(place_of(spot), fmt::format("JSON {}", words));
  }

private:
  static constexpr std::size_t max_members = 1024;

  bool stop(place at, std::string message) {
    result_.errors.push_back({at, std::move(message)});
    return false;
  }

  /// Positions are asked for in ascending order, so the whole text is walked once.
  place place_of(const char* spot) {
    if (spot < scanned_) {
      scanned_ = text_.data();
      reached_ = {1, 1};
    }
    reached_.walk(scanned_, spot);
    scanned_ = spot;
    return reached_;
  }

  place token_place() {
    const char* spot = ended_;
    while (spot < farthest_ && std::string_view{" \t\r\n,:"}.find(*spot) != std::string_view::npos)
      ++spot;
    return place_of(spot);
  }

  value* place_value(kind type) {
    auto at = token_place();
    ended_ = farthest_;
    value* to = &result_.root;
    if (!open_.empty())
      to =
        open_.back()->type == kind::array ? &open_.back()->items.emplace_back() : &open_.back()->members.back().content;
    to->type = type;
    to->at = at;
    return to;
  }

  bool open(kind type) {
    auto* to = place_value(type);
    if (open_.size() >= max_config_depth)
      return stop(to->at, fmt::format("more than {} objects and arrays within each other", max_config_depth));
    open_.push_back(to);
    return true;
  }

  bool close() {
    ended_ = farthest_;
    open_.pop_back();
    return true;
  }

  std::string_view text_;
  const char*& farthest_;
  parsed& result_;
  std::vector<value*> open_; // only the innermost grows, so the others stay where they are
  const char* scanned_;
  place reached_{1, 1};
  const char* ended_;
};

} // namespace

std::string_view name_of(kind x) {
  switch (x) {
    case kind::null: return "null";
    case kind::boolean: return "a boolean";
    case kind::integer: return "an integer";
    case kind::number: return "a number";
    case kind::string: return "a string";
    case kind::datetime: return "a date or time";
    case kind::array: return "an array";
    case kind::table: return "a table";
  }
  return "nothing";
}

parsed parse_json(std::string_view text) {
  parsed result;
  const char* farthest = text.data();
  builder handler{text, farthest, result};
  tracking_iterator first{text.data(), &farthest}, last{text.data() + text.size(), &farthest};
  bool complete = nlohmann::json::sax_parse(first, last, &handler);
  if (!complete && result.errors.empty())
    result.errors.push_back({{1, 1}, "not readable as JSON"});
  if (result.errors.empty() && result.root.type != kind::table)
    result.errors.push_back({result.root.at, fmt::format("expected a table, found {}", name_of(result.root.type))});
  return result;
}

} // namespace duende::config
