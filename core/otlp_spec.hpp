// [node.otlp]: where metrics, logs and spans go over OTLP/HTTP.
#pragma once

#include "core/time.hpp"

#include <cstdint>
#include <string>

namespace duende {

struct otlp_spec {
  std::string endpoint; ///< of a collector, without "/v1/...": "http://127.0.0.1:4318"; empty: nothing is exported
  bool metrics = true;
  bool logs = false; ///< each line of every daemon
  bool traces = true;
  duration interval = std::chrono::seconds{60}; ///< between metrics
  std::string headers_file;                     ///< "Name: value" lines that go with each request; absolute
  duration timeout = std::chrono::seconds{10};  ///< of one request
  std::uint64_t queue = 4ull << 20;             ///< bytes held for the collector, of each signal
  bool operator==(const otlp_spec&) const = default;

  bool on() const { return !endpoint.empty() && (metrics || logs || traces); }
};

} // namespace duende
