// What a node exports over OTLP, as a collector sees it.
#include "tests/support/catch.hpp"
#include "tests/system/collector.hpp"

#include <csignal>

using namespace duende::test;

namespace {

options exporting_to(const collector& to, const std::string& more = {}) {
  options how;
  how.node_keys = "[node.otlp]\nendpoint = \"" + to.url() + "\"\n" + more;
  return how;
}

std::string one(const std::string& keys = {}) {
  return "[[daemon]]\nname = \"d\"\ncommand = \"@WORKER@ @DIR@/d gentle\"\n" + keys;
}

json newest_metric(const collector& from, const std::string& name) {
  json result;
  for (auto& each : from.metrics())
    if (each["name"] == name)
      result = each;
  return result;
}

double exported(const node& n, const std::string& metric, const std::string& signal) {
  const auto text = http(n.metrics_address(), "GET", "/metrics").body;
  const auto line = metric + "{node=\"test\",signal=\"" + signal + "\"} ";
  const auto at = text.find("\n" + line);
  return at == text.npos ? -1 : std::atof(text.c_str() + at + 1 + line.size());
}

} // namespace

TEST_CASE("a collector receives the metrics", "[otlp][F048]") {
  collector to;
  node n{one(), exporting_to(to, "interval = \"200ms\"\ntraces = false\n")};
  n.until_state("d", "running");
  n.until("the collector knows that it runs", [&] {
    auto up = newest_metric(to, "duende_daemon_up");
    return up.is_object() && up["gauge"]["dataPoints"][0]["asDouble"] == 1;
  });
  const auto up = newest_metric(to, "duende_daemon_up");
  CHECK(attribute(up["gauge"]["dataPoints"][0], "daemon") == "d");
  CHECK(attribute(up["gauge"]["dataPoints"][0], "node") == "test");
  n.until("memory is among them", [&] { return newest_metric(to, "duende_daemon_resident_memory_bytes").is_object(); });
  const auto request = to.requests().front();
  CHECK(request.path == "/v1/metrics");
  CHECK_THAT(request.head, Contains("Content-Type: application/json"));
  CHECK(request.head.starts_with("POST "));
  CHECK(attribute(request.body["resourceMetrics"][0]["resource"], "service.name") == "duende");
  CHECK(exported(n, "duende_otlp_sent_total", "metrics") > 10);
  CHECK(exported(n, "duende_otlp_dropped_total", "metrics") == 0);
  CHECK(to.spans().empty());
  CHECK(to.lines().empty());
}

TEST_CASE("a collector that is busy, gone and back gets what waited", "[otlp][F048]") {
  collector to;
  int busy = 2;
  to.answer_with(
    [&](const export_request&) { return busy-- > 0 ? "503 Service Unavailable\r\nRetry-After: 1" : "200 OK"; });
  node n{one(), exporting_to(to, "metrics = false\nlogs = false\n")};
  n.until_state("d", "running");
  n.until(
    "the start arrives at the third attempt", [&] { return to.spans("start d").size() == 1; }, 20);
  CHECK(to.requests().size() >= 3);
  CHECK(to.requests()[0].body == to.requests()[1].body);
  to.go_away();
  const auto before = n.pid_of("duended");
  for (int i = 0; i < 3; ++i)
    CHECK(n.cli({"restart", "d"}).status == 0); // as fast as ever
  n.until("it is told once", [&] {
    for (auto& event : n.events())
      if (event["text"].get<std::string>().find("it is tried again") != std::string::npos)
        return true;
    return false;
  });
  to.come_back();
  n.until(
    "all three arrive", [&] { return to.spans("start d").size() == 4 && to.spans("stop d").size() == 3; }, 40);
  CHECK(n.pid_of("duended") == before);
  CHECK(exported(n, "duende_otlp_dropped_total", "traces") == 0);
}

TEST_CASE("what a collector does not take is dropped and counted", "[otlp]") {
  collector to;
  to.answer_with([](const export_request&) { return "400 Bad Request"; });
  node n{one(), exporting_to(to, "metrics = false\n")};
  n.until_state("d", "running");
  n.until("it is counted", [&] { return exported(n, "duende_otlp_dropped_total", "traces") >= 2; });
  CHECK(exported(n, "duende_otlp_sent_total", "traces") == 0);
  CHECK(exported(n, "duende_otlp_queue_bytes", "traces") == 0);
}

