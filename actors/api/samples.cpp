// /v1/daemons/{name}/samples: what a process used, sample by sample.
#include "actors/api/json.hpp"
#include "actors/api/parameters.hpp"
#include "actors/api/routes.hpp"
#include "actors/observer.hpp"
#include "core/units.hpp"
#include "monitors/observer/detail.hpp"
#include "monitors/observer/figures.hpp"
#include "monitors/observer/gpu.hpp"

#include <mutex>

namespace duende::api {
namespace {

constexpr duration longest_history = std::chrono::hours{24}, longest_interval = std::chrono::hours{1};

caf::expected<duration>
time_parameter(const http_request& request, const std::string& name, duration absent, duration low, duration high) {
  if (!request.has_parameter(name))
    return absent;
  auto value = parse_duration(request.parameter(name));
  if (!value)
    return fail(errc::invalid_config, "parameter '{}': {}", name, sentence(value.error()));
  if (*value < low || *value > high)
    return fail(
      errc::invalid_config, "parameter '{}': {} is out of range; accepted is {} to {}", name, request.parameter(name),
      format_duration(low), format_duration(high));
  return *value;
}

void write_sample(json_writer& out, const process_sample& sample, const process_sample* before) {
  out.begin_object().member("at", to_rfc3339(sample.wall));
  each_figure(sample, before, [&](const char* name, const auto& value) { out.member(name, value); });
  out.end_object();
}

void write_pressure(json_writer& out, std::string_view name, const std::optional<pressure>& p) {
  out.key(name);
  if (!p) {
    out.null();
    return;
  }
  out.begin_object();
  out.member("some_10s", p->some_10s).member("some_60s", p->some_60s).member("some_300s", p->some_300s);
  out.member("full_10s", p->full_10s).member("full_60s", p->full_60s).member("full_300s", p->full_300s);
  out.member("some_seconds", static_cast<double>(p->some_us) / 1e6);
  out.member("full_seconds", static_cast<double>(p->full_us) / 1e6).end_object();
}

void write_gpus(json_writer& out, pid_t pid) {
  static std::mutex mutex;
  static gpu_library library; // loaded by the first who asks
  std::lock_guard lock{mutex};
  if (!library.available())
    return;
  out.key("gpus").begin_array();
  for (const auto& gpu : library.read(pid)) {
    out.begin_object().member("index", gpu.index).member("busy_percent", gpu.busy_percent);
    out.member("memory_used_bytes", gpu.memory_used_bytes).member("memory_total_bytes", gpu.memory_total_bytes);
    out.member("process_memory_bytes", gpu.process_memory_bytes).end_object();
  }
  out.end_array();
}

/// What is too dear for every sample.
void write_detail(json_writer& out, const process_sample& last) {
  out.key("detail").begin_object();
  out.key("memory");
  if (const auto memory = read_memory_detail(last.pid, last.start_time)) {
    out.begin_object().member("rss_bytes", memory->resident_bytes).member("pss_bytes", memory->proportional_bytes);
    out.member("private_bytes", memory->private_bytes).member("swap_bytes", memory->swap_bytes).end_object();
  } else {
    out.null();
  }
  out.key("tree").begin_array();
  for (const auto& p : read_tree(last.pid, last.start_time)) {
    out.begin_object().member("pid", p.pid).member("parent", p.parent).member("depth", p.depth);
    out.member("command", p.command).member("threads", p.threads).member("memory_bytes", p.resident_bytes);
    out.member("cpu_seconds", std::chrono::duration<double>(p.cpu).count()).end_object();
  }
  out.end_array();
  const auto machine = read_machine_pressure();
  out.key("machine_pressure").begin_object();
  write_pressure(out, "cpu", machine.cpu);
  write_pressure(out, "memory", machine.memory);
  write_pressure(out, "io", machine.io);
  out.end_object();
  write_gpus(out, last.pid);
  out.end_object();
}

} // namespace

http_response show_samples(const api_context& context, const http_request& request, const std::string& name) {
  using namespace std::chrono_literals;
  const auto last = time_parameter(request, "last", 5min, 0s, longest_history);
  const auto interval = time_parameter(request, "interval", 0s, process_observer::shortest_interval, longest_interval);
  const auto detail = flag_parameter(request, "detail", false);
  for (const auto* problem :
       {last ? nullptr : &last.error(), interval ? nullptr : &interval.error(), detail ? nullptr : &detail.error()})
    if (problem != nullptr)
      return malformed(*problem);
  auto history = context.node.samples(name, {*last, *interval});
  if (!history)
    return problem(history.error());
  const auto& samples = history->samples;
  auto seconds = [](duration d) { return std::chrono::duration<double>(d).count(); };
  std::string body;
  body.reserve(samples.size() * 400 + 256);
  json_writer out{body};
  out.begin_object().member("daemon", name).member("node", context.node.info().name);
  out.member("last_seconds", seconds(*last));
  out.member(
    "interval_seconds", history->interval > duration{} ? std::optional{seconds(history->interval)} : std::nullopt);
  out.key("samples").begin_array();
  const auto* before = history->before ? &*history->before : nullptr;
  for (const auto& sample : samples) {
    write_sample(out, sample, before);
    before = &sample;
  }
  out.end_array();
  if (*detail && before != nullptr)
    write_detail(out, *before);
  else
    out.key("detail").null();
  out.end_object();
  return json_response(200, std::move(body));
}

} // namespace duende::api
