// JSON of what is: written straight into one string, because a list of 1,000 daemons as a document tree costs a node megabytes.
#pragma once

#include "actors/control.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace duende::api {

/// Appends JSON (RFC 8259) to a string. The caller keeps objects and arrays balanced.
class json_writer {
public:
  explicit json_writer(std::string& out) : out_(out) {}

  json_writer& begin_object() { return open('{'); }
  json_writer& end_object() { return close('}'); }
  json_writer& begin_array() { return open('['); }
  json_writer& end_array() { return close(']'); }
  json_writer& key(std::string_view name);
  json_writer& value(std::string_view text); ///< bytes that are no UTF-8 become U+FFFD
  json_writer& value(const char* text) { return value(std::string_view{text}); }
  json_writer& value(bool x);
  json_writer& value(std::int64_t x);
  json_writer& value(std::uint64_t x);
  json_writer& value(std::int32_t x) { return value(std::int64_t{x}); }
  json_writer& value(std::uint32_t x) { return value(std::uint64_t{x}); }
  json_writer& value(double x); ///< at most three decimals; null where not finite
  json_writer& null();
  template <class T>
  json_writer& value(const std::optional<T>& x) {
    return x ? value(*x) : null();
  }
  template <class T>
  json_writer& member(std::string_view name, const T& x) {
    return key(name).value(x);
  }

private:
  json_writer& open(char c);
  json_writer& close(char c);
  void separate();

  std::string& out_;
  bool first_ = true;
};

/// What the kernel says about a daemon's processes, read at request time.
struct usage_figures {
  std::optional<double> cpu_percent; ///< over the life of the process
  std::optional<double> cpu_seconds; ///< user and system time so far: two of them tell the load in between
  std::optional<std::uint64_t> memory_bytes;
};

/// As `ps --json`. `more` adds members.
void write_json(
  json_writer& out, const daemon_status& daemon, std::string_view node, const usage_figures& usage,
  const log_location* logs = nullptr, const std::function<void(json_writer&)>& more = {});
void write_json(json_writer& out, const event& x);
void write_json(json_writer& out, const apply_plan& plan);
void write_json(json_writer& out, const node_info& info);

} // namespace duende::api
