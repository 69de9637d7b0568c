// How `duende top` looks and understands keys: values in, lines out.
#include "apps/duende/top_layout.hpp"
#include "apps/duende/top_screen.hpp"
#include "apps/duende/top_text.hpp"
#include "tests/support/catch.hpp"

#include <rapidcheck.h>

#include <chrono>

using namespace duende;
using namespace duende::cli;
using namespace std::chrono_literals;

namespace {

json daemon_json(const std::string& name, const std::string& state, double seconds) {
  bool alive = state == "running";
  json result = {
    {"name", name},
    {"state", state},
    {"pid", alive ? json(4711) : json()},
    {"ready", alive},
    {"health", "unknown"},
    {"restarts", 2},
    {"uptime_seconds", alive ? 3725.0 : 0.0},
    {"cpu_percent", alive ? json(1.5) : json()},
    {"cpu_seconds", alive ? json(seconds) : json()},
    {"memory_bytes", alive ? json(12345678) : json()},
    {"last_exit", state == "failed" ? json{{"text", "killed by SIGSEGV (core dumped)"}} : json()},
    {"status_text", ""},
    {"description", ""},
  };
  return result;
}

json tree_json() {
  auto child = [](const char* kind, const char* name) { return json{{"kind", kind}, {"name", name}}; };
  auto supervisor = [](const char* name, json children) {
    return json{{"name", name},       {"strategy", "one_for_one"},
                {"state", "running"}, {"intensity", {{"restarts", 5}, {"window_seconds", 30.0}}},
                {"restarts", 1},      {"children", std::move(children)}};
  };
  return {
    {"node", "n"},
    {"supervisors",
     {supervisor("root", {child("supervisor", "shop"), child("daemon", "lonely")}),
      supervisor("shop", {child("daemon", "db"), child("daemon", "web")})}}};
}

const json node_json = {{"name", "web-1"}, {"version", "0.1.0"}, {"uptime_seconds", 7200.0}, {"generation", 1}};

top_model model_of(const json& daemons) {
  top_model model;
  model.take(node_json, tree_json(), daemons, instant{} + 1h);
  return model;
}

top_model usual_model() {
  return model_of(
    {daemon_json("db", "running", 10), daemon_json("web", "failed", 0), daemon_json("lonely", "stopped", 0)});
}

std::string joined(const std::vector<std::string>& lines) {
  std::string result;
  for (const auto& line : lines)
    result += line + "\n";
  return result;
}

/// Without colours.
std::string stripped(const std::string& line) { return harmless(line); }

} // namespace

TEST_CASE("80 columns show state, health, CPU, memory, restarts and uptime of the whole tree", "[top]") {
  auto model = usual_model();
  top_view view;
  view.selected = top_row{false, "web", "shop", 2};
  auto lines = draw(model, view, {80, 24});
  REQUIRE(lines.size() == 24);
  auto text = joined(lines);
  INFO(text);
  CHECK_THAT(lines[0], Contains("web-1") && Contains("1 running") && Contains("1 failed") && Contains("1 stopped"));
  for (const char* head : {"NAME", "STATE", "HEALTH", "CPU", "MEM", "RST", "UP"})
    CHECK_THAT(lines[1], Contains(head));
  CHECK_THAT(lines[2], Contains("root") && Contains("one_for_one, 5 in 30s"));
  CHECK_THAT(
    lines[4], Contains("db") && Contains("running") && Contains("ready") && Contains("1.5%") && Contains("11.8M"));
  CHECK_THAT(lines[4], Contains("1h02m"));
  CHECK_THAT(lines[5], Contains("web") && Contains("failed"));
  CHECK_THAT(lines[6], Contains("lonely"));
  CHECK_THAT(lines[22], Contains("killed by SIGSEGV (core dumped)")); // of the selected one
  CHECK_THAT(lines[23], Contains("restart") && Contains("quit"));
}

