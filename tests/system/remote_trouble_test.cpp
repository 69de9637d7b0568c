// What a network does to an API: peers that stall, lie, flood, do not read, and reload in a loop.
#include "tests/support/catch.hpp"
#include "tests/support/event_text.hpp"
#include "tests/system/tls_peer.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <random>

using namespace duende::test;

namespace {

struct guarded_node {
  explicit guarded_node(const std::string& stack = "[[daemon]]\nname = \"web\"\ncommand = \"@WORKER@ @DIR@/web\"\n") {
    make_certificate(dir.path(), "node", "DNS:localhost");
    auto keys = "api = \"0.0.0.0:" + std::to_string(port) + "\"\n[node.tls]\ncertificate = \"" + dir.path("node.pem")
                + "\"\nkey = \"" + dir.path("node.key") + "\"\n" + token.toml;
    served.emplace(stack, options{.node_keys = keys});
    pid = served->pid_of("duended");
  }
  double seconds_for_answer() const {
    auto begin = monotonic_ns();
    CHECK(https(port, "GET", "/v1/node", token.token, {}, "127.0.0.9").status == 200);
    return static_cast<double>(monotonic_ns() - begin) / 1e9;
  }
  long descriptors() const {
    return std::distance(std::filesystem::directory_iterator{"/proc/" + std::to_string(pid) + "/fd"}, {});
  }
  long kilobytes() const {
    auto text = read_file("/proc/" + std::to_string(pid) + "/status");
    return std::atol(text.c_str() + text.find("VmRSS:") + 6);
  }

  scratch dir;
  int port = free_port();
  made_token token = make_token("anna");
  std::optional<node> served;
  pid_t pid = 0;
};

std::string follow_request(const std::string& token, std::int64_t last) {
  return "GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token
         + "\r\nAccept: text/event-stream\r\nLast-Event-ID: " + std::to_string(last) + "\r\n\r\n";
}

/// Without the sizes of chunks, which stand on lines of their own between messages.
std::string without_frames(const std::string& text) {
  std::string result;
  for (std::size_t at = 0, end; at < text.size(); at = end + 2) {
    end = text.find("\r\n", at);
    if (end == std::string::npos)
      end = text.size();
    auto part = text.substr(at, end - at);
    if (part.find('\n') != std::string::npos)
      result += part;
  }
  return result;
}

/// Follows events from the first one on; comes back where it is cut off.
class event_reader {
public:
  event_reader(int port, std::string token, std::string source)
    : port_(port), token_(std::move(token)), source_(std::move(source)) {
    connect();
  }

  /// Reads what comes within `seconds`, or until it is cut off. Fails the test where an event is missing.
  void read(double seconds) {
    rest_ += peer_->receive({}, seconds);
    auto whole = rest_.rfind("\n\n");
    if (whole == std::string::npos)
      return;
    last_ = last_in_order(without_frames(rest_.substr(0, whole + 2)), last_);
    REQUIRE(last_ >= 0);
    rest_.erase(0, whole + 2);
  }
  void connect() {
    rest_.clear();
    peer_ = std::make_unique<tls_peer>(port_, source_);
    peer_->send(follow_request(token_, last_));
  }
  bool cut_off() const { return peer_->ended(); }
  std::int64_t last() const { return last_; }

private:
  int port_;
  std::string token_, source_, rest_;
  std::int64_t last_ = 0;
  std::unique_ptr<tls_peer> peer_;
};

} // namespace

TEST_CASE("peers that stall in the handshake hold nobody up and are sent away") {
  guarded_node n;
  n.seconds_for_answer();
  auto idle = n.descriptors();
  std::vector<std::unique_ptr<tls_peer>> stalled;
  for (int i = 0; i < 200; ++i) {
    stalled.push_back(std::make_unique<tls_peer>(n.port, "127.0.0.1", false));
    if (i % 2 == 0)
      stalled.back()->send_plain(std::string("\x16\x03\x01\x02\x00\x01", 6)); // the beginning of a ClientHello
  }
  CHECK(n.seconds_for_answer() < 3);
  CHECK(n.served->get("/v1/node").status == 200);
  n.served->until(
    "all of them are sent away", [&] { return n.descriptors() <= idle + 4; }, 25);
}

TEST_CASE("who fills the TCP listener leaves the unix socket alone") {
  guarded_node n;
  std::vector<std::unique_ptr<tls_peer>> stalled;
  for (int i = 0; i < 700; ++i)
    stalled.push_back(std::make_unique<tls_peer>(n.port, "127.0.0.1", false));
  for (int i = 0; i < 20; ++i)
    CHECK(n.served->get("/v1/daemons").status == 200);
  CHECK(n.served->cli({"restart", "web"}).status == 0);
  CHECK(n.descriptors() < 700);
  stalled.clear();
  n.served->until(
    "the listener has room again", [&] { return https(n.port, "GET", "/v1/node", n.token.token).status == 200; }, 25);
}

