#include "tests/system/collector.hpp"

#include "tests/support/catch.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace duende::test {

collector::collector() : answer_([](const export_request&) { return "200 OK"; }), port_(free_port()) { come_back(); }

collector::~collector() { go_away(); }

void collector::answer_with(answer fn) {
  std::lock_guard lock{mutex_};
  answer_ = std::move(fn);
}

void collector::come_back() {
  listening_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listening_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port_));
  REQUIRE(bind(listening_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(listen(listening_, 64) == 0);
  thread_ = std::thread{[this, fd = listening_] { serve(fd); }};
}

void collector::go_away() {
  if (listening_ < 0)
    return;
  shutdown(listening_, SHUT_RDWR); // wakes accept
  thread_.join();
  close(listening_);
  listening_ = -1;
}

void collector::serve(int listening) {
  for (;;) {
    const int peer = accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
    if (peer < 0)
      return;
    take(peer);
    close(peer);
  }
}

void collector::take(int peer) {
  const timeval limit{10, 0};
  setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  std::string all;
  auto head_end = all.npos;
  std::size_t length = 0;
  char chunk[65536];
  while (head_end == all.npos || all.size() < head_end + 4 + length) {
    const auto n = recv(peer, chunk, sizeof chunk, 0);
    if (n <= 0)
      return;
    all.append(chunk, static_cast<std::size_t>(n));
    if (head_end == all.npos && (head_end = all.find("\r\n\r\n")) != all.npos) {
      auto at = strcasestr(all.c_str(), "\r\ncontent-length:");
      length = at != nullptr ? std::strtoul(at + 17, nullptr, 10) : 0;
    }
  }
  export_request request;
  request.head = all.substr(0, head_end);
  const auto from = request.head.find(' ') + 1;
  request.path = request.head.substr(from, request.head.find(' ', from) - from);
  request.body = json::parse(all.substr(head_end + 4), nullptr, false);
  std::string answered;
  {
    std::lock_guard lock{mutex_};
    answered = answer_(request);
    request.answered = std::atoi(answered.c_str());
    requests_.push_back(std::move(request));
  }
  const auto reply = "HTTP/1.1 " + answered + "\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
  send(peer, reply.data(), reply.size(), MSG_NOSIGNAL);
}

std::vector<export_request> collector::requests() const {
  std::lock_guard lock{mutex_};
  return requests_;
}

std::vector<json>
collector::items(const std::string& path, const char* resource, const char* scope, const char* of) const {
  std::vector<json> result;
  for (const auto& each : requests())
    if (each.path == path && each.answered == 200)
      for (const auto& a : each.body[resource])
        for (const auto& b : a[scope])
          result.insert(result.end(), b[of].begin(), b[of].end());
  return result;
}

std::vector<json> collector::spans() const { return items("/v1/traces", "resourceSpans", "scopeSpans", "spans"); }
std::vector<json> collector::lines() const { return items("/v1/logs", "resourceLogs", "scopeLogs", "logRecords"); }
std::vector<json> collector::metrics() const {
  return items("/v1/metrics", "resourceMetrics", "scopeMetrics", "metrics");
}

std::vector<json> collector::spans(const std::string& name) const {
  auto result = spans();
  std::erase_if(result, [&](const json& x) { return x["name"] != name; });
  return result;
}

json attribute(const json& of, const std::string& key) {
  for (const auto& each : of["attributes"])
    if (each["key"] == key)
      return *each["value"].begin();
  return {};
}

} // namespace duende::test
