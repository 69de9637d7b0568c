// OTLP's JSON, its queue and its answers. The shapes are those of the examples of opentelemetry-proto.
#include "core/errc.hpp"
#include "monitors/metrics/exposition.hpp"
#include "monitors/otlp/answer.hpp"
#include "monitors/otlp/encode.hpp"
#include "monitors/otlp/queue.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>
#include <rapidcheck.h>

#include <cmath>

using namespace duende;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

json value_of(const json& attributes, const std::string& key) {
  for (const auto& each : attributes)
    if (each["key"] == key)
      return each["value"];
  return {};
}

json request(otlp_signal which, const std::string& fragments) {
  const auto around = envelope_of(which, {"web-1", "0.1.0", "host", 42});
  return json::parse(around.before + fragments + around.after);
}

std::vector<json> metrics_of(const metrics_input& input) {
  std::vector<json> result;
  for_each_family(input, [&](const prometheus::MetricFamily& each) {
    encode(each, 1'000, 2'000, [&](const std::string& text, std::uint64_t) { result.push_back(json::parse(text)); });
  });
  return result;
}

const json& named(const std::vector<json>& all, const std::string& name) {
  for (const auto& each : all)
    if (each["name"] == name)
      return each;
  FAIL("no metric " << name);
  throw 0;
}

otlp_reply status(long code, std::string headers = {}, std::string body = {}) {
  return {code, {}, std::move(headers), std::move(body)};
}

} // namespace

TEST_CASE("a span is encoded as the specification's example", "[otlp]") {
  span x;
  x.context = *parse_trace("00-5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174-01", "rojo=1");
  x.parent = parse_traceparent("00-5b8efff798038103d269b633813fc60c-eee19b7ec3c1b173-01")->span_id;
  x.name = "I'm a server span";
  x.kind = span_kind::server;
  x.begin = 1544712660000000000;
  x.end = 1544712661000000000;
  x.attributes = {{"my.span.attr", "some value"}, {"number", std::int64_t{1} << 60}, {"flag", true}, {"ratio", 0.5}};
  const auto whole = request(otlp_signal::traces, encode(x) + "," + encode(x));
  const auto& scope = whole["resourceSpans"][0]["scopeSpans"][0];
  CHECK(scope["scope"]["name"] == "duende");
  REQUIRE(scope["spans"].size() == 2);
  const auto& got = scope["spans"][0];
  CHECK(got["traceId"] == "5b8efff798038103d269b633813fc60c");
  CHECK(got["spanId"] == "eee19b7ec3c1b174");
  CHECK(got["parentSpanId"] == "eee19b7ec3c1b173");
  CHECK(got["traceState"] == "rojo=1");
  CHECK(got["flags"] == 1);
  CHECK(got["name"] == "I'm a server span");
  CHECK(got["kind"] == 2);
  CHECK(got["startTimeUnixNano"] == "1544712660000000000"); // 64 bits are strings
  CHECK(got["endTimeUnixNano"] == "1544712661000000000");
  CHECK(value_of(got["attributes"], "my.span.attr") == json{{"stringValue", "some value"}});
  CHECK(value_of(got["attributes"], "number") == json{{"intValue", "1152921504606846976"}});
  CHECK(value_of(got["attributes"], "flag") == json{{"boolValue", true}});
  CHECK(value_of(got["attributes"], "ratio") == json{{"doubleValue", 0.5}});
  CHECK_FALSE(got.contains("status"));
  const auto& who = whole["resourceSpans"][0]["resource"]["attributes"];
  CHECK(value_of(who, "service.name") == json{{"stringValue", "duende"}});
  CHECK(value_of(who, "service.instance.id") == json{{"stringValue", "web-1"}});
  CHECK(value_of(who, "process.pid") == json{{"intValue", "42"}});
}

TEST_CASE("a span that failed, ended before it began, and follows another", "[otlp]") {
  span x;
  x.context = new_trace();
  x.link = std::make_shared<const trace_context>(new_trace());
  x.begin = 2'000;
  x.end = 1'000;
  x.failure = "killed \xff by SIGSEGV";
  const auto got = json::parse(encode(x));
  CHECK(got["endTimeUnixNano"] == "2000");
  CHECK(got["status"]["code"] == 2);
  CHECK(got["status"]["message"] == "killed \xef\xbf\xbd by SIGSEGV");
  CHECK(got["links"][0]["traceId"] == hex_text(x.link->trace_id));
  CHECK(got["links"][0]["spanId"] == hex_text(x.link->span_id));
  CHECK_FALSE(got.contains("parentSpanId"));
}