TEST_CASE("past its bound a queue drops, and no daemon waits", "[otlp][F048]") {
  collector to;
  to.go_away();
  node n{
    "[[daemon]]\nname = \"d\"\ncommand = \"/bin/sh -c 'seq 1 20000; exec sleep 1000'\"\n",
    exporting_to(to, "metrics = false\ntraces = false\nlogs = true\nqueue = \"64KiB\"\n")};
  n.until("all lines are in the file", [&] {
    return read_file(n.path("state/logs/d/stdout.log")).find("20000\n") != std::string::npos;
  });
  n.until("most are dropped", [&] { return exported(n, "duende_otlp_dropped_total", "logs") > 19'000; });
  CHECK(exported(n, "duende_otlp_queue_bytes", "logs") <= 65536);
  to.come_back();
  n.until(
    "the last ones arrive",
    [&] {
      auto all = to.lines();
      return !all.empty() && all.back()["body"]["stringValue"] == "20000";
    },
    90);
  const auto all = to.lines();
  CHECK(attribute(all.back(), "daemon") == "d");
  CHECK(attribute(all.back(), "log.iostream") == "stdout");
  const double dropped = exported(n, "duende_otlp_dropped_total", "logs");
  CHECK(dropped + static_cast<double>(all.size()) == 20'000);
}

TEST_CASE("headers come from a file, and are nowhere else", "[otlp]") {
  collector to;
  scratch dir;
  write_file(dir.path("headers"), "Authorization: Bearer very-secret\n");
  node n{one(), exporting_to(to, "interval = \"200ms\"\nheaders_file = \"" + dir.path("headers") + "\"\n")};
  n.until("a request came", [&] { return !to.requests().empty(); });
  CHECK_THAT(to.requests().front().head, Contains("Authorization: Bearer very-secret"));
  write_file(dir.path("headers"), "Authorization: Bearer renewed\n");
  n.until("the new one is used", [&] { return to.requests().back().head.find("Bearer renewed") != std::string::npos; });
  CHECK(pids_with("very-secret").empty());
  CHECK(n.log().find("secret") == std::string::npos);
  for (auto& event : n.events())
    CHECK(event["text"].get<std::string>().find("secret") == std::string::npos);
}

TEST_CASE("one trace spans a request, a daemon and what that starts in turn", "[otlp][F049][F050]") {
  collector to;
  node n{
    "[[daemon]]\nname = \"a\"\nautostart = false\nrestart = { policy = \"never\" }\n"
    "command = \"/bin/sh -c 'echo $TRACEPARENT > @DIR@/a.trace; "
      + program("duende")
      + " --socket @DIR@/run/api.sock start b; exec sleep 1000'\"\n"
        "hooks = { post_start = [\"/bin/sh -c 'echo $TRACEPARENT > @DIR@/hook.trace'\"] }\n"
        "[[daemon]]\nname = \"b\"\nautostart = false\n"
        "command = \"/bin/sh -c 'echo $TRACEPARENT $TRACESTATE > @DIR@/b.trace; exec sleep 1000'\"\n",
    exporting_to(to, "metrics = false\n")};
  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const auto started = http_raw(
    n.socket(), "POST /v1/daemons/a/start HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nTraceparent: 00-" + trace
                  + "-00f067aa0ba902b7-01\r\nTracestate: rojo=1\r\n\r\n");
  CHECK(started.status == 200);
  n.until_state("b", "running");
  n.until("their spans came", [&] {
    return !to.spans("start b").empty() && to.spans("POST /v1/daemons/{name}/start").size() == 2;
  });
  auto requests = to.spans("POST /v1/daemons/{name}/start");
  const auto start_a = to.spans("start a").at(0), start_b = to.spans("start b").at(0);
  const auto& first = attribute(requests[0], "url.path") == "/v1/daemons/a/start" ? requests[0] : requests[1];
  const auto& second = attribute(requests[0], "url.path") == "/v1/daemons/a/start" ? requests[1] : requests[0];
  for (const auto& each : {first, start_a, second, start_b})
    CHECK(each["traceId"] == trace);
  CHECK(first["parentSpanId"] == "00f067aa0ba902b7");
  CHECK(first["kind"] == 2);
  CHECK(attribute(first, "http.response.status_code") == "200");
  CHECK(start_a["parentSpanId"] == first["spanId"]);
  CHECK(second["parentSpanId"] == start_a["spanId"]); // the daemon passed on what it was told
  CHECK(start_b["parentSpanId"] == second["spanId"]);
  CHECK(start_b["traceState"] == "rojo=1");
  const auto of = [](const json& span) {
    return "00-" + span["traceId"].get<std::string>() + "-" + span["spanId"].get<std::string>() + "-01";
  };
  CHECK(lines_of(read_file(n.path("a.trace"))).at(0) == of(start_a));
  CHECK(lines_of(read_file(n.path("b.trace"))).at(0) == of(start_b) + " rojo=1");
  n.until("the hook ran", [&] { return !read_file(n.path("hook.trace")).empty(); });
  CHECK(lines_of(read_file(n.path("hook.trace"))).at(0) == of(start_a));
}

TEST_CASE("life of a daemon as spans", "[otlp]") {
  collector to;
  node n{one("restart = { policy = \"always\", next_delay = \"0s\" }\n"), exporting_to(to, "metrics = false\n")};
  n.until_state("d", "running");
  n.until("its start came", [&] { return to.spans("start d").size() == 1; });
  const auto whole = to.spans("start node").at(0);
  const auto first = to.spans("start d").at(0);
  CHECK(first["traceId"] == whole["traceId"]); // all first starts are part of the node's
  CHECK(first["parentSpanId"] == whole["spanId"]);
  CHECK(attribute(first, "daemon") == "d");
  CHECK(attribute(first, "process.pid") == std::to_string(n.pid_of_daemon("d")));
  kill(n.pid_of_daemon("d"), SIGKILL);
  n.until("its restart came", [&] { return to.spans("restart d").size() == 1 && to.spans("start d").size() == 2; });
  const auto restart = to.spans("restart d").at(0), second = to.spans("start d").at(1);
  CHECK(restart["traceId"] != first["traceId"]); // a trace of its own, with a link
  CHECK(restart["links"][0]["spanId"] == first["spanId"]);
  CHECK(attribute(restart, "last_exit") == "killed by SIGKILL");
  CHECK(second["parentSpanId"] == restart["spanId"]);
  CHECK(n.cli({"stop", "d"}).status == 0);
  n.until("its stop came", [&] { return to.spans("stop d").size() == 1; });
  const auto stop = to.spans("stop d").at(0);
  CHECK(stop["parentSpanId"] == to.spans("POST /v1/daemons/{name}/stop").at(0)["spanId"]);
  CHECK(n.cli({"start", "d"}).status == 0);
  CHECK(n.terminate() == 0); // the last ones are sent before the end
  CHECK(to.spans("stop d").size() == 2);
}

TEST_CASE("a start that fails is a span that failed", "[otlp]") {
  collector to;
  node n{
    "[[daemon]]\nname = \"d\"\nautostart = false\nbinary_path = \"/nowhere/x\"\nrestart = { policy = \"never\" }\n",
    exporting_to(to, "metrics = false\n")};
  CHECK(n.cli({"start", "d"}).status == 1);
  n.until("its span came", [&] { return !to.spans("start d").empty(); });
  const auto start = to.spans("start d").at(0);
  CHECK(start["status"]["code"] == 2);
  CHECK_THAT(start["status"]["message"].get<std::string>(), Contains("/nowhere/x"));
}

TEST_CASE("without a collector traces are passed on, and nobody is told of others", "[otlp][F050]") {
  node n{"[[daemon]]\nname = \"d\"\nautostart = false\ninherit_env = true\n"
         "command = \"/bin/sh -c 'echo \\\"x$TRACEPARENT\\\" >> @DIR@/trace; exec sleep 1000'\"\n"};
  CHECK(n.cli({"start", "d"}).status == 0);
  CHECK(n.cli({"stop", "d"}).status == 0);
  const std::string parent =
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"; // not sampled: that is passed on, too
  CHECK(run({n.duende(), "--socket", n.socket(), "start", "d"}, {{"TRACEPARENT", parent}}).status == 0);
  CHECK(n.cli({"restart", "d"}).status == 0);
  CHECK(run({n.duende(), "--socket", n.socket(), "restart", "d"}, {{"TRACEPARENT", "00-zz-01"}}).status == 0);
  n.until("it has run four times", [&] { return lines_of(read_file(n.path("trace"))).size() == 4; });
  const auto traces = lines_of(read_file(n.path("trace")));
  CHECK(traces[0] == "x");
  CHECK(traces[1].starts_with("x" + parent.substr(0, 36)));
  CHECK(traces[1].ends_with("-00"));
  CHECK(traces[1] != "x" + parent); // an operation of its own
  CHECK(traces[2] == "x");
  CHECK(traces[3] == "x");
}
