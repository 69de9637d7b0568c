#include "actors/api/log_follower.hpp"
#include "actors/api/log_merge.hpp"
#include "tests/support/api_fixture.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

#include <fstream>

using namespace duende;
using namespace duende::test;
using nlohmann::json;

namespace {

void append(const std::string& path, std::string_view text) {
  std::filesystem::create_directories(std::filesystem::path{path}.parent_path());
  std::ofstream{path, std::ios::app} << text;
}

std::string read_all(api::log_reader& reader, std::size_t limit = 1000) {
  std::string all;
  while (reader.next(all, limit)) {
  }
  return all;
}

} // namespace

TEST_CASE("a reader goes through rotations without loss or repetition", "[api][F018]") {
  api_fixture api;
  auto dir = api.dir + "/logs/db", path = dir + "/stdout.log";
  api::log_reader reader{dir, log_stream::out};
  std::string all;
  CHECK_FALSE(reader.next(all, 100));
  append(path, "1\n2\n3");
  CHECK(read_all(reader) == "1\n2\n");
  append(path, "\n4\n");
  std::filesystem::rename(path, path + ".1");
  CHECK(read_all(reader) == "3\n4\n");
  append(path, "5\n");
  std::filesystem::rename(path + ".1", path + ".2");
  std::filesystem::rename(path, path + ".1");
  append(path, "6\n");
  CHECK(read_all(reader) == "5\n6\n");
  CHECK_FALSE(reader.take_lost());
  for (int i = 0; i < 3; ++i) { // everything it knew goes away
    std::filesystem::rename(path, path + ".1");
    append(path, "7\n");
  }
  std::filesystem::remove(path + ".2");
  CHECK(read_all(reader).find("7\n") != std::string::npos);
  CHECK(reader.take_lost());
}

TEST_CASE("the last N lines are found across files", "[api]") {
  api_fixture api;
  auto dir = api.dir + "/logs/db", path = dir + "/stdout.log";
  append(path + ".2", "1\n2\n");
  append(path + ".1", "3\n");
  append(path, "4\n5\npart");
  const std::vector<std::pair<std::size_t, std::string>> rows = {
    {0, ""},
    {1, "5\n"},
    {2, "4\n5\n"},
    {3, "3\n4\n5\n"},
    {4, "2\n3\n4\n5\n"},
    {5, "1\n2\n3\n4\n5\n"},
    {99, "1\n2\n3\n4\n5\n"}};
  for (const auto& [count, text] : rows) {
    api::log_reader reader{dir, log_stream::out};
    reader.seek_tail(count);
    INFO(count);
    CHECK(read_all(reader) == text);
  }
}

TEST_CASE("a line longer than a read comes whole or in pieces, never lost", "[api]") {
  api_fixture api;
  std::string line(5000, 'x');
  append(api.dir + "/logs/db/stdout.log", "a\n" + line + "\nb\n");
  api::log_reader reader{api.dir + "/logs/db", log_stream::out};
  auto all = read_all(reader);
  std::erase(all, '\n');
  CHECK(all == "a" + line + "b");
}

TEST_CASE("logs are served as text and as JSON lines, both streams in order", "[api]") {
  api_fixture api;
  auto dir = api.dir + "/logs/db";
  for (int i = 1; i <= 3; ++i) {
    append(dir + "/stdout.log", fmt::format("2026-01-31T12:00:0{}.000Z out {}\n", i, i));
    append(dir + "/stderr.log", fmt::format("2026-01-31T12:00:0{}.500Z err {}\n", i, i));
  }
  auto text = ask(api.socket, "GET", "/v1/daemons/db/logs?tail=3");
  auto place = [&](const char* what) { return text.body.find(what); };
  CHECK(place("err 2") < place("out 3"));
  CHECK(place("out 3") < place("err 3"));
  CHECK(place("out 2") == std::string::npos);
  auto lines = api.get("/v1/daemons/db/logs?tail=1", "Accept: application/x-ndjson\r\n");
  auto object = json::parse(lines.body.substr(lines.body.find('{'), lines.body.find('}') - lines.body.find('{') + 1));
  CHECK(object == json{{"daemon", "db"}, {"stream", "stderr"}, {"at", "2026-01-31T12:00:03.500Z"}, {"text", "err 3"}});
  auto since = api.get("/v1/daemons/db/logs?since=2026-01-31T12:00:03Z");
  CHECK(since.body.find("out 3") != std::string::npos);
  CHECK(since.body.find("err 2") == std::string::npos);
  CHECK(api.get("/v1/daemons/db/logs?tail=-1").status == 400);
  CHECK(api.get("/v1/daemons/nosuch/logs").status == 404);
  CHECK(api.get("/v1/daemons/web/logs").status == 200); // nothing written yet
}

