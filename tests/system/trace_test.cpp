// System calls of real daemons with a known fault, counted by BPF in this machine's kernel.
#include "tests/support/catch.hpp"
#include "tests/system/node.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <unistd.h>

using namespace duende::test;

namespace {

const std::string one_subject = R"(
[[daemon]]
name = "subject"
command = "@SUBJECT@ @MODE@ @DIR@/out"
)";

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

std::string subject(const std::string& mode) {
  return replaced(replaced(one_subject, "@SUBJECT@", DUENDE_TRACE_SUBJECT), "@MODE@", mode);
}

/// Tells why where the kernel refuses BPF to this test.
bool traced_by_bpf(const json& report) {
  if (report.value("method", "") == "bpf")
    return true;
  WARN("skipped, no BPF here: " << report.value("note", ""));
  return false;
}

json trace(const node& n, const std::string& arguments, const std::string& name = "subject") {
  std::vector<std::string> command{"trace", name, "--json"};
  for (std::size_t at = 0; at < arguments.size();) {
    auto end = std::min(arguments.find(' ', at), arguments.size());
    command.push_back(arguments.substr(at, end - at));
    at = end + 1;
  }
  auto done = n.cli(command, 80);
  INFO(done.out << done.err);
  REQUIRE(done.status == 0);
  auto report = json::parse(done.out, nullptr, false);
  REQUIRE(report.is_object());
  return report;
}

const json* find(const json& list, const std::string& key, const std::string& value) {
  auto found = std::find_if(list.begin(), list.end(), [&](const json& each) { return each.value(key, "") == value; });
  return found == list.end() ? nullptr : &*found;
}

bool has_kind(const json& list, const std::string& kind) { return find(list, "kind", kind) != nullptr; }

/// The line of the subject's source that holds `text`.
int line_with(const std::string& text) {
  int number = 0;
  for (const auto& line : lines_of(read_file(DUENDE_TRACE_SOURCE))) {
    ++number;
    if (line.find(text) != std::string::npos)
      return number;
  }
  return -1;
}

double counter(const node& n, const std::string& kind) {
  for (const auto& line : lines_of(http(n.metrics_address(), "GET", "/metrics").body))
    if (line.find("duende_trace_anomalies_total") == 0 && line.find("kind=\"" + kind + "\"") != std::string::npos)
      return std::atof(line.c_str() + line.rfind(' ') + 1);
  return -1;
}

} // namespace

TEST_CASE("a call is traced to its line in the source", "[trace][F042]") {
  node n{subject("source")};
  n.until_state("subject", "running");
  auto report = trace(n, "--seconds 1");
  if (!traced_by_bpf(report))
    return;
  const auto* calls = find(report["calls"], "call", "pwrite64");
  REQUIRE(calls != nullptr);
  CHECK((*calls)["count"].get<int>() > 20);
  CHECK((*calls)["p50_us"].get<double>() > 0);
  CHECK((*calls)["longest_us"].get<double>() >= (*calls)["p50_us"].get<double>());
  std::uint64_t slots = 0;
  for (const auto& slot : (*calls)["histogram"])
    slots += slot["count"].get<std::uint64_t>();
  CHECK(slots == (*calls)["count"].get<std::uint64_t>());
  const auto* site = find(report["sites"], "call", "pwrite64");
  REQUIRE(site != nullptr);
  INFO(site->dump(1));
  const auto& stack = (*site)["stack"];
  auto frame = [&](const std::string& function) {
    auto found = std::find_if(stack.begin(), stack.end(), [&](const json& each) {
      return each["function"].is_string() && each["function"].get<std::string>().find(function) == 0;
    });
    REQUIRE(found != stack.end());
    return *found;
  };
  CHECK(frame("flush_page")["line"] == line_with("/* the traced line */"));
  CHECK(frame("flush_page")["file"].get<std::string>().find("trace_subject.c") != std::string::npos);
  CHECK(frame("store")["line"] == line_with("/* its caller */"));
  CHECK(
    (*site)["place"].get<std::string>().find("trace_subject.c:" + std::to_string(line_with("/* the traced line */")))
    != std::string::npos);
}