TEST_CASE("no line is wider than the terminal, whatever is in it", "[top]") {
  CHECK(rc::check([] {
    auto width = *rc::gen::inRange<std::size_t>(1, 220);
    auto height = *rc::gen::inRange<std::size_t>(1, 60);
    auto word = *rc::gen::element<std::string>(
      "x", "日本語の説明", "a\x1b[31mred", "\xff\xfe", "é́",
      "\xc2\x9b"
      "31m",
      "🦊🦊🦊", std::string(300, 'w'),
      "\xe2\x80\xae"
      "gnp");
    auto daemons = json::array({daemon_json("db", "running", 10), daemon_json("web", "failed", 0)});
    for (auto& daemon : daemons) {
      daemon["status_text"] = word;
      daemon["description"] = word;
    }
    auto model = model_of(daemons);
    model.take_event(
      {{"id", 1}, {"at", "2026-01-31T12:00:00.123Z"}, {"kind", "exit"}, {"daemon", "db"}, {"text", word}});
    for (auto page : {top_view::scene::tree, top_view::scene::log, top_view::scene::help})
      for (bool utf8 : {true, false})
        for (auto colors : {top_look::palette::none, top_look::palette::basic, top_look::palette::many}) {
          top_view view;
          view.page = page;
          view.log = {{"2026-01-31T12:00:00.123Z", harmless(word), true}};
          view.selected = top_row{false, "db", "shop", 2};
          auto lines = draw(model, view, {width, height, utf8, colors});
          RC_ASSERT(lines.size() == height);
          for (const auto& line : lines) {
            RC_ASSERT(columns_of(stripped(line)) <= width);
            // Only colours: nothing a daemon says reaches the terminal as a sequence.
            for (auto at = line.find('\x1b'); at != std::string::npos; at = line.find('\x1b', at + 1))
              RC_ASSERT(line.find_first_not_of("0123456789;", at + 2) == line.find('m', at));
          }
        }
  }));
}

TEST_CASE("instances of a name are counted without the one that helps out", "[top]") {
  auto daemons = json::array();
  for (const char* name : {"web-1", "web-2", "web-surge"}) {
    daemons.push_back(daemon_json(name, "running", 1));
    daemons.back()["instance_of"] = "web";
  }
  daemons.push_back(daemon_json("wave-surge", "running", 1)); // called so
  auto model = model_of(daemons);
  CHECK(model.instances_of("web") == 2);
  CHECK(model.instances_of("wave-surge") == 1);
  CHECK(model.instances_of("web-1") == 0);
}

TEST_CASE("what is selected stays in sight", "[top]") {
  json daemons = json::array(), children = json::array();
  for (int i = 0; i < 200; ++i) {
    auto name = "d" + std::to_string(i);
    daemons.push_back(daemon_json(name, "running", 1));
    children.push_back({{"kind", "daemon"}, {"name", name}});
  }
  auto tree = tree_json();
  tree["supervisors"][1]["children"] = children;
  top_model model;
  model.take(node_json, tree, daemons, instant{});
  top_view view;
  for (int i : {0, 150, 199, 42}) {
    view.selected = top_row{false, "d" + std::to_string(i), "shop", 2};
    CHECK_THAT(
      joined(draw(model, view, {80, 24})), Contains("> " + std::string(3, ' ') + " d" + std::to_string(i) + " ")
                                             || Contains(" d" + std::to_string(i) + " "));
  }
  CHECK_THAT(joined(draw(model, view, {80, 24})), Contains("more below"));
  view.collapsed = {"shop"};
  auto folded = joined(draw(model, view, {80, 24}));
  CHECK_THAT(folded, Contains("▸ shop"));
  CHECK(folded.find(" d43 ") == std::string::npos);
}