TEST_CASE("malformed, oversized and slow requests over TLS are refused") {
  guarded_node n;
  std::mt19937 random{11};
  for (int i = 0; i < 200; ++i) { // no TLS at all
    tls_peer peer{n.port, "127.0.0.1", false};
    std::string noise(1 + random() % 3000, '\0');
    for (auto& c : noise)
      c = static_cast<char>(random());
    if (i % 2 == 0)
      noise.replace(0, std::min<std::size_t>(3, noise.size()), "\x16\x03\x01");
    peer.send_plain(noise);
  }
  tls_peer plain{n.port, "127.0.0.1", false};
  plain.send_plain("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(plain.receive().find("use https://") != std::string::npos);
  auto raw = [&](const std::string& text) {
    tls_peer peer{n.port};
    peer.send(text);
    return parse_answer(peer.receive());
  };
  CHECK(raw("nonsense\r\n\r\n").status == 400);
  CHECK(raw(std::string(20'000, 'x')).status == 431);
  CHECK(
    raw("GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + std::string(12'000, 'x') + "\r\n\r\n").status == 200);
  CHECK(
    raw("GET /v1/node HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + std::string(12'000, 'x') + "\r\n\r\n").status
    == 401);
  // Without a token no body is read; with one it is, up to its limit.
  CHECK(raw("POST /v1/apply HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n").status == 401);
  CHECK(
    https(n.port, "POST", "/v1/apply", n.token.token, std::string(4 * 1024 * 1024 + 1, '#'), "127.0.0.4").status
    == 413);
  CHECK(
    https(n.port, "POST", "/v1/apply?dry_run=1", n.token.token, std::string(4 * 1024 * 1024 - 10, '#'), "127.0.0.4")
      .status
    < 500);
  CHECK(raw("GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n").status == 200);
  tls_peer dripping{n.port};
  dripping.send("GET /v1/no");
  auto begin = monotonic_ns();
  for (int i = 0; i < 150 && !dripping.ended() && dripping.send("d"); ++i)
    dripping.receive({}, 0.2); // a drip; the node's clock, not ours, ends it
  CHECK(dripping.ended());
  CHECK(static_cast<double>(monotonic_ns() - begin) / 1e9 < 25);
  CHECK(n.seconds_for_answer() < 3);
  CHECK(n.served->pid_of("duended") == n.pid);
}

TEST_CASE("a browser that reloads in a loop costs no memory") {
  guarded_node n;
  auto reload = [&](int times) {
    for (int i = 0; i < times; ++i) {
      tls_peer page{n.port}, events{n.port};
      page.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
      events.send(follow_request(n.token.token, 0));
      if (i % 3 == 0) // else it goes in the middle of the answer
        page.receive();
      if (i % 2 == 0)
        events.receive(": follows");
    }
  };
  reload(100);
  auto settled = n.descriptors();
  auto before = n.kilobytes();
  reload(400);
  n.served->until(
    "its connections are closed", [&] { return n.descriptors() <= settled + 4; }, 20);
  CHECK(n.kilobytes() < before + 8 * 1024);
  CHECK(n.seconds_for_answer() < 3);
  CHECK(n.served->pid_of("duended") == n.pid);
}

TEST_CASE("a follower over TLS that stops reading is dropped and resumes without a gap") {
  guarded_node n{R"([[supervisor]]
name = "fast"
intensity = { restarts = 1000000, window = "1s" }
[[daemon]]
name = "beat"
supervisor = "fast"
command = "/bin/true"
instances = 4
restart = { policy = "always", initial_delay = "0s", next_delay = "0s", max_delay = "0s", jitter = 0.0 }
)"};
  event_reader lazy{n.port, n.token.token, "127.0.0.1"}, keen{n.port, n.token.token, "127.0.0.2"};
  auto before = n.kilobytes();
  auto most = before;
  auto end = monotonic_ns() + 180'000'000'000;
  while (keen.last() < 25'000 && monotonic_ns() < end) {
    keen.read(0.2);
    if (keen.cut_off()) // by a machine that is too busy for this test
      keen.connect();
    most = std::max(most, n.kilobytes());
  }
  REQUIRE(keen.last() >= 25'000);
  CHECK(most < before + 24 * 1024);
  n.served->cli({"stop", "beat"});
  for (auto last = keen.last() - 1; last != keen.last();) {
    last = keen.last();
    keen.read(1);
    if (keen.cut_off())
      keen.connect();
  }
  for (int i = 0; i < 100 && !lazy.cut_off(); ++i)
    lazy.read(1);
  CHECK(lazy.cut_off());
  CHECK(lazy.last() < keen.last());
  for (int i = 0; i < 100 && lazy.last() < keen.last(); ++i) {
    if (lazy.cut_off())
      lazy.connect();
    lazy.read(1);
  }
  CHECK(lazy.last() >= keen.last());
}