TEST_CASE("a latency ten times the usual is flagged within a second", "[trace][F043]") {
  node n{subject("spike")};
  n.until_state("subject", "running");
  auto pid = n.pid_of_daemon("subject");
  const auto output = n.path("trace.json");
  json report;
  double flagged_after = -1;
  {
    background tracing{{n.duende(), "--socket", n.socket(), "trace", "subject", "--seconds", "6", "--json"}, output};
    REQUIRE(eventually(5, [&] { return counter(n, "latency") >= 0; }));
    ::usleep(2'500'000); // what is usual has to be seen first: 8 windows and more
    const auto before = counter(n, "latency");
    const auto injected = monotonic_ns();
    REQUIRE(kill(pid, SIGUSR1) == 0);
    if (eventually(2, [&] { return counter(n, "latency") > before; }))
      flagged_after = static_cast<double>(monotonic_ns() - injected) / 1e9;
    REQUIRE(eventually(10, [&] {
      report = json::parse(read_file(output), nullptr, false);
      return report.is_object();
    }));
  }
  if (!traced_by_bpf(report))
    return;
  INFO(report["anomalies"].dump(1));
  CAPTURE(flagged_after);
  CHECK(flagged_after > 0);
  CHECK(flagged_after <= 1);
  auto found = std::find_if(report["anomalies"].begin(), report["anomalies"].end(), [](const json& each) {
    return each["kind"] == "latency" && each["call"] == "recvfrom"
           && each["value"].get<double>() > 5 * each["usual"].get<double>();
  });
  CHECK(found != report["anomalies"].end());
}

TEST_CASE("a lower z-score flags more", "[trace][F044]") {
  node n{subject("noisy")};
  n.until_state("subject", "running");
  auto low = trace(n, "--seconds 4 --z-score 1");
  if (!traced_by_bpf(low))
    return;
  auto high = trace(n, "--seconds 4 --z-score 20");
  CHECK(low["z_score"] == 1.0);
  CHECK(low["anomalies"].size() > high["anomalies"].size());
  CHECK(low["anomalies"].size() >= 3);
}

TEST_CASE("the critical path names the bottleneck", "[trace][F045]") {
  node n{subject("bottleneck")};
  n.until_state("subject", "running");
  auto report = trace(n, "--seconds 2");
  if (!traced_by_bpf(report))
    return;
  const auto& path = report["critical_path"];
  INFO(path.dump(1));
  CHECK(path["bottleneck"] == "recvfrom");
  CHECK(path["share"].get<double>() > 0.7);
  CHECK(path["text"].get<std::string>().find("(worker)") != std::string::npos);
  CHECK(path["text"].get<std::string>().find("trace_subject.c") != std::string::npos);
}

TEST_CASE("patterns are found in real daemons", "[trace][F046]") {
  const std::pair<const char*, const char*> modes[] = {
    {"tight", "tight_loop"}, {"poll", "busy_polling"}, {"contended", "lock_contention"}, {"churn", "memory_churn"}};
  for (const auto& [mode, kind] : modes) {
    INFO(mode);
    node n{subject(mode)};
    n.until_state("subject", "running");
    json report;
    for (int tries = 0; tries < 3 && !has_kind(report["patterns"], kind); ++tries) // it may have had no CPU meanwhile
      report = trace(n, "--seconds 1");
    if (!traced_by_bpf(report))
      return;
    INFO(report["patterns"].dump(1));
    CHECK(has_kind(report["patterns"], kind));
    CHECK(counter(n, kind) >= 1);
  }
  node quiet{subject("source")};
  quiet.until_state("subject", "running");
  CHECK(trace(quiet, "--seconds 1")["patterns"].empty());
}

