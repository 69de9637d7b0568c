// A collector that a test can look into: it takes OTLP over HTTP, answers as told, goes away and comes back on the same port.
#pragma once

#include "tests/system/node.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace duende::test {

struct export_request {
  std::string path, head;
  json body;
  int answered = 0;
};

class collector {
public:
  /// The head of the answer from its status on, such as "503 Service Unavailable\r\nRetry-After: 1".
  using answer = std::function<std::string(const export_request&)>;

  collector();
  ~collector();
  collector(const collector&) = delete;
  collector& operator=(const collector&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  void answer_with(answer fn);
  void go_away();
  void come_back();

  std::vector<export_request> requests() const;
  /// All that were taken: with status 200.
  std::vector<json> spans() const;
  std::vector<json> lines() const;
  std::vector<json> metrics() const;
  /// Those of that name, in the order they came.
  std::vector<json> spans(const std::string& name) const;

private:
  std::vector<json> items(const std::string& path, const char* resource, const char* scope, const char* of) const;
  void serve(int listening);
  void take(int peer);

  mutable std::mutex mutex_;
  std::vector<export_request> requests_;
  answer answer_;
  int port_;
  int listening_ = -1;
  std::thread thread_;
};

/// The value of that attribute, whatever its type; null where there is none.
json attribute(const json& of, const std::string& key);

} // namespace duende::test