TEST_CASE("a line is encoded", "[otlp]") {
  const auto whole =
    request(otlp_signal::logs, encode(log_line{1544712660300000000, "\x1b[1mhi\x1b[0m \"x\"", "stderr", "db", {}}));
  const auto& got = whole["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
  CHECK(got["timeUnixNano"] == "1544712660300000000");
  CHECK(got["observedTimeUnixNano"] == "1544712660300000000");
  CHECK(got["body"]["stringValue"] == "\x1b[1mhi\x1b[0m \"x\"");
  CHECK(value_of(got["attributes"], "daemon")["stringValue"] == "db");
  CHECK(value_of(got["attributes"], "log.iostream")["stringValue"] == "stderr");
}

TEST_CASE("figures are encoded, the same that a scrape shows", "[otlp][F048]") {
  metrics_input input;
  input.node = "web-1";
  auto& db = input.daemons.emplace_back();
  db.status.name = "db";
  db.status.supervisor = "root";
  db.status.backend = "native";
  db.status.uptime_seconds = 12.5;
  auto counters = std::make_shared<daemon_counters>();
  counters->starts = 3;
  counters->start_seconds.observe(0.004);
  counters->start_seconds.observe(0.2);
  counters->start_seconds.observe(1000);
  db.status.counters = counters;
  const auto all = metrics_of(input);

  const auto& starts = named(all, "duende_daemon_starts_total");
  CHECK(starts["unit"] == "1");
  CHECK(starts["sum"]["aggregationTemporality"] == 2);
  CHECK(starts["sum"]["isMonotonic"] == true);
  const auto& point = starts["sum"]["dataPoints"][0];
  CHECK(point["asDouble"] == 3);
  CHECK(point["startTimeUnixNano"] == "1000");
  CHECK(point["timeUnixNano"] == "2000");
  CHECK(value_of(point["attributes"], "daemon")["stringValue"] == "db");
  CHECK(value_of(point["attributes"], "node")["stringValue"] == "web-1");

  const auto& uptime = named(all, "duende_daemon_uptime_seconds");
  CHECK(uptime["unit"] == "s");
  CHECK(uptime["gauge"]["dataPoints"][0]["asDouble"] == 12.5);
  CHECK_FALSE(uptime["gauge"].contains("aggregationTemporality"));

  const auto& start = named(all, "duende_daemon_start_seconds");
  const auto& histogram = start["histogram"]["dataPoints"][0];
  CHECK(start["histogram"]["aggregationTemporality"] == 2);
  CHECK(histogram["count"] == "3");
  CHECK(histogram["sum"] == Approx(1000.204));
  REQUIRE(histogram["explicitBounds"].size() == histogram_bounds.size());
  REQUIRE(histogram["bucketCounts"].size() == histogram_bounds.size() + 1);
  std::uint64_t total = 0;
  for (const auto& count : histogram["bucketCounts"])
    total += std::stoull(count.get<std::string>());
  CHECK(total == 3); // of each bucket alone, unlike Prometheus
  CHECK(histogram["bucketCounts"].back() == "1");

  const auto text = render_metrics(input); // no metric in one and not in the other
  for (const auto& each : all)
    CHECK_THAT(text, Contains("# TYPE " + each["name"].get<std::string>() + " "));
  std::size_t types = 0;
  for (auto at = text.find("# TYPE "); at != text.npos; at = text.find("# TYPE ", at + 1))
    ++types;
  CHECK(types == all.size());
}

TEST_CASE("figures that JSON has no numbers for, and many at once", "[otlp]") {
  prometheus::MetricFamily many;
  many.name = "x";
  many.type = prometheus::MetricType::Gauge;
  many.metric.resize(1000);
  many.metric[0].gauge.value = std::nan("");
  many.metric[1].gauge.value = INFINITY;
  std::uint64_t points = 0;
  std::vector<json> parts;
  encode(many, 0, 0, [&](const std::string& text, std::uint64_t count) {
    points += count;
    parts.push_back(json::parse(text));
    CHECK(parts.back()["gauge"]["dataPoints"].size() == count);
    CHECK(text.size() < 64 * 1024);
  });
  CHECK(points == 1000);
  CHECK(parts.size() > 1);
  CHECK(parts[0]["gauge"]["dataPoints"][0]["asDouble"] == "NaN");
  CHECK(parts[0]["gauge"]["dataPoints"][1]["asDouble"] == "Infinity");
}

TEST_CASE("what waits is bounded, the oldest goes, and is counted", "[otlp][F048]") {
  constexpr std::size_t limit = 64 * 1024;
  otlp_queue queue{limit};
  constexpr auto to = otlp_signal::logs;
  CHECK(queue.add(to, "0", 1) == otlp_queue::news::first);
  CHECK(queue.add(to, "1", 1) == otlp_queue::news::none);
  bool full = false;
  for (int i = 2; i < 100'000; ++i) {
    full = queue.add(to, std::to_string(i), 1) == otlp_queue::news::full || full;
    REQUIRE(queue.totals()[1].bytes <= limit);
  }
  CHECK(full);
  std::uint64_t items = 0, last = 0, first = 0;
  while (auto batch = queue.take(to)) {
    const auto all = json::parse("[" + batch->fragments + "]");
    CHECK(all.size() == batch->items);
    if (items == 0)
      first = all.front();
    items += batch->items;
    last = all.back();
    queue.sent(to, *batch);
  }
  const auto totals = queue.totals()[1];
  CHECK(last == 99'999); // the newest are there
  CHECK(first == 100'000 - items);
  CHECK(totals.sent == items);
  CHECK(totals.sent + totals.dropped == 100'000);
  CHECK(totals.bytes == 0);
  CHECK(queue.add(to, "x", 1) == otlp_queue::news::first); // told anew
  CHECK(queue.totals()[0].sent == 0);                      // each signal by itself
}

TEST_CASE("a queue under any order of calls loses nothing without counting it", "[otlp]") {
  CHECK(rc::check("adds, takes, failures", [](const std::vector<std::uint8_t>& steps) {
    otlp_queue queue{4096};
    std::uint64_t added = 0;
    std::optional<otlp_batch> taken;
    for (const auto step : steps) {
      if (step % 4 != 0) {
        queue.add(otlp_signal::traces, std::string(step * 4u + 1, 'x'), 1);
        ++added;
      } else if (!taken) {
        taken = queue.take(otlp_signal::traces);
      } else {
        if (step % 3 == 0)
          queue.sent(otlp_signal::traces, *taken);
        else if (step % 3 == 1)
          queue.refused(otlp_signal::traces, *taken);
        else
          queue.give_back(otlp_signal::traces, std::move(*taken));
        taken.reset();
      }
      RC_ASSERT(queue.totals()[2].bytes <= 4096u);
    }
    if (taken)
      queue.sent(otlp_signal::traces, *taken);
    while (auto batch = queue.take(otlp_signal::traces))
      queue.sent(otlp_signal::traces, *batch);
    const auto totals = queue.totals()[2];
    RC_ASSERT(totals.sent + totals.dropped == added);
    RC_ASSERT(totals.bytes == 0u);
  }));
}

TEST_CASE("an answer is judged by its status", "[otlp]") {
  using kind = otlp_answer::kind;
  for (auto [code, what] : std::vector<std::pair<long, kind>>{
         {200, kind::taken},
         {202, kind::taken},
         {301, kind::refused},
         {400, kind::refused},
         {401, kind::refused},
         {404, kind::refused},
         {413, kind::refused},
         {429, kind::again},
         {500, kind::refused},
         {501, kind::refused},
         {502, kind::again},
         {503, kind::again},
         {504, kind::again}}) {
    INFO(code);
    CHECK(judge(status(code), 0, 0, {}).what == what);
  }
  const auto broken = judge({0, "connection refused", {}, {}}, 0, 0, {});
  CHECK(broken.what == kind::again);
  CHECK(broken.why == "connection refused");
}

TEST_CASE("waits grow up to a minute, or are as the collector asks", "[otlp]") {
  CHECK(judge(status(503), 0, 0, {}).wait == 1s);
  CHECK(judge(status(503), 1, 0, {}).wait == 2s);
  CHECK(judge(status(503), 5, 0, {}).wait == 32s);
  CHECK(judge(status(503), 6, 0, {}).wait == 60s);
  CHECK(judge(status(503), 4'000'000'000, 0, {}).wait == 60s);
  CHECK(judge(status(503), 1, 0.5, {}).wait == 1500ms);
  CHECK(judge(status(503, "HTTP/1.1 503 x\r\nretry-after: 7\r\n\r\n"), 3, 0.9, {}).wait == 7s);
  CHECK(judge(status(429, "Retry-After: 999999999999\r\n"), 0, 0, {}).wait == 1h);
  CHECK(judge(status(503, "Retry-After: 0\r\n"), 0, 0, {}).wait == 100ms);
  CHECK(judge(status(503, "Retry-After: soon\r\n"), 0, 0, {}).wait == 1s);
  CHECK(judge(status(503, "Retry-After: -5\r\n"), 0, 0, {}).wait == 1s);
  const auto now = *parse_rfc3339("2026-01-31T12:00:00Z");
  CHECK(judge(status(503, "Retry-After: Sat, 31 Jan 2026 12:00:30 GMT\r\n"), 0, 0, now).wait == 30s);
  CHECK(judge(status(503, "Retry-After: Fri, 30 Jan 2026 12:00:30 GMT\r\n"), 0, 0, now).wait == 100ms);
}

TEST_CASE("a collector that is down for an hour is asked a few times and costs a bound", "[otlp][F048]") {
  otlp_queue queue{1 << 20};
  const std::string figures(50'000, 'x'); // each minute
  int asked = 0;
  std::uint32_t attempts = 0;
  instant now{}, next{}, collects{};
  for (const auto end = now + 1h; now < end; now = std::min(next, collects)) {
    if (now >= collects) {
      queue.add(otlp_signal::metrics, figures, 100);
      collects += 60s;
    }
    if (now >= next)
      if (auto batch = queue.take(otlp_signal::metrics)) {
        ++asked;
        next = now + judge({0, "connection refused", {}, {}}, attempts++, 0.3, {}).wait;
        queue.give_back(otlp_signal::metrics, std::move(*batch));
      }
    REQUIRE(queue.totals()[0].bytes <= 1u << 20);
  }
  CHECK(asked < 85);
  CHECK(queue.totals()[0].dropped == 100 * (60 - queue.totals()[0].bytes / 50'000)); // only what is past the bound
  CHECK(queue.totals()[0].bytes > 900'000);
}

TEST_CASE("a partial success counts what was rejected", "[otlp]") {
  auto answer =
    judge(status(200, {}, R"({"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}})"), 0, 0, {});
  CHECK(answer.what == otlp_answer::kind::taken);
  CHECK(answer.rejected == 3);
  CHECK(answer.why == "too old");
  CHECK(judge(status(200, {}, R"({"partialSuccess":{"rejectedDataPoints":2}})"), 0, 0, {}).rejected == 2);
  CHECK(judge(status(200, {}, R"({"partialSuccess":{}})"), 0, 0, {}).why.empty());
  for (const auto* body :
       {"", "{", "[]", "null", R"({"partialSuccess":7})", R"({"partialSuccess":{"rejectedSpans":-1}})"})
    CHECK(judge(status(200, {}, body), 0, 0, {}).rejected == 0);
}

TEST_CASE("headers for authentication are read from a file", "[otlp]") {
  auto lines = parse_header_lines("# comment\n\nAuthorization: Bearer abc:def\r\n  X-Scope :x\n");
  CHECK_FALSE(lines); // a blank before the colon
  lines = parse_header_lines("# comment\n\nAuthorization: Bearer abc:def\r\nX-Scope:  tenant 1 \nX-Empty:\n");
  REQUIRE(lines);
  CHECK(*lines == std::vector<std::string>{"Authorization: Bearer abc:def", "X-Scope: tenant 1", "X-Empty;"});
  for (const auto* text : {"secret", ": secret", "Na me: secret", "Name: sec\x01ret"}) {
    auto refused = parse_header_lines(std::string{"A: b\n"} + text);
    REQUIRE_FALSE(refused);
    CHECK_THAT(sentence(refused.error()), Contains("line 2") && !Contains("sec"));
  }
  CHECK_THAT(sentence(read_header_lines("/nowhere/x").error()), Contains("'/nowhere/x'"));
  CHECK_THAT(sentence(read_header_lines("/tmp").error()), Contains("regular file"));
  CHECK(read_header_lines("")->empty());
}