TEST_CASE("one connection follows all daemons, also those that come later", "[api]") {
  api_fixture api;
  append(api.dir + "/logs/db/stdout.log", "2026-01-31T12:00:00.000Z old\n");
  raw_connection follower{api.socket};
  follower.send("GET /v1/logs?follow=1&tail=1 HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(follower.receive("old").find("db | ") != std::string::npos);
  append(api.dir + "/logs/web/stderr.log", "2026-01-31T12:00:01.000Z first of web\n");
  CHECK(follower.receive("first of web").find("web | ") != std::string::npos);
  REQUIRE(api.node.add({.name = "late", .binary_path = "/bin/true"}));
  append(api.dir + "/logs/late/stdout.log", "2026-01-31T12:00:01.000Z first of late\n");
  CHECK(follower.receive("first of late").find("late | ") != std::string::npos);
}

TEST_CASE("a follower waits for folders that do not exist yet", "[api]") {
  api_fixture api;
  api::log_follower follower;
  follower.add({"a", api.dir + "/deep/down/a", false}, 0);
  follower.add({"b", api.dir + "/deep/down/b", false}, 0);
  std::string seen;
  auto pump = [&](std::string_view until) {
    for (int i = 0; i < 100 && seen.find(until) == std::string::npos; ++i) {
      pollfd waiting{follower.fd(), POLLIN, 0};
      if (!follower.pending())
        poll(&waiting, 1, 1000);
      follower.pump([&](const api::log_lines& lines) {
        seen += lines.source.daemon + ":" + std::string{lines.text};
        return true;
      });
    }
    return seen.find(until) != std::string::npos;
  };
  append(api.dir + "/deep/down/a/stdout.log", "1\n");
  CHECK(pump("a:1\n"));
  append(api.dir + "/deep/down/b/stderr.log", "2\n");
  CHECK(pump("b:2\n"));
  append(api.dir + "/deep/down/a/stdout.log", "3\n");
  CHECK(pump("a:3\n"));
}

TEST_CASE("the last words without a newline are shown, and a follower waits for the rest of the line", "[api]") {
  api_fixture api;
  auto path = api.dir + "/logs/db/stdout.log";
  append(path, "2026-01-31T12:00:00.000Z one\n2026-01-31T12:00:01.000Z last words");
  auto has = [&](const char* target, const char* text) { return api.get(target).body.find(text) != std::string::npos; };
  CHECK(has("/v1/daemons/db/logs", "Z one\n2026-01-31T12:00:01.000Z last words\n"));
  CHECK(has("/v1/daemons/db/logs?tail=1", "Z last words\n"));
  CHECK_FALSE(has("/v1/daemons/db/logs?tail=1", "one"));
  raw_connection follower{api.socket};
  follower.send("GET /v1/daemons/db/logs?follow=1&tail=5 HTTP/1.1\r\nHost: x\r\n\r\n");
  auto text = follower.receive("one\n");
  append(path, " and more\n");
  text += follower.receive("more\n");
  CHECK(text.find("Z last words and more\n") != std::string::npos);
}

TEST_CASE("a follower is told where lines were rotated away unread", "[api]") {
  auto as_json = GENERATE(false, true);
  api_fixture api;
  auto path = api.dir + "/logs/db/stdout.log";
  append(path, "2026-01-31T12:00:00.000Z begin\n");
  raw_connection follower{api.socket};
  follower.send(
    std::string{"GET /v1/daemons/db/logs?follow=1&tail=1 HTTP/1.1\r\nHost: x\r\n"}
    + (as_json ? "Accept: application/x-ndjson\r\n\r\n" : "\r\n"));
  follower.receive("begin");
  std::string many;
  while (many.size() < 4 << 20)
    many += "2026-01-31T12:00:00.000Z " + std::string(200, 'x') + "\n";
  append(path, many); // more than a peer that does not read can be sent
  CHECK(follower.receive("xxx").find("xxx") != std::string::npos);
  std::filesystem::remove(path);
  append(path, "2026-01-31T12:00:02.000Z after\n");
  auto text = follower.receive(as_json ? "\"after\"" : "Z after");
  CHECK(text.find("lines are missing here") != std::string::npos);
  CHECK((text.find("\"lost\":true") != std::string::npos) == as_json);
}

TEST_CASE("who can't be served as a follower is told so by the status", "[api]") {
  api_fixture api;
  api.node.refuses_followers = true;
  for (const char* target : {"/v1/logs?follow=1", "/v1/events"}) {
    auto refused = api.get(target, "Accept: text/event-stream\r\n");
    INFO(target);
    CHECK(refused.status == 503);
    CHECK(refused.head.find("Retry-After: ") != std::string::npos);
    CHECK(refused.body.find("cannot follow") != std::string::npos);
  }
  CHECK(api.get("/v1/logs").status == 200);
}
