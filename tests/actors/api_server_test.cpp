#include "actors/api/http.hpp"
#include "actors/api/listener.hpp"
#include "actors/api/node_lock.hpp"
#include "tests/support/api_fixture.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

#include <random>

#include <arpa/inet.h>

#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

using namespace duende;
using namespace duende::test;
using nlohmann::json;

namespace {

/// A client on TCP.
raw_response over_tcp(std::uint16_t port, std::string_view text) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::send(fd, text.data(), text.size(), MSG_NOSIGNAL) > 0);
  std::string all;
  char bytes[4096];
  for (ssize_t n; (n = read(fd, bytes, sizeof bytes)) > 0;)
    all.append(bytes, static_cast<std::size_t>(n));
  close(fd);
  return parse_response(all);
}

} // namespace

TEST_CASE("daemons are listed, shown and acted upon", "[api]") {
  api_fixture api;
  auto all = json::parse(api.get("/v1/daemons").body);
  REQUIRE(all.size() == 2);
  for (const char* key :
       {"name", "id", "state", "pid", "backend", "supervisor", "node", "ready", "health", "restarts", "incarnation",
        "started_at", "uptime_seconds", "cpu_percent", "memory_bytes", "last_exit"})
    CHECK(all[0].contains(key));
  CHECK(all[0]["last_exit"].is_null());
  CHECK(all[0]["memory_bytes"].is_number());
  CHECK(api.get("/v1/daemons/nosuch").status == 404);
  CHECK(api.post("/v1/daemons/db/start").status == 409);
  auto stopped = api.post("/v1/daemons/db/stop");
  CHECK(stopped.status == 200);
  auto db = json::parse(stopped.body);
  CHECK(db["state"] == "stopped");
  CHECK(db["pid"].is_null());
  CHECK(db["last_exit"]["cause"] == "signal");
  CHECK(api.post("/v1/daemons/db/stop").status == 200);
  CHECK(api.post("/v1/daemons/db/start?wait=false").status == 202);
  CHECK(api.post("/v1/daemons/db/signal", R"({"signal":"USR1"})").status == 204);
  CHECK(api.post("/v1/daemons/db/signal", R"({"signal":"NOPE"})").status == 422);
  CHECK(api.post("/v1/daemons/db/signal", R"({"signal")").status == 400);
  CHECK(ask(api.socket, "DELETE", "/v1/daemons/db").status == 204);
  CHECK(ask(api.socket, "DELETE", "/v1/daemons/db").status == 404);
}

TEST_CASE("too many commands for one daemon are asked to come again", "[api]") {
  api_fixture api;
  api.node.crowded_name = "db";
  auto refused = api.post("/v1/daemons/db/restart");
  CHECK(refused.status == 503);
  CHECK(refused.head.find("Retry-After: ") != std::string::npos);
  CHECK(refused.body.find("64 commands waiting") != std::string::npos);
}

