// /v1/daemons/{name}/trace: the system calls of a daemon, for a while.
#include "actors/api/json.hpp"
#include "actors/api/routes.hpp"
#include "actors/tracer.hpp"
#include "policies/trace_path.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>

#include <sys/timerfd.h>
#include <unistd.h>

namespace duende::api {
namespace {

constexpr std::size_t most_shown_sites = 60;

caf::expected<double> number_in(const nlohmann::json& body, const char* name, double absent, double low, double high) {
  const auto member = body.find(name);
  if (member == body.end())
    return absent;
  if (!member->is_number())
    return fail(errc::invalid_config, "{}: expected a number from {} to {}", name, low, high);
  const auto value = member->get<double>();
  if (!(value >= low && value <= high))
    return fail(errc::invalid_config, "{}: {} is out of range; accepted is {} to {}", name, value, low, high);
  return value;
}

caf::expected<trace_options> options_in(const std::string& text) {
  trace_options result;
  const auto body = text.empty() ? nlohmann::json::object() : nlohmann::json::parse(text, nullptr, false);
  if (!body.is_object())
    return fail(errc::invalid_config, "the body is no JSON object: send {{\"seconds\":5}}");
  for (const auto& [key, value] : body.items())
    if (key != "seconds" && key != "z_score" && key != "method" && key != "exact")
      return fail(errc::invalid_config, "{}: no such member; there are seconds, z_score, method and exact", key);
  auto as_seconds = [](duration d) { return std::chrono::duration<double>(d).count(); };
  const auto time =
    number_in(body, "seconds", as_seconds(result.time), as_seconds(shortest_trace), as_seconds(longest_trace));
  if (!time)
    return time.error();
  const auto score = number_in(body, "z_score", result.z_score, lowest_z_score, highest_z_score);
  if (!score)
    return score.error();
  result.time = std::chrono::duration_cast<duration>(std::chrono::duration<double>(*time));
  result.z_score = *score;
  if (const auto exact = body.find("exact"); exact != body.end()) {
    if (!exact->is_boolean())
      return fail(errc::invalid_config, "exact: expected true or false");
    result.exact = exact->get<bool>();
  }
  if (const auto method = body.find("method"); method != body.end()) {
    const auto word = method->is_string() ? method->get<std::string>() : std::string{};
    if (word == "bpf")
      result.method = trace_method::bpf;
    else if (word == "sampling")
      result.method = trace_method::sampling;
    else if (word != "auto")
      return fail(errc::invalid_config, "method: expected auto, bpf or sampling");
  }
  return result;
}

double microseconds(duration d) { return std::chrono::duration<double, std::micro>(d).count(); }
double seconds(duration d) { return std::chrono::duration<double>(d).count(); }

/// Writes a report. What sampling can't know is null.
class writer {
public:
  writer(json_writer& out, const trace_report& report) : out_(out), report_(report) {}

  void all() {
    path();
    patterns();
    anomalies();
    out_.key("calls").begin_array();
    calls(report_.calls, report_.listened, true);
    out_.end_array();
    out_.key("errors").begin_array();
    for (const auto& [key, count] : report_.errors) {
      const auto* word = strerrorname_np(key.second);
      out_.begin_object().member("call", key.first).member("error", word != nullptr ? word : "unknown");
      out_.member("number", key.second).member("count", count).end_object();
    }
    out_.end_array();
    slowest();
    sites();
    threads();
    out_.member("lost_samples", report_.lost_samples).member("lost_calls", report_.lost_calls);
  }

private:
  bool counted() const { return report_.method == trace_method::bpf; }

  void path() {
    const auto& found = report_.path;
    out_.key("critical_path").begin_object().member("text", found.text);
    out_.member("bottleneck", found.bottleneck.empty() ? std::nullopt : std::optional{found.bottleneck});
    out_.member("thread", found.thread != 0 ? std::optional{found.thread} : std::nullopt);
    out_.member("share", found.share).end_object();
  }

  void patterns() {
    out_.key("patterns").begin_array();
    for (const auto& each : report_.patterns) {
      out_.begin_object().member("kind", to_string(each.kind)).member("call", each.call);
      out_.member("thread", each.thread != 0 ? std::optional{each.thread} : std::nullopt);
      out_.member("text", each.text).end_object();
    }
    out_.end_array();
  }

  void anomalies() {
    out_.key("anomalies").begin_array();
    for (const auto& each : report_.anomalies) {
      const double unit = each.kind == anomaly_kind::latency ? 1e6 : 1; // microseconds; calls a second
      out_.begin_object().member("kind", to_string(each.kind)).member("call", each.call);
      out_.member("from_seconds", seconds(each.from)).member("to_seconds", seconds(each.to));
      out_.member(
        "at", to_rfc3339(report_.begun_at + std::chrono::duration_cast<std::chrono::milliseconds>(each.from)));
      out_.member("z", each.z).member("usual", each.usual * unit).member("value", each.value * unit);
      out_.member("text", each.text).end_object();
    }
    out_.end_array();
  }