TEST_CASE("what makes many calls is not listened to all the time, and the report says so", "[trace][F041]") {
  node n{subject("heavy")};
  n.until_state("subject", "running");
  auto report = trace(n, "--seconds 3");
  if (!traced_by_bpf(report))
    return;
  const auto seconds = report["seconds"].get<double>(), listened = report["listened_seconds"].get<double>();
  CAPTURE(seconds, listened, report["note"].dump());
  CHECK(listened > 0.1 * seconds);
  CHECK(listened < 0.8 * seconds);
  CHECK(report["note"].get<std::string>().find("--exact counts every call") != std::string::npos);
  const auto* calls = find(report["calls"], "call", "pwrite64");
  REQUIRE(calls != nullptr);
  const auto share = [&](const json& of) {
    double sum = 0;
    for (const auto& part : of["threads"][0]["parts"])
      sum += part["share"].get<double>();
    return sum;
  };
  CHECK(share(report) == Approx(1).margin(0.15)); // the part that was listened to is the whole
  auto exact = trace(n, "--seconds 1 --exact");
  CHECK(exact["listened_seconds"].get<double>() == Approx(exact["seconds"].get<double>()).margin(0.05));
  CHECK(exact["note"].is_null());
  CHECK(share(exact) == Approx(1).margin(0.15));
}

TEST_CASE("children are traced from their first calls on", "[trace]") {
  node n{subject("forks")};
  n.until_state("subject", "running");
  auto report = trace(n, "--seconds 1");
  if (!traced_by_bpf(report))
    return;
  const auto* forks = find(report["calls"], "call", "clone");
  const auto* calls = find(report["calls"], "call", "truncate"); // 20 by each child
  REQUIRE(forks != nullptr);
  REQUIRE(calls != nullptr);
  CHECK((*calls)["count"].get<int>() >= 20 * ((*forks)["count"].get<int>() - 2));
  const auto* error = find(report["errors"], "call", "truncate");
  if ((*calls)["errors"].get<int>() > 0) {
    REQUIRE(error != nullptr);
    CHECK((*error)["count"] == (*calls)["errors"]);
  }
}

TEST_CASE("without BPF /proc is sampled, and the report says so", "[trace]") {
  node n{subject("bottleneck")};
  n.until_state("subject", "running");
  auto report = trace(n, "--seconds 1 --method sampling");
  CHECK(report["method"] == "sampling");
  CHECK(report["note"].get<std::string>().find("sampled") != std::string::npos);
  const auto* calls = find(report["calls"], "call", "recvfrom");
  REQUIRE(calls != nullptr);
  CHECK((*calls)["count"].is_null());
  CHECK((*calls)["seconds"].get<double>() > 0.5);
  CHECK(report["critical_path"]["bottleneck"] == "recvfrom");
  auto text = n.cli({"trace", "subject", "--seconds", "0.3", "--method", "sampling"});
  CHECK(text.out.find("by sampling /proc") != std::string::npos);
}

TEST_CASE("a trace is refused with the reason", "[trace]") {
  node n{subject("source") + "[[daemon]]\nname = \"off\"\ncommand = \"/bin/sleep 100\"\nautostart = false\n"};
  n.until_state("subject", "running");
  auto off = n.cli({"trace", "off"});
  CHECK(off.status == 1);
  CHECK(off.err.find("cannot trace 'off'") != std::string::npos);
  CHECK(n.cli({"trace", "nobody"}).status == 3);
  for (const char* seconds : {"0", "-1", "61", "1e9"}) {
    auto bad = n.cli({"trace", "subject", "--seconds", seconds});
    CHECK(bad.status != 0);
    CHECK(bad.err.find("seconds") != std::string::npos);
  }
  CHECK(n.post("/v1/daemons/subject/trace", "{\"second\":1}").status == 422);
  CHECK(n.post("/v1/daemons/subject/trace", "[]").status == 422);
  CHECK(n.cli({"trace", "subject", "--z-score", "0"}).status != 0);
}

TEST_CASE("a daemon that ends ends its trace", "[trace]") {
  node n{subject("source") + "restart = { policy = \"never\" }\n"};
  n.until_state("subject", "running");
  auto pid = n.pid_of_daemon("subject");
  background killer{{"/bin/sh", "-c", "sleep 0.7; kill -9 " + std::to_string(pid)}, n.path("killer")};
  auto report = trace(n, "--seconds 30");
  CHECK(report["seconds"].get<double>() < 5);
  CHECK(report["note"].get<std::string>().find("the process ended") != std::string::npos);
}
