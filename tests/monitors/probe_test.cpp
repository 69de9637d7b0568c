#include "monitors/probes/endpoint.hpp"
#include "monitors/probes/resolve.hpp"
#include "tests/monitors/probe_support.hpp"

#include "core/errc.hpp"

#include <csignal>
#include <sys/un.h>
#include <vector>

using namespace duende;
using namespace duende::test;

TEST_CASE("parse_endpoint takes the three forms and nothing else") {
  CHECK(*parse_endpoint("127.0.0.1:5433") == endpoint{"127.0.0.1", 5433, {}});
  CHECK(*parse_endpoint("db.example:1") == endpoint{"db.example", 1, {}});
  CHECK(*parse_endpoint("[::1]:65535") == endpoint{"::1", 65535, {}});
  CHECK(*parse_endpoint("unix:/run/x.sock") == endpoint{{}, 0, "/run/x.sock"});
  CHECK(*parse_endpoint("unix:@name") == endpoint{{}, 0, "@name"});
  for (auto* bad :
       {"", ":", "host", "host:", ":80", "host:0", "host:65536", "host:8o", "::1:80", "[::1]", "[::1]80", "[::1",
        "host:+80", "ho st:80", "unix:", "unix:@", "a/b:80"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_endpoint(bad));
  }
  CHECK_FALSE(parse_endpoint("unix:/" + std::string(107, 'x')));
  CHECK(parse_endpoint("unix:/" + std::string(106, 'x')));
  CHECK_FALSE(parse_endpoint(std::string(256, 'h') + ":80"));
  CHECK(sentence(parse_endpoint("host").error()) == "'host' is no address: expected HOST:PORT, [V6]:PORT or unix:PATH");
}

TEST_CASE("parse_url finds host and port and hides the password") {
  CHECK(*parse_url("http://a/b?c#d") == url_parts{false, "a", 80, "http://a/b?c#d"});
  CHECK(*parse_url("https://[::1]/") == url_parts{true, "::1", 443, "https://[::1]/"});
  CHECK(*parse_url("https://u:p@x@h:8443/q@r:1") == url_parts{true, "h", 8443, "https://h:8443/q@r:1"});
  CHECK(*parse_url("http://h?x=/@") == url_parts{false, "h", 80, "http://h?x=/@"});
  for (auto* bad :
       {"", "http://", "ftp://a/", "a", "http:///x", "http://:80/", "http://a:0/", "http://a:x/", "http://a b/",
        "http://a\n/", "http://::1/", "http://[::1/", "file:///etc/passwd"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_url(bad));
  }
}

TEST_CASE("tcp probe: a listener is enough") {
  reactor r;
  listening server;
  outcome o;
  auto probe = start_tcp_probe(r, server.address(), 5s, o.callback());
  auto result = o.get();
  CHECK(result.ok);
  CHECK(result.text == "connected to " + server.address());
}

TEST_CASE("tcp probe: refused, with the words of the system") {
  reactor r;
  std::string address;
  {
    listening server;
    address = server.address();
  }
  outcome o;
  auto probe = start_tcp_probe(r, address, 5s, o.callback());
  auto result = o.get();
  CHECK_FALSE(result.ok);
  CHECK_FALSE(result.permanent);
  CHECK(result.text == "connect to " + address + ": Connection refused");
}

TEST_CASE("tcp probe: a black hole ends with the time limit") {
  reactor r;
  listening server(0);
  std::vector<int> fillers;
  for (int i = 0; i < 4; ++i) { // fills the backlog: further SYNs are dropped
    int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(server.port);
    ::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to);
    fillers.push_back(fd);
  }
  outcome o;
  auto start = monotonic_now();
  auto probe = start_tcp_probe(r, server.address(), 200ms, o.callback());
  auto result = o.get();
  CHECK_FALSE(result.ok);
  CHECK(result.text == "connect to " + server.address() + ": no answer within 200ms");
  CHECK(monotonic_now() - start >= 200ms);
  for (int fd : fillers) {
    ::close(fd);
  }
}

TEST_CASE("tcp probe: unix sockets, by path and abstract") {
  reactor r;
  auto path = "/tmp/duende-probe-" + std::to_string(::getpid());
  for (auto& name : {path, "@" + path.substr(1)}) {
    auto address = unix_address(name);
    {
      outcome none;
      auto probe = start_tcp_probe(r, "unix:" + name, 5s, none.callback());
      CHECK_FALSE(none.get().ok);
    }
    int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address.storage), address.size) == 0);
    REQUIRE(::listen(fd, 5) == 0);
    outcome o;
    auto probe = start_tcp_probe(r, "unix:" + name, 5s, o.callback());
    CHECK(o.get().ok);
    ::close(fd);
  }
  outcome stale;
  auto probe = start_tcp_probe(r, "unix:" + path, 5s, stale.callback());
  CHECK(stale.get().text == "connect to unix:" + path + ": Connection refused");
  ::unlink(path.c_str());
}