TEST_CASE("CPU is what was used between two looks, not over the life", "[top]") {
  auto model = usual_model();
  CHECK(model.daemons.at("db").cpu == Approx(1.5)); // nothing better is known yet
  auto at = [&](duration later, double seconds) {
    model.take(node_json, tree_json(), json::array({daemon_json("db", "running", seconds)}), instant{} + 1h + later);
    return model.daemons.at("db").cpu;
  };
  CHECK(at(1s, 10.25) == Approx(25));
  CHECK(at(1s + 100ms, 10.26) == Approx(25)); // too close to tell
  CHECK(at(3s, 12.25) == Approx(100));
  CHECK(model.daemons.size() == 1); // the others are gone
  auto other = daemon_json("db", "running", 0.1);
  other["pid"] = 4712;
  model.take(node_json, tree_json(), json::array({other}), instant{} + 1h + 4s);
  CHECK(model.daemons.at("db").cpu == Approx(1.5)); // another process: no difference to tell
}

TEST_CASE("an event shows at once, and only once", "[top]") {
  auto model = usual_model();
  json event = {{"id", 7}, {"at", ""}, {"kind", "backoff"}, {"daemon", "db"}, {"text", "db: restart 3 in 1s"}};
  CHECK(model.take_event(event));
  CHECK_FALSE(model.take_event(event));
  CHECK(model.daemons.at("db").state == "backoff");
  CHECK(model.daemons.at("db").pid == 0);
  for (int i = 8; i < 2000; ++i) {
    event["id"] = i;
    model.take_event(event);
  }
  CHECK(model.events.size() <= top_model::kept_events);
}

TEST_CASE("answers of another shape break nothing", "[top]") {
  for (const auto& odd : {json(), json(1), json("x"), json::array({1, "x", json::object()}), json::object()}) {
    top_model model;
    model.take(odd, odd, odd, instant{});
    model.take(node_json, {{"supervisors", odd}}, odd, instant{});
    model.take_event(odd);
    top_view view;
    CHECK(draw(model, view, {80, 24}).size() == 24);
  }
}

TEST_CASE("keys are understood however the bytes are cut", "[top]") {
  const std::string bytes = "j\x1b[A\x1b[B\x1bOC\x1b[5~\x1b[6~\x1b[H\x1b[4~\rq";
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    std::string input = bytes.substr(0, cut);
    auto keys = take_keys(input, false);
    input += bytes.substr(cut);
    auto more = take_keys(input, false);
    keys.insert(keys.end(), more.begin(), more.end());
    REQUIRE(keys.size() == 10);
    CHECK(keys[0].code == 'j');
    CHECK(keys[1].what == key::up);
    CHECK(keys[3].what == key::right);
    CHECK(keys[4].what == key::page_up);
    CHECK(keys[7].what == key::end);
    CHECK(keys[8].what == key::enter);
    CHECK(keys[9].code == 'q');
  }
  std::string escape = "\x1b";
  CHECK(take_keys(escape, false).empty());
  auto keys = take_keys(escape, true);
  REQUIRE(keys.size() == 1);
  CHECK(keys[0].what == key::escape);
  CHECK(rc::check([](std::string junk) {
    take_keys(junk, true);
    RC_ASSERT(junk.empty());
  }));
}

TEST_CASE("sparklines, sizes and times fit their columns", "[top]") {
  std::vector<double> values = {0, 50, 100, NAN, 100};
  CHECK(sparkline(values, 5, 100, true) == "▁▅█ █");
  CHECK(sparkline(values, 3, 100, false) == "# #");
  CHECK(sparkline({}, 4, 100, true) == "    ");
  CHECK(short_span(59) == "59s");
  CHECK(short_span(3725) == "1h02m");
  CHECK(rc::check([](double x) { RC_ASSERT(short_span(std::abs(x)).size() <= 7); }));
  for (double x = 1; x < 1e15; x *= 1.7)
    CHECK(short_bytes(x).size() <= 5);
  CHECK(clip("日本語", 4) == "日…");
  CHECK(columns_of(pad("日本", 6)) == 6);
  CHECK(
    harmless("a\x1b]0;title\x07"
             "b\x1b[31mc\xc2\x9b"
             "d\x07")
    == "abc?d?");
}
