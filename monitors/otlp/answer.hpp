// What a collector's answer means (https://opentelemetry.io/docs/specs/otlp/#otlphttp-response), and what goes with a request. Pure.
#pragma once

#include "core/time.hpp"

#include <caf/expected.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace duende {

struct otlp_answer {
  enum class kind : std::uint8_t { taken, again, refused };
  kind what = kind::taken;
  duration wait{};            ///< until it is tried again
  std::uint64_t rejected = 0; ///< items of a request that was taken otherwise
  std::string why;            ///< "status 503"; empty where all is well
};

/// What came back: a status with headers and body, or why there is none.
struct otlp_reply {
  long status = 0;
  std::string error, headers, body;
};

/// 429, 502, 503, 504 and broken connections are tried again: when Retry-After says (an hour at the most), else after 1 s, twice that
/// and so on up to a minute, each shortened by up to a half. `attempt` counts from 0; `jitter` is in [0, 1).
otlp_answer judge(const otlp_reply& reply, std::uint32_t attempt, double jitter, wall_time now);

/// "Name: value" lines; empty ones and those that begin with '#' are skipped. Errors name the line and never show a value.
caf::expected<std::vector<std::string>> parse_header_lines(std::string_view text);
/// Likewise from a regular file of 64 KiB at the most. An empty path has none.
caf::expected<std::vector<std::string>> read_header_lines(const std::string& path);

} // namespace duende