  void calls(const calls_by_name& of, duration whole, bool with_histogram) {
    std::vector<const calls_by_name::value_type*> sorted;
    for (const auto& each : of)
      sorted.push_back(&each);
    std::stable_sort(
      sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->second.time > b->second.time; });
    for (const auto* each : sorted) {
      const auto& x = each->second;
      auto if_counted = [&](auto value) { return counted() ? std::optional{value} : std::nullopt; };
      out_.begin_object().member("call", each->first).member("count", if_counted(x.count));
      out_.member("errors", if_counted(x.errors)).member("seconds", seconds(x.time));
      out_.member("share", whole > duration{} ? seconds(x.time) / seconds(whole) : 0);
      out_.member("idle", is_idle_call(each->first));
      const auto mean = x.count == 0 ? 0 : microseconds(x.time) / static_cast<double>(x.count);
      out_.member("mean_us", if_counted(mean));
      if (with_histogram && counted()) {
        out_.member("p50_us", std::min(microseconds(x.latencies.quantile(0.5)), microseconds(x.longest)));
        out_.member("p99_us", std::min(microseconds(x.latencies.quantile(0.99)), microseconds(x.longest)));
        out_.member("longest_us", microseconds(x.longest));
        histogram(x.latencies);
      }
      out_.end_object();
    }
  }

  void histogram(const latency_histogram& of) {
    out_.key("histogram").begin_array();
    for (std::size_t i = 0; i < of.slots.size(); ++i)
      if (of.slots[i] != 0) {
        out_.begin_object().member("from_us", microseconds(latency_histogram::begin_of(i)));
        out_.member("below_us", microseconds(latency_histogram::end_of(i))).member("count", of.slots[i]).end_object();
      }
    out_.end_array();
  }

  void stack(const std::vector<stack_frame>& frames) {
    out_.member("place", place_of(frames));
    out_.key("stack").begin_array();
    for (const auto& frame : frames) {
      auto maybe = [](const std::string& text) { return text.empty() ? std::nullopt : std::optional{text}; };
      out_.begin_object().member("function", maybe(frame.function)).member("file", maybe(frame.file));
      out_.member("line", frame.line > 0 ? std::optional{frame.line} : std::nullopt);
      out_.member("module", maybe(frame.module)).member("address", fmt::format("{:#x}", frame.address)).end_object();
    }
    out_.end_array();
  }

  void slowest() {
    out_.key("slowest").begin_array();
    for (const auto& each : report_.slowest) {
      out_.begin_object().member("call", each.call).member("process", each.process).member("thread", each.thread);
      out_.member("at", to_rfc3339(each.at)).member("took_us", microseconds(each.took)).member("result", each.result);
      out_.key("arguments").begin_array();
      for (auto argument : each.arguments)
        out_.value(fmt::format("{:#x}", argument));
      out_.end_array();
      stack(each.stack);
      out_.end_object();
    }
    out_.end_array();
  }

  void sites() {
    out_.key("sites").begin_array();
    std::size_t shown = 0;
    for (const auto& each : report_.sites) {
      if (++shown > most_shown_sites)
        break;
      out_.begin_object().member("call", each.call).member("samples", each.samples);
      out_.member("seconds", seconds(each.time));
      stack(each.stack);
      out_.end_object();
    }
    out_.end_array();
  }

  void threads() {
    out_.key("threads").begin_array();
    for (const auto& path : report_.path.threads) {
      out_.begin_object().member("process", path.process).member("thread", path.thread).member("name", path.name);
      const auto found = std::find_if(report_.threads.begin(), report_.threads.end(), [&](const traced_thread& t) {
        return t.thread == path.thread;
      });
      out_.member("seconds", found != report_.threads.end() ? seconds(found->traced) : 0);
      out_.key("parts").begin_array();
      for (const auto& part : path.parts) {
        out_.begin_object().member("what", part.what).member("seconds", seconds(part.time)).member("share", part.share);
        out_.member("count", part.count).member("idle", part.idle).end_object();
      }
      out_.end_array().end_object();
    }
    out_.end_array();
  }

  json_writer& out_;
  const trace_report& report_;
};

std::string as_json(const trace_report& report, const std::string& daemon, const std::string& node) {
  std::string text;
  json_writer out{text};
  out.begin_object().member("daemon", daemon).member("node", node).member("pid", report.pid);
  out.member("method", report.method == trace_method::bpf ? "bpf" : "sampling");
  out.member("note", report.note.empty() ? std::nullopt : std::optional{report.note});
  out.member("begun_at", to_rfc3339(report.begun_at)).member("seconds", seconds(report.traced));
  out.member("listened_seconds", seconds(report.listened));
  out.member("z_score", report.z_score);
  writer{out, report}.all();
  out.end_object();
  text += '\n';
  return text;
}

/// Readable every `interval`.
class ticker {
public:
  explicit ticker(duration interval) : fd_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
    const auto ns = interval.count();
    const timespec each{static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
    const itimerspec wanted{each, each};
    timerfd_settime(fd_, 0, &wanted, nullptr);
  }
  ~ticker() {
    if (fd_ >= 0)
      close(fd_);
  }
  ticker(const ticker&) = delete;
  ticker& operator=(const ticker&) = delete;

  int fd() const { return fd_; }
  void taken() {
    std::uint64_t count = 0;
    [[maybe_unused]] auto n = read(fd_, &count, sizeof count);
  }

private:
  int fd_;
};

} // namespace

http_response trace_daemon(const api_context& context, const http_request& request, const std::string& name) {
  const auto how = options_in(request.body);
  if (!how)
    return problem(how.error());
  auto begun = context.node.trace(name, *how);
  if (!begun)
    return problem(begun.error());
  http_response response;
  const std::shared_ptr<trace_run> run{std::move(*begun)};
  response.stream = [run, name, node = context.node.info().name](response_stream& stream) {
    ticker clock{run->interval()};
    bool goes_on = clock.fd() >= 0;
    while (goes_on) {
      if (!stream.wait_for(clock.fd())) // nobody waits for the report any more: the trace ends with `run`
        return;
      clock.taken();
      goes_on = run->tick();
    }
    stream.write(as_json(run->finish(), name, node));
  };
  return response;
}

} // namespace duende::api