TEST_CASE("the unix socket is for the node's user and root, whatever its mode", "[api]") {
  if (geteuid() != 0) {
    WARN("needs root to become somebody else");
    return;
  }
  api_fixture api;
  for (const auto& path : {api.dir, api.dir + "/run", api.socket})
    REQUIRE(chmod(path.c_str(), 0777) == 0);
  int answer[2];
  REQUIRE(pipe(answer) == 0);
  auto stranger = fork();
  if (stranger == 0) { // nothing that another thread may have locked is touched here
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    api.socket.copy(address.sun_path, sizeof address.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    constexpr std::string_view request = "GET /v1/node HTTP/1.1\r\nHost: x\r\n\r\n";
    char bytes[4096];
    bool asked =
      setresuid(65534, 65534, 65534) == 0 && connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    (void)!::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    auto n = asked ? read(fd, bytes, sizeof bytes) : 0;
    (void)!write(answer[1], bytes, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    _exit(0);
  }
  close(answer[1]);
  char bytes[4096];
  auto n = read(answer[0], bytes, sizeof bytes);
  close(answer[0]);
  waitpid(stranger, nullptr, 0);
  auto told = parse_response({bytes, static_cast<std::size_t>(std::max<ssize_t>(n, 0))});
  CHECK(told.status == 403);
  CHECK(told.body.find("for the user of the node and root") != std::string::npos);
  CHECK(api.get("/v1/node").status == 200);
}

TEST_CASE("a problem says what, and configuration errors come one by one", "[api]") {
  api_fixture api;
  auto refused =
    api.post("/v1/daemons", R"({"name":"x","binary_path":"/bin/true","colour":"red","ready":{"type":"maybe"}})");
  CHECK(refused.status == 422);
  CHECK(refused.head.find("application/problem+json") != std::string::npos);
  auto problem = json::parse(refused.body);
  CHECK(problem["status"] == 422);
  CHECK(problem["errors"].size() >= 2);
  for (const char* member : {"type", "title", "detail"})
    CHECK(problem[member].is_string());
  CHECK(api.post("/v1/daemons", "{").status == 400);
  CHECK(api.post("/v1/apply", "[[daemon]]\nname=1").status == 422);
  auto unreadable = api.post("/v1/apply", "[[daemon]\nname = ");
  CHECK(unreadable.status == 400);
  CHECK_FALSE(nlohmann::json::parse(unreadable.body)["errors"].empty());
  CHECK(api.post("/v1/daemons/db/stop?timeout=x").status == 400);
  auto added = api.post("/v1/daemons", R"({"name":"x","binary_path":"/bin/true"})");
  CHECK(added.status == 201);
  CHECK(added.head.find("Location: /v1/daemons/x") != std::string::npos);
  CHECK(api.post("/v1/daemons", R"({"name":"x","binary_path":"/bin/true"})").status == 409);
}

TEST_CASE("limits are changed by an object of keys", "[api]") {
  api_fixture api;
  CHECK(ask(api.socket, "PATCH", "/v1/daemons/db/resources", R"({"pids_max":5})").status == 200);
  CHECK(ask(api.socket, "PATCH", "/v1/daemons/db/resources", "{").status == 400);
  CHECK(ask(api.socket, "PATCH", "/v1/daemons/db/resources", "[]").status == 422);
  CHECK(ask(api.socket, "PATCH", "/v1/daemons/nobody/resources", "{}").status == 404);
}

TEST_CASE("what later versions serve is known today", "[api]") {
  api_fixture api;
  for (const auto& [method, target] :
       std::vector<std::pair<const char*, const char*>>{{"GET", "/v1/nodes"}, {"POST", "/v1/nodes/a/drain"}}) {
    auto answer = ask(api.socket, method, target);
    CHECK(answer.status == 501);
    CHECK(answer.body.find("not supported by this version") != std::string::npos);
  }
  auto wrong = ask(api.socket, "PUT", "/v1/daemons");
  CHECK(wrong.status == 405);
  CHECK(wrong.head.find("Allow: GET, HEAD, POST") != std::string::npos);
  CHECK(ask(api.socket, "HEAD", "/v1/daemons").body.empty());
  CHECK(api.get("/v1/").status == 404);
  CHECK(api.get("/nothing").status == 404);
}

TEST_CASE("odd names survive the way through a path", "[api]") {
  api_fixture api;
  for (std::string name : {"a b", "ü", "a%b", "..", "a?b#c"}) {
    REQUIRE(api.node.add({.name = name, .binary_path = "/bin/true"}));
    auto shown = api.get("/v1/daemons/" + api::percent_encode(name));
    CHECK(shown.status == 200);
    CHECK(json::parse(shown.body)["name"] == name);
  }
}

TEST_CASE("broken, oversized and slow requests are refused and hold nobody up", "[api]") {
  api_fixture api;
  CHECK(exchange_raw(api.socket, "\x16\x03\x01\x02garbage\r\n\r\n").status == 400);
  CHECK(exchange_raw(api.socket, std::string(20'000, 'x')).status == 431);
  CHECK(
    exchange_raw(api.socket, "POST /v1/apply HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\nabc").status == 413);
  CHECK(api.post("/v1/apply", std::string(4 * 1024 * 1024 + 1, '#')).status == 413);
  CHECK(api.post("/v1/apply?dry_run=1", std::string(4 * 1024 * 1024 - 10, '#')).status < 500);
  raw_connection silent{api.socket}, dripping{api.socket};
  dripping.send("GET /v1/no");
  CHECK(api.get("/v1/node").status == 200);
  auto before = monotonic_now();
  for (int i = 0; i < 100 && dripping.send("d"); ++i) {
    pollfd pause{-1, 0, 0};
    poll(&pause, 1, 200); // a drip; the server's clock, not ours, ends it
  }
  CHECK(parse_response(silent.receive()).status == 408);
  CHECK(monotonic_now() - before < std::chrono::seconds{25});
}

TEST_CASE("a hundred waiting requests leave room, and beyond the limit one is told so", "[api]") {
  api_fixture api{{.max_connections = 32}};
  api.node.slow_name = "db";
  std::vector<std::unique_ptr<raw_connection>> waiting;
  for (int i = 0; i < 32; ++i) {
    waiting.push_back(std::make_unique<raw_connection>(api.socket));
    waiting.back()->send("POST /v1/daemons/db/restart?timeout=20s HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  int status = 0;
  for (int i = 0; i < 100 && status != 503; ++i)
    status = api.get("/healthz").status;
  CHECK(status == 503);
  waiting.resize(1);
  api.node.shutdown();
  CHECK(parse_response(waiting[0]->receive()).status == 504);
  for (int i = 0; i < 1000 && status != 200; ++i)
    status = api.get("/healthz").status;
  CHECK(status == 200);
}

TEST_CASE("random requests never make the server fail", "[api]") {
  api_fixture api;
  std::mt19937 random{42};
  const std::vector<std::string> methods = {"GET", "POST", "DELETE", "PATCH", "PUT", "HEAD", "OPTIONS", "BREW"};
  const std::vector<std::string> parts = {"v1",     "daemons", "db",      "web",     "start", "stop", "logs",
                                          "events", "tree",    "apply",   "signal",  "node",  "",     "%20",
                                          "nodes",  "a%2Fb",   "metrics", "healthz", "drain"};
  const std::vector<std::string> queries = {"",           "?tail=5",   "?tail=x",     "?timeout=1s", "?timeout=-1",
                                            "?since=now", "?since=5m", "?wait=maybe", "?limit=0",    "?limit=1e9",
                                            "?dry_run=1", "?after=-1", "?=&&=",       "?a"};
  const std::vector<std::string> bodies = {
    "",
    "{}",
    "[]",
    "null",
    "{\"signal\":9}",
    "{\"signal\":[]}",
    "{\"name\":\"q\"}",
    "[[daemon]]",
    std::string(100, '['),
    "\xff\xfe",
    "{\"daemon\":[{}]}"};
  auto pick = [&](const auto& from) { return from[random() % from.size()]; };
  for (int i = 0; i < 1500; ++i) {
    std::string target;
    for (auto depth = random() % 5; depth > 0; --depth)
      target += "/" + pick(parts);
    if (target.starts_with("/v1/node") && target.ends_with("/stop"))
      continue;
    target = (target.empty() ? "/" : target) + pick(queries);
    auto method = pick(methods), body = pick(bodies);
    auto answer = ask(api.socket, method, target, body);
    INFO(method << " " << target << " " << body << " -> " << answer.status);
    bool fine = answer.status >= 200 && (answer.status < 500 || answer.status == 501 || answer.status == 504);
    REQUIRE(fine);
    if (answer.head.find("json\r\n") != std::string::npos && method != "HEAD" && !answer.body.empty())
      REQUIRE(json::accept(answer.body));
  }
  CHECK(api.get("/healthz").status == 200);
}

TEST_CASE("the TCP listener stays on loopback and turns foreign pages away", "[api]") {
  fake_control node;
  CHECK_FALSE(api_server::start(node, {.tcp_address = "0.0.0.0:0"}));
  api_fixture api{{.tcp_address = "127.0.0.1:0", .metrics_address = "127.0.0.1:0"}};
  auto port = api.server->tcp_port();
  CHECK(over_tcp(port, "GET /v1/node HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 200);
  CHECK(over_tcp(port, "GET /v1/node HTTP/1.1\r\nHost: evil.example\r\n\r\n").status == 403);
  CHECK(
    over_tcp(port, "POST /v1/node/stop HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n").status
    == 403);
  auto metrics = api.server->metrics_port();
  CHECK(over_tcp(metrics, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 200);
  CHECK(over_tcp(metrics, "GET /v1/daemons HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 404);
}

TEST_CASE("a dead node's socket is replaced, a living one's and a file are not", "[api]") {
  api_fixture api;
  struct stat info {};
  REQUIRE(stat(api.socket.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  REQUIRE(stat((api.dir + "/run").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0700);
  auto second = api::listen_unix(api.socket);
  REQUIRE_FALSE(second);
  CHECK(code_of(second.error()) == errc::already_exists);

  auto stale = api.dir + "/stale.sock";
  auto first = api::listen_unix(stale);
  REQUIRE(first);
  close(*first);
  auto again = api::listen_unix(stale);
  REQUIRE(again);
  close(*again);

  auto file = api.dir + "/file";
  fclose(fopen(file.c_str(), "w"));
  CHECK_FALSE(api::listen_unix(file));
  auto too_long = api::listen_unix(api.dir + "/" + std::string(120, 'x'));
  REQUIRE_FALSE(too_long);
  CHECK(sentence(too_long.error()).find("at most 107") != std::string::npos);
}

TEST_CASE("one node per name: the lock names its holder and dies with it", "[api]") {
  api_fixture api;
  auto socket = api.dir + "/lock/api.sock";
  CHECK(node_lock::holder(socket) == 0);
  {
    auto lock = node_lock::acquire("web-1", socket);
    REQUIRE(lock);
    CHECK(node_lock::holder(socket) == getpid());
    auto second = node_lock::acquire("web-1", socket);
    REQUIRE_FALSE(second);
    CHECK(
      sentence(second.error()) == fmt::format("a node named 'web-1' already runs (pid {}) on {}", getpid(), socket));
  }
  CHECK(node_lock::holder(socket) == 0);
  CHECK(node_lock::acquire("web-1", socket));
}
