// Health checks that are more than a connection or a status: gRPC over a real HTTP/2 connection, and code of the same program.
#include "monitors/probes/check.hpp"

#include "monitors/probes/grpc_message.hpp"
#include "tests/monitors/probe_support.hpp"

#include <condition_variable>
#include <mutex>

using namespace duende;
using namespace duende::test;

namespace {

/// As much of an HTTP/2 server (RFC 9113) as one unary call needs: answers each request with these bytes and trailers.
class grpc_server {
public:
  grpc_server(std::string body, std::string status, std::string message = {})
    : body_(std::move(body)), status_(std::move(status)), message_(std::move(message)) {
    thread_ = std::thread([this] {
      for (int fd; (fd = ::accept4(socket_.fd, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;)
        serve(fd);
    });
  }
  ~grpc_server() {
    ::shutdown(socket_.fd, SHUT_RDWR);
    thread_.join();
  }
  std::string address() const { return socket_.address(); }
  std::string request() const { return request_; } ///< the bytes of the last DATA frame, after an outcome

private:
  static bool take(int fd, char* to, std::size_t size) {
    return size == 0 || ::recv(fd, to, size, MSG_WAITALL) == static_cast<ssize_t>(size);
  }
  static void frame(int fd, char type, char flags, std::string_view payload, char stream) {
    std::string text;
    for (int shift = 16; shift >= 0; shift -= 8)
      text += static_cast<char>(payload.size() >> shift);
    text += {type, flags, 0, 0, 0, stream};
    text += payload;
    ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
  }
  /// HPACK (RFC 7541, 6.2.2): a literal without indexing.
  static std::string header(std::string_view name, std::string_view content) {
    std::string text(1, '\0');
    text += static_cast<char>(name.size());
    text += name;
    text += static_cast<char>(content.size());
    return text += content;
  }
  void serve(int fd) {
    std::array<char, 24> preface{};
    std::array<char, 9> head{};
    take(fd, preface.data(), preface.size());
    frame(fd, 4, 0, "", 0);
    while (take(fd, head.data(), head.size())) {
      const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(head[i]); };
      std::string payload((std::size_t{byte(0)} << 16) + (std::size_t{byte(1)} << 8) + byte(2), '\0');
      if (!take(fd, payload.data(), payload.size()))
        break;
      if (head[3] == 4 && head[4] == 0)
        frame(fd, 4, 1, "", 0);
      if (head[3] != 0 || (head[4] & 1) == 0)
        continue;
      request_ = payload;
      const auto stream = head[8];
      frame(fd, 1, 4, "\x88" + header("content-type", "application/grpc"), stream);
      if (!body_.empty())
        frame(fd, 0, 0, body_, stream);
      frame(
        fd, 1, 5, header("grpc-status", status_) + (message_.empty() ? "" : header("grpc-message", message_)), stream);
    }
    ::close(fd);
  }

  std::string body_, status_, message_, request_;
  listening socket_;
  std::thread thread_;
};

std::string grpc_message(std::string_view bytes) {
  return std::string{"\0\0\0\0", 4} + static_cast<char>(bytes.size()) + std::string{bytes};
}

probe_result ask_grpc(reactor& r, const grpc_server& server, const std::string& service = {}) {
  outcome o;
  auto probe = start_grpc_probe(r, server.address(), service, 10s, o.callback());
  return o.get();
}

} // namespace

TEST_CASE("grpc check: SERVING passes", "[health]") {
  reactor r;
  grpc_server server{grpc_message("\x08\x01"), "0"};
  auto result = ask_grpc(r, server, "shop.Orders");
  INFO(result.text);
  CHECK(result.ok);
  CHECK(result.text == "grpc health of 'shop.Orders' at " + server.address() + ": SERVING");
  CHECK(server.request() == std::string{"\0\0\0\0\x0d\x0a\x0b", 7} + "shop.Orders");
}

TEST_CASE("grpc check: anything else does not, and says why", "[health]") {
  reactor r;
  struct row {
    std::string body, status, text, why;
  };
  for (auto& [body, status, text, why] : std::vector<row>{
         {grpc_message("\x08\x02"), "0", "", "it is NOT_SERVING"},
         {grpc_message(""), "0", "", "it is UNKNOWN"},
         {grpc_message("\x08\x09"), "0", "", "it is in state 9"},
         {grpc_message("\x08"), "0", "", "no HealthCheckResponse"},
         {"", "0", "", "an answer that is no message"},
         {"", "5", "unknown service", "the call failed: NOT_FOUND: unknown service"},
         {"", "12", "", "the call failed: UNIMPLEMENTED"}}) {
    grpc_server server{body, status, text};
    auto result = ask_grpc(r, server);
    CHECK_FALSE(result.ok);
    CHECK_FALSE(result.permanent);
    CHECK_THAT(result.text, Contains("grpc health of " + server.address()) && Contains(why));
  }
}

TEST_CASE("grpc check: a server of HTTP/1 and one that is silent", "[health]") {
  reactor r;
  tiny_server other("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), silent(std::nullopt);
  outcome one, two;
  auto first = start_grpc_probe(r, "127.0.0.1:" + std::to_string(other.port()), "", 10s, one.callback());
  auto second = start_grpc_probe(r, "127.0.0.1:" + std::to_string(silent.port()), "", 300ms, two.callback());
  CHECK_FALSE(one.get().ok);
  CHECK_THAT(two.get().text, Contains("no answer within 300ms"));
}

TEST_CASE("grpc messages that are cut short or odd", "[health]") {
  CHECK(grpc_health_problem(200, "grpc-status: 0\r\n", grpc_message("\x12\x01x\x08\x01"))
          .empty()); // another field before it
  CHECK_THAT(grpc_health_problem(404, "", ""), Contains("HTTP status 404"));
  CHECK_THAT(grpc_health_problem(200, "server: x\r\n", ""), Contains("no grpc-status"));
  CHECK_THAT(grpc_health_problem(200, "grpc-status: 99999999999999999999\r\n", ""), Contains("the call failed"));
  CHECK_FALSE(grpc_health_problem(200, "grpc-status: 0\r\n", std::string{"\0\0\0\xff\xff", 5}).empty());
  CHECK_FALSE(grpc_health_problem(200, "grpc-status: 0\r\n", grpc_message("\x12\x7f")).empty());
  CHECK_FALSE(grpc_health_problem(200, "grpc-status: 0\r\n", grpc_message(std::string(12, '\xff'))).empty());
}

TEST_CASE("code of the same program is asked on a thread of its own", "[health]") {
  reactor r;
  auto answer = [&](std::function<health_state()> ask) {
    outcome o;
    auto probe = start_call_probe(r, std::make_shared<health_question>(std::move(ask)), 10s, o.callback());
    return o.get();
  };
  CHECK(answer([] { return health_state::healthy; }).ok);
  CHECK(answer([] { return health_state::degraded; }).text == "degraded");
  CHECK(answer([] { return health_state::unhealthy; }).text == "health_check(): it says that it is unhealthy");
  CHECK_THAT(
    answer([]() -> health_state { throw std::runtime_error("boom"); }).text, Contains("threw an exception: boom"));
}

TEST_CASE("code that never returns holds one thread and no more", "[health]") {
  reactor r;
  std::mutex mutex;
  std::condition_variable changed;
  bool go_on = false;
  int asked = 0;
  auto question = std::make_shared<health_question>([&] {
    std::unique_lock lock{mutex};
    ++asked;
    changed.wait(lock, [&] { return go_on; });
    changed.notify_all();
    return health_state::healthy;
  });
  auto try_once = [&] {
    outcome o;
    auto probe = start_call_probe(r, question, 100ms, o.callback());
    return o.get();
  };
  CHECK_THAT(try_once().text, Contains("no answer within 100ms"));
  for (int i = 0; i < 3; ++i)
    CHECK_THAT(try_once().text, Contains("the check before this one has not returned yet"));
  {
    std::unique_lock lock{mutex};
    go_on = true;
    CHECK(asked == 1);
    changed.notify_all();
  }
  for (int tries = 0; !try_once().ok; ++tries)
    REQUIRE(tries < 100);
}
