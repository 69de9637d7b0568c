#include "core/errc.hpp"
#include "monitors/probes/curl_library.hpp"
#include "tests/monitors/probe_support.hpp"

#include <cstdlib>
#include <vector>

using namespace duende;
using namespace duende::test;

namespace {

std::string answer(std::string_view status, std::string_view more = {}, std::string_view body = "hello") {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n"
         + std::string(more) + "\r\n" + std::string(body);
}

probe_result probe_http(reactor& r, http_target target, duration timeout = 10s) {
  outcome o;
  auto probe = start_http_probe(r, std::move(target), timeout, o.callback());
  return o.get();
}

} // namespace

TEST_CASE("http probe: an expected status is ready") {
  reactor r;
  tiny_server server(answer("200 OK"));
  auto result = probe_http(r, {server.url("/ready?x=1"), {200}});
  CHECK(result.ok);
  CHECK(result.text == "GET " + server.url("/ready?x=1") + ": status 200");
  CHECK_THAT(server.last_request(), Contains("GET /ready?x=1 HTTP/1.1"));
  CHECK_THAT(server.last_request(), Contains("User-Agent: duende/"));
}

TEST_CASE("http probe: another status is not") {
  reactor r;
  tiny_server server(answer("503 Service Unavailable"));
  auto result = probe_http(r, {server.url(), {200, 204}});
  CHECK_FALSE(result.ok);
  CHECK_FALSE(result.permanent);
  CHECK(result.text == "GET " + server.url() + ": status 503, expected 200 or 204");
  CHECK(probe_http(r, {server.url(), {503}}).ok);
}

TEST_CASE("http probe: redirects are compared, not followed") {
  reactor r;
  tiny_server other(answer("200 OK"));
  tiny_server server(answer("302 Found", "Location: " + other.url() + "\r\n"));
  CHECK_FALSE(probe_http(r, {server.url(), {200}}).ok);
  CHECK(probe_http(r, {server.url(), {200, 302}}).ok);
  CHECK(other.requests() == 0);
}

TEST_CASE("http probe: refused, malformed, not HTTP") {
  reactor r;
  std::string dead;
  {
    listening server;
    dead = "http://" + server.address() + "/";
  }
  auto refused = probe_http(r, {dead});
  CHECK_FALSE(refused.ok);
  CHECK_FALSE(refused.permanent);
  CHECK_THAT(refused.text, Contains("GET " + dead + ": ") && Contains("onnect"));
  auto malformed = probe_http(r, {"gopher://x/"});
  CHECK(malformed.permanent);
  CHECK_THAT(malformed.text, Contains("'gopher://x/' is no URL"));
  tiny_server garbage("SSH-2.0-OpenSSH_9\r\n");
  CHECK_FALSE(probe_http(r, {garbage.url()}).ok);
  tiny_server cut("");
  CHECK_FALSE(probe_http(r, {cut.url()}).ok);
}

TEST_CASE("http probe: a body without end is cut off, the status counts") {
  reactor r;
  tiny_server server("HTTP/1.1 200 OK\r\n\r\n" + std::string(1'000'000, 'x'));
  CHECK(probe_http(r, {server.url()}).ok);
}

TEST_CASE("http probe: a server that never answers is left at the limit and holds up nobody") {
  reactor r;
  tiny_server silent(std::nullopt);
  tiny_server quick(answer("200 OK"));
  outcome hung;
  auto probe = start_http_probe(r, {silent.url()}, 400ms, hung.callback());
  CHECK(probe_http(r, {quick.url()}).ok);
  CHECK(hung.pending());
  CHECK(hung.get().text == "GET " + silent.url() + ": no answer within 400ms");
}

TEST_CASE("http probe: cancelled in flight it is silent") {
  reactor r;
  tiny_server silent(std::nullopt);
  outcome o;
  {
    std::vector<probe_ptr> probes;
    for (int i = 0; i < 20; ++i) {
      probes.push_back(start_http_probe(r, {silent.url()}, 1min, o.callback()));
    }
    while (silent.requests() < 10) {
      std::this_thread::yield();
    }
  }
  tiny_server quick(answer("200 OK"));
  CHECK(probe_http(r, {quick.url()}).ok);
  CHECK(o.calls == 0);
}

TEST_CASE("http probe: names go through our resolver; the environment's proxy is not asked") {
  reactor r;
  tiny_server server(answer("200 OK"));
  ::setenv("http_proxy", "http://127.0.0.1:1/", 1);
  CHECK(probe_http(r, {"http://localhost:" + std::to_string(server.port()) + "/"}).ok);
  ::unsetenv("http_proxy");
  auto host = std::string(70, 'x') + ".invalid";
  auto result = probe_http(r, {"http://user:secret@" + host + "/"});
  CHECK_THAT(result.text, Contains("GET http://" + host + "/: cannot resolve '" + host + "'"));
}

TEST_CASE("http probe: 300 at once, most of them hung") {
  raise_descriptor_limit();
  reactor r;
  tiny_server silent(std::nullopt);
  tiny_server quick(answer("200 OK"));
  std::vector<std::unique_ptr<outcome>> good;
  std::vector<std::unique_ptr<outcome>> hung;
  std::vector<probe_ptr> probes;
  for (int i = 0; i < 300; ++i) {
    if (i % 10 == 0) {
      auto& o = good.emplace_back(std::make_unique<outcome>());
      probes.push_back(start_http_probe(r, {quick.url()}, 20s, o->callback()));
    } else {
      auto& o = hung.emplace_back(std::make_unique<outcome>());
      probes.push_back(start_http_probe(r, {silent.url()}, 1min, o->callback()));
    }
  }
  for (auto& o : good) {
    CHECK(o->get().ok);
  }
  for (auto& o : hung) {
    CHECK(o->pending());
  }
}

TEST_CASE("a missing or foreign libcurl is told with what to do") {
  auto none = load_curl("libcurl-of-nowhere.so.4");
  REQUIRE_FALSE(none);
  CHECK(code_of(none.error()) == errc::unsupported);
  CHECK_THAT(sentence(none.error()), Contains("HTTP checks need libcurl: libcurl-of-nowhere.so.4"));
  CHECK_THAT(sentence(none.error()), Contains("apt-get install libcurl4"));
  auto foreign = load_curl("libm.so.6");
  REQUIRE_FALSE(foreign);
  CHECK_THAT(sentence(foreign.error()), Contains("'libm.so.6' has no curl_"));
}
