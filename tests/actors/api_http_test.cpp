#include "actors/api/browser.hpp"
#include "actors/api/http.hpp"
#include "actors/api/json.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

using namespace duende;
using namespace duende::api;

namespace {

int status_in(std::string_view head) {
  http_request request;
  auto refused = parse_head(head, request);
  if (!refused) {
    body_framing framing;
    refused = parse_framing(request, framing);
  }
  return refused ? refused->status : 200;
}

} // namespace

TEST_CASE("a head is read or refused for a reason", "[api]") {
  const std::string host = "Host: x\r\n";
  struct row {
    std::string head;
    int status;
  };
  const row rows[] = {
    {"GET / HTTP/1.1\r\n" + host + "\r\n", 200},
    {"GET / HTTP/1.0\r\n\r\n", 200},
    {"GET / HTTP/1.1\r\n\r\n", 400},
    {"GET / HTTP/2.0\r\n" + host + "\r\n", 505},
    {"GET / FTP/1.1\r\n" + host + "\r\n", 400},
    {"GET /\r\n\r\n", 400},
    {"\r\n\r\n", 400},
    {"G T / HTTP/1.1\r\n" + host + "\r\n", 400},
    {"GET / / HTTP/1.1\r\n" + host + "\r\n", 400},
    {"GET http://x/ HTTP/1.1\r\n" + host + "\r\n", 400},
    {"GET /%zz HTTP/1.1\r\n" + host + "\r\n", 400},
    {"GET /%00 HTTP/1.1\r\n" + host + "\r\n", 400},
    {"GET /?a=%f HTTP/1.1\r\n" + host + "\r\n", 400},
    {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n" + host + "\r\n", 414},
    {"GET / HTTP/1.1\r\n" + host + host + "\r\n", 400},
    {"GET / HTTP/1.1\r\n" + host + " folded\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" + host + "A : b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" + host + "A: b\nC: d\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\n", 200},
    {"GET / HTTP/1.1\r\n" + host + "Content-Length: -5\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" + host + "Content-Length: 5 5\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" + host + "Content-Length: 4194305\r\n\r\n", 413},
    {"GET / HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999999\r\n\r\n", 413},
    {"GET / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\n", 501},
    {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
  };
  for (const auto& x : rows) {
    INFO(x.head.substr(0, 80));
    CHECK(status_in(x.head) == x.status);
  }
  std::string many = "GET / HTTP/1.1\r\n" + host;
  for (int i = 0; i < 200; ++i)
    many += "A: b\r\n";
  CHECK(status_in(many + "\r\n") == 431);
}

TEST_CASE("paths and queries are decoded after they are split", "[api]") {
  http_request request;
  REQUIRE_FALSE(parse_head("GET /v1/daemons/a%2Fb%20%C3%A9?x=1%262&y&x=3+4 HTTP/1.1\r\nHost: x\r\n\r\n", request));
  CHECK(request.segments == std::vector<std::string>{"v1", "daemons", "a/b \xc3\xa9"});
  CHECK(request.parameter("x") == "3 4");
  CHECK(request.has_parameter("y"));
  std::string odd = "a/b?c#d%e \x01\xff";
  CHECK(percent_decode(percent_encode(odd), false) == odd);
}

TEST_CASE("chunks are put together however they are torn", "[api]") {
  const std::string wire = "5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nTrailer: x\r\n\r\n";
  for (std::size_t piece = 1; piece <= wire.size(); ++piece) {
    chunk_decoder decoder;
    std::string input, body;
    for (std::size_t at = 0; at < wire.size(); at += piece) {
      input += wire.substr(at, piece);
      REQUIRE_FALSE(decoder.feed(input, body));
    }
    CHECK(decoder.done());
    CHECK(body == "hello world");
  }
  for (const char* broken : {"x\r\n", "5\r\nhelloX\r\n", "-1\r\n", "500000\r\n", "ffffffffffffffffff\r\n", "\r\n"}) {
    chunk_decoder decoder;
    std::string input = broken, body;
    CHECK(decoder.feed(input, body).has_value());
  }
}

TEST_CASE("JSON stays JSON whatever the bytes", "[api]") {
  std::string out;
  json_writer writer{out};
  writer.begin_object().member("a\"b", std::string{"\x00\x01\n\\\"\xff\xc3\xa9\xed\xa0\x80", 11});
  writer.member("n", std::optional<int>{})
    .member("d", 12.5)
    .member("z", 0.0)
    .key("l")
    .begin_array()
    .value(true)
    .value(-1)
    .end_array();
  writer.end_object();
  auto parsed = nlohmann::json::parse(out);
  CHECK(parsed["a\"b"] == std::string{"\x00\x01\n\\\"\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 19});
  CHECK(parsed["n"].is_null());
  CHECK(parsed["d"] == 12.5);
  CHECK(parsed["l"].size() == 2);
}

TEST_CASE("only this machine's own pages may ask over TCP", "[api]") {
  for (const char* good :
       {"localhost", "LocalHost:80", "127.0.0.1", "127.1.2.3:9", "[::1]", "[::1]:80", "[0:0:0:0:0:0:0:1]:9465"})
    CHECK(is_loopback_authority(good));
  for (const char* bad :
       {"", "evil.com", "localhost.evil.com", "10.0.0.1", "[::2]", "[::1", "[::1]x", "127.0.0.1.evil.com",
        "[127.0.0.1]", "::1"})
    CHECK_FALSE(is_loopback_authority(bad));
  auto refused = [](http_headers headers) {
    http_request request;
    for (auto& [name, value] : headers)
      request.headers[name] = value;
    return refuse_foreign_page(request).has_value();
  };
  CHECK_FALSE(refused({{"host", "localhost:1"}}));
  CHECK_FALSE(refused({{"host", "localhost:1"}, {"origin", "http://localhost:1"}}));
  CHECK(refused({{"host", "evil.com"}}));
  CHECK(refused({{"host", "localhost:1"}, {"origin", "http://localhost:2"}}));
  CHECK(refused({{"host", "localhost:1"}, {"origin", "null"}}));
  CHECK(refused({{"host", "localhost:1"}, {"sec-fetch-site", "cross-site"}}));
}
