#include "actors/api/tokens.hpp"
#include "tests/support/catch.hpp"

#include <set>

using namespace duende;
using namespace duende::api;
using namespace std::chrono_literals;

namespace {

http_request with_token(std::string_view token, std::string method = "GET") {
  http_request request;
  request.method = std::move(method);
  if (!token.empty())
    request.headers["authorization"] = "Bearer " + std::string{token};
  return request;
}

} // namespace

TEST_CASE("a token is 256 random bits, and its hash is SHA-256") {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    auto token = make_token();
    REQUIRE(token);
    CHECK(token->size() == 7 + 64);
    seen.insert(*token);
  }
  CHECK(seen.size() == 100);
  // Source: FIPS 180-2, appendix B.1.
  CHECK(*hash_of_token("abc") == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("a gate lets the right token pass and counts the wrong ones by address") {
  token_gate gate;
  instant now{1h};
  CHECK_FALSE(gate.refuse(with_token(""), "10.0.0.1", now)); // nothing is guarded
  REQUIRE(gate.set(
    {{"all", *hash_of_token("good"), access_level::full}, {"eyes", *hash_of_token("see"), access_level::read}}));
  CHECK(gate.refuse(with_token(""), "10.0.0.1", now)->status == 401);
  CHECK_FALSE(gate.refuse(with_token("good", "POST"), "10.0.0.1", now));
  CHECK_FALSE(gate.refuse(with_token("see", "HEAD"), "10.0.0.1", now));
  CHECK(gate.refuse(with_token("see", "POST"), "10.0.0.1", now)->status == 403);
  CHECK(gate.refuse(with_token("see", "PATCH"), "10.0.0.1", now)->body.find("eyes") != std::string::npos);
  for (int i = 0; i < 10; ++i)
    CHECK(gate.refuse(with_token("bad"), "10.0.0.1", now)->status == 401);
  CHECK(gate.refuse(with_token("good"), "10.0.0.1", now)->status == 429);
  CHECK_FALSE(gate.refuse(with_token("good"), "10.0.0.2", now));
  for (int i = 0; i < 100; ++i)
    CHECK(gate.refuse(with_token(""), "10.0.0.3", now)->status == 401); // who has not tried has not failed
  now += failure_limit::refill;
  CHECK_FALSE(gate.refuse(with_token("good"), "10.0.0.1", now));
  CHECK(gate.refuse(with_token("bad"), "10.0.0.1", now)->status == 401);
  CHECK(gate.refuse(with_token("bad"), "10.0.0.1", now)->status == 429);
  REQUIRE(gate.set({{"all", *hash_of_token("new"), access_level::full}}));
  CHECK(gate.refuse(with_token("good"), "10.0.0.2", now)->status == 401);
  CHECK_FALSE(gate.refuse(with_token("new"), "10.0.0.2", now));
}

TEST_CASE("the table of failures stays small and forgets whom it can") {
  failure_limit limit;
  instant now{1h};
  for (int i = 0; i < 100'000; ++i) {
    limit.failed("10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256), now);
    if (i % 10'000 == 0)
      now += 1s;
  }
  CHECK(limit.size() <= failure_limit::max_addresses);
  for (int i = 0; i < 20; ++i)
    limit.failed("guilty", now);
  CHECK(limit.wait_of("guilty", now) == failure_limit::refill);
  CHECK(limit.wait_of("guilty", now + failure_limit::refill) == 0s);
  CHECK(limit.wait_of("innocent", now) == 0s);
  CHECK(limited_address("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64");
  CHECK(limited_address("::ffff:10.1.2.3") == "10.1.2.3");
  CHECK(limited_address("10.1.2.3") == "10.1.2.3");
}
