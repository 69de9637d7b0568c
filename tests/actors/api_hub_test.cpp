// Many followers of events: one thread for all, a bounded memory, and nobody waits for one who does not read.
#include "actors/api/event_hub.hpp"
#include "tests/support/api_fixture.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/event_text.hpp"
#include "tests/support/waiting.hpp"

#include <cstdlib>

using namespace duende;
using namespace duende::test;
using namespace std::chrono_literals;

namespace {

std::string following(std::int64_t last) {
  return "GET /v1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nLast-Event-ID: " + std::to_string(last)
         + "\r\n\r\n";
}

std::size_t threads() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& task : std::filesystem::directory_iterator{"/proc/self/task"})
    ++count;
  return count;
}

} // namespace

TEST_CASE("two hundred followers share a thread, and each gets every event in order", "[api]") {
  api_fixture api;
  api.node.emit_many(10, "db"); // ids 3 to 12
  std::vector<std::unique_ptr<raw_connection>> all;
  std::vector<std::string> heard;
  for (int i = 0; i < 200; ++i) {
    all.push_back(std::make_unique<raw_connection>(api.socket));
    all.back()->send(following(i % 2 == 0 ? 12 : 5)); // some have to read what was first
    heard.push_back(all.back()->receive(": follows"));
  }
  CHECK(eventually([] { return threads() <= 20; }, 10s));
  for (int round = 0; round < 20; ++round)
    api.node.emit_many(5, "web");
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto text = heard[i] + all[i]->receive("id: 112\n");
    if (text.find("\n\n", text.find("id: 112\n")) == std::string::npos)
      text += all[i]->receive("\n\n");
    CHECK(last_in_order(text, i % 2 == 0 ? 12 : 5) == 112);
  }
}

TEST_CASE("a filtered follower gets what it asked for only", "[api]") {
  api_fixture api;
  raw_connection follower{api.socket};
  follower.send("GET /v1/events?daemon=web HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n");
  follower.receive(": follows");
  api.node.emit_many(1000, "db");
  api.node.emit_many(1, "web");
  auto text = follower.receive("\"daemon\":\"web\"");
  CHECK(text.find("id: 1003\ndata") != std::string::npos);
  CHECK(text.find("\"daemon\":\"db\"") == std::string::npos);
}

TEST_CASE("a follower that stops reading is dropped, resumes without a gap, and holds nobody up", "[api]") {
  api_fixture api;
  raw_connection lazy{api.socket}, keen{api.socket};
  for (auto* each : {&lazy, &keen}) {
    each->send(following(2));
    each->receive(": follows"); // nothing has happened after 2
  }
  constexpr std::int64_t many = 30'000;
  std::int64_t keen_last = 2;
  std::string rest;
  for (std::int64_t done = 0; done < many; done += 500) { // the keen one keeps up all the time
    api.node.emit_many(500, "db");
    auto mark = "id: " + std::to_string(2 + done + 500) + "\n";
    rest += keen.receive(mark);
    keen_last = last_in_order(rest, keen_last);
    REQUIRE(keen_last >= 2);
    rest.erase(0, rest.rfind("\n\n") + 1);
  }
  CHECK(keen_last >= 2 + many - 1);
  // What the lazy one still finds ends somewhere in the middle.
  std::int64_t last = last_in_order(lazy.receive(), 2);
  CHECK(last > 2);
  CHECK(last < 2 + many);
  for (int tries = 0; last < 2 + many && tries < 100; ++tries) {
    raw_connection again{api.socket};
    again.send(following(last));
    auto text = again.receive("id: " + std::to_string(2 + many) + "\n");
    if (auto at = text.find("id: " + std::to_string(2 + many) + "\n");
        at != std::string::npos && text.find("\n\n", at) == std::string::npos)
      text += again.receive("\n\n");
    last = last_in_order(text, last);
  }
  CHECK(last == 2 + many);
}

TEST_CASE("followers that come and go leave nothing behind", "[api]") {
  api_fixture api;
  auto descriptors = [] {
    return std::distance(std::filesystem::directory_iterator{"/proc/self/fd"}, std::filesystem::directory_iterator{});
  };
  auto before = descriptors();
  for (int i = 0; i < 500; ++i) {
    raw_connection visitor{api.socket};
    visitor.send(following(i % 3));
    if (i % 2 == 0)
      visitor.receive(": follows");
  }
  CHECK(eventually([&] { return descriptors() <= before + 2; }, 10s));
  CHECK(api.get("/healthz").status == 200);
}

TEST_CASE("a gap is told to every follower, whatever it asked for", "[api]") {
  api_fixture api;
  auto by_hub = GENERATE(true, false); // what is no longer remembered comes from the history itself
  const char* filter = GENERATE("daemon=web", "kind=exit");
  if (!by_hub)
    api.node.emit_many(10, "db");
  raw_connection other{api.socket}, follower{api.socket};
  other.send(following(by_hub ? 2 : 12));
  other.receive(": follows");
  follower.send(
    std::string{"GET /v1/events?"} + filter
    + " HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nLast-Event-ID: 2\r\n\r\n");
  auto text = follower.receive(": follows");
  api.node.emit_many(3, "db");
  api.node.emit_gap("event ids 5 to 9 are no longer kept");
  text += follower.receive("no longer kept");
  CHECK(text.find("no longer kept") != std::string::npos);
  CHECK(text.find("\"daemon\":\"db\"") == std::string::npos);
}
