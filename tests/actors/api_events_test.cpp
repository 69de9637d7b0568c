#include "tests/support/api_fixture.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/event_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

using namespace duende;
using namespace duende::test;
using nlohmann::json;

namespace {

std::string follow_request(std::string_view extra = {}) {
  return "GET /v1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n" + std::string{extra} + "\r\n";
}

} // namespace

TEST_CASE("events are listed by time, id and daemon", "[api]") {
  api_fixture api;
  auto all = json::parse(api.get("/v1/events").body);
  REQUIRE(all.size() == 2);
  for (const char* key : {"id", "at", "kind", "daemon", "supervisor", "node", "incarnation", "cause", "text"})
    CHECK(all[0].contains(key));
  CHECK(json::parse(api.get("/v1/events?after=1").body).size() == 1);
  CHECK(json::parse(api.get("/v1/events?daemon=db").body).size() == 1);
  CHECK(json::parse(api.get("/v1/events?limit=1").body)[0]["id"] == 2);
  CHECK(json::parse(api.get("/v1/events?since=1h").body).size() == 2);
  CHECK(json::parse(api.get("/v1/events?since=2999-01-01T00:00:00Z").body).empty());
  CHECK(api.get("/v1/events?since=yesterday").status == 400);
}

TEST_CASE("a follower gets what comes and resumes where it was", "[api]") {
  api_fixture api;
  {
    raw_connection follower{api.socket};
    follower.send(follow_request());
    auto text = follower.receive(": follows");
    api.post("/v1/daemons/db/stop");
    text += follower.receive("\"kind\":\"exit\"");
    CHECK(text.find("text/event-stream") != std::string::npos);
    CHECK(text.find("id: 3\n") != std::string::npos);
    CHECK(text.find("id: 2\ndata") == std::string::npos); // happened before
  }
  api.post("/v1/daemons/db/start");
  raw_connection again{api.socket};
  again.send(follow_request("Last-Event-ID: 3\r\n"));
  auto text = again.receive("id: 4\n");
  CHECK(text.find("id: 4\n") != std::string::npos);
  CHECK(text.find("id: 3\ndata") == std::string::npos);
  CHECK(api.get("/v1/events", "Last-Event-ID: x\r\n").status == 400);
}

TEST_CASE("a follower that falls far behind misses nothing") {
  api_fixture api;
  std::int64_t last = 2;
  bool emitted = false;
  for (int connections = 0; last < 50'002 && connections < 100; ++connections) { // it may be cut off, and comes again
    raw_connection follower{api.socket};
    follower.send(follow_request("Last-Event-ID: " + std::to_string(last) + "\r\n"));
    auto text = follower.receive(": follows");
    if (!std::exchange(emitted, true))
      api.node.emit_many(50'000, "db");
    text += follower.receive("id: 50002\ndata");
    if (text.find("\n\n", std::min(text.size(), text.rfind("id: "))) == std::string::npos)
      text += follower.receive("\n\n");
    last = last_in_order(text, last);
    REQUIRE(last >= 2);
  }
  CHECK(last == 50'002);
}

TEST_CASE("a server that stops ends its followers", "[api]") {
  api_fixture api;
  raw_connection follower{api.socket};
  follower.send(follow_request());
  follower.receive(": follows");
  auto before = monotonic_now();
  api.server.reset();
  follower.receive();
  CHECK(monotonic_now() - before < std::chrono::seconds{5});
  CHECK_FALSE(raw_connection{api.socket}.connected);
}