TEST_CASE("tcp probe: names are resolved elsewhere, and may fail") {
  reactor r;
  listening server;
  outcome o;
  auto probe = start_tcp_probe(r, "localhost:" + std::to_string(server.port), 5s, o.callback());
  CHECK(o.get().ok);
  outcome bad;
  auto name = std::string(70, 'x') + ".invalid"; // a label over 63 bytes: no server need be asked
  auto failing = start_tcp_probe(r, name + ":80", 15s, bad.callback());
  auto result = bad.get();
  CHECK_FALSE(result.ok);
  CHECK_THAT(result.text, Contains("connect to " + name + ":80: cannot resolve '" + name + "': "));
}

TEST_CASE("tcp probe: a malformed address is told and permanent") {
  reactor r;
  outcome o;
  auto probe = start_tcp_probe(r, "nonsense", 5s, o.callback());
  auto result = o.get();
  CHECK_FALSE(result.ok);
  CHECK(result.permanent);
  CHECK_THAT(result.text, Contains("expected HOST:PORT"));
}

TEST_CASE("a cancelled probe is silent, and leaves no descriptor") {
  reactor r;
  listening hole(0);
  auto before = open_descriptors();
  outcome o;
  for (int i = 0; i < 50; ++i) {
    auto probe = start_tcp_probe(r, hole.address(), 20s, o.callback());
    if (i % 2 == 0) {
      settle(r); // under way, or accepted by the backlog
    }
  }
  auto calls = o.calls.load();
  settle(r);
  settle(r);
  CHECK(calls <= 50);
  CHECK(open_descriptors() == before);
}

TEST_CASE("a probe may be destroyed by its callback, or with its reactor") {
  {
    reactor r;
    listening server;
    std::promise<void> told;
    probe_ptr probe;
    r.post([&] { // on the reactor's thread, so that `probe` is set before the callback
      probe = start_tcp_probe(r, server.address(), 5s, [&](const probe_result&) {
        probe.reset();
        told.set_value();
      });
    });
    REQUIRE(told.get_future().wait_for(10s) == std::future_status::ready);
  }
  listening hole(0);
  auto before = open_descriptors();
  {
    reactor r;
    outcome o;
    std::vector<probe_ptr> probes;
    for (int i = 0; i < 20; ++i) {
      probes.push_back(start_tcp_probe(r, i % 2 == 0 ? hole.address() : "localhost:1", 20s, o.callback()));
    }
    probes.clear();
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("1,000 probes at once: 500 hung ones hold up none of the others") {
  raise_descriptor_limit();
  reactor r;
  listening hole(0);
  listening server(4096);
  std::vector<int> fillers;
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(hole.port);
  for (int i = 0; i < 4; ++i) {
    fillers.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    ::connect(fillers.back(), reinterpret_cast<sockaddr*>(&to), sizeof to);
  }
  std::vector<std::unique_ptr<outcome>> good;
  std::vector<std::unique_ptr<outcome>> hung;
  std::vector<probe_ptr> probes;
  auto start = monotonic_now();
  for (int i = 0; i < 500; ++i) {
    probes.push_back(
      start_tcp_probe(r, hole.address(), 1min, hung.emplace_back(std::make_unique<outcome>())->callback()));
    probes.push_back(
      start_tcp_probe(r, server.address(), 1min, good.emplace_back(std::make_unique<outcome>())->callback()));
  }
  for (auto& o : good) {
    CHECK(o->get().ok);
  }
  CHECK(monotonic_now() - start < 10s);
  std::size_t pending = 0;
  for (auto& o : hung) {
    pending += o->pending() ? 1 : 0;
  }
  CHECK(pending >= 490);
  probes.clear();
  settle(r);
  for (int fd : fillers) {
    ::close(fd);
  }
}

TEST_CASE("many look-ups of one name share one answer each") {
  reactor r;
  std::vector<std::unique_ptr<outcome>> outcomes;
  std::vector<probe_ptr> probes;
  listening server(1024);
  for (int i = 0; i < 200; ++i) {
    auto& o = outcomes.emplace_back(std::make_unique<outcome>());
    probes.push_back(start_tcp_probe(r, "localhost:" + std::to_string(server.port), 20s, o->callback()));
  }
  for (auto& o : outcomes) {
    CHECK(o->get().ok);
    CHECK(o->calls == 1);
  }
}
