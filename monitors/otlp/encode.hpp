// OTLP in its JSON encoding: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding. Identifiers are hexadecimal digits,
// 64-bit integers are strings, names of fields are lowerCamelCase, enumerations are their numbers. Pure functions.
#pragma once

#include "core/time.hpp"
#include "core/trace_context.hpp"

#include <prometheus/metric_family.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace duende {

enum class otlp_signal : std::uint8_t { metrics, logs, traces };
inline constexpr std::size_t otlp_signal_count = 3;
std::string_view to_string(otlp_signal which);

/// Nanoseconds since 1970, as OTLP counts.
using unix_nanos = std::int64_t;
unix_nanos unix_nanos_now();

using otlp_value = std::variant<std::string, std::int64_t, double, bool>;
using otlp_attributes = std::vector<std::pair<std::string, otlp_value>>;

/// Who sends.
struct otlp_resource {
  std::string node, version, host;
  std::int64_t pid = 0;
};

/// What stands around the fragments of a request, which are separated by commas.
struct otlp_envelope {
  std::string before, after;
};
otlp_envelope envelope_of(otlp_signal which, const otlp_resource& from);

enum class span_kind : std::uint8_t { internal = 1, server = 2 };

/// An operation that is over.
struct span {
  trace_context context; ///< its own
  std::optional<std::array<std::uint8_t, 8>> parent;
  std::string name;
  span_kind kind = span_kind::internal;
  unix_nanos begin = 0, end = 0;
  otlp_attributes attributes;
  std::optional<std::string> failure; ///< why it failed
  trace_ptr link;                     ///< another operation that this one follows from
};
std::string encode(const span& x);

/// A line of a daemon's output.
struct log_line {
  unix_nanos at = 0;
  std::string_view text;
  std::string_view stream; ///< "stdout" or "stderr"
  std::string_view daemon, supervisor;
};
std::string encode(const log_line& x);

/// One metric, in as many fragments as keep each of them small. `begun` is since when counters count; `sink(fragment, data points)`.
void encode(
  const prometheus::MetricFamily& x, unix_nanos begun, unix_nanos now,
  const std::function<void(std::string, std::uint64_t)>& sink);

} // namespace duende
