#include "monitors/crashes/crash_report.hpp"

#include "monitors/crashes/core_file.hpp"
#include "monitors/observer/figures.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace duende {

std::string crash_id(const crash_report& report) {
  auto at = to_rfc3339(report.ended_at);
  std::erase_if(at, [](char c) { return c == '-' || c == ':'; });
  return fmt::format("{}-{}", at, report.incarnation);
}

std::string to_json(const crash_report& r) {
  using json = nlohmann::ordered_json;
  auto seconds = [](duration d) { return std::chrono::duration<double>(d).count(); };
  json out;
  out["format"] = 1;
  out["id"] = crash_id(r);
  out["daemon"] = r.daemon;
  out["text"] = to_string(r.reason);
  out["at"] = to_rfc3339(r.ended_at);
  out["gave_up"] = r.gave_up.empty() ? json(nullptr) : json(r.gave_up);
  auto& reason = out["reason"];
  reason["cause"] = std::string{to_string(r.reason.cause)};
  reason["value"] = r.reason.value;
  reason["signal"] = r.reason.cause == exit_cause::signal ? json(signal_name(r.reason.value)) : json(nullptr);
  reason["core_dumped"] = r.reason.core_dumped;
  reason["detail"] = r.reason.detail;
  out["incarnation"] = r.incarnation;
  out["pid"] = r.pid > 0 ? json(r.pid) : json(nullptr);
  out["ready"] = r.was_ready;
  out["started_at"] = r.started_at ? json(to_rfc3339(*r.started_at)) : json(nullptr);
  out["uptime_seconds"] = seconds(r.uptime);
  out["restarts"] = r.restarts;
  out["streak"] = r.streak;
  out["left_out"] = r.left_out;
  out["supervisor"] = r.supervisor;
  out["node"] = r.node;
  out["backend"] = r.backend;
  out["version"] = r.version;
  out["duende_version"] = DUENDE_VERSION;
  out["usage"] = nullptr;
  if (r.used)
    out["usage"] = {
      {"user_seconds", seconds(r.used->user)},
      {"system_seconds", seconds(r.used->system)},
      {"max_rss_bytes", r.used->max_rss_bytes}};
  auto& samples = out["samples"] = json::array();
  for (std::size_t i = 0; i < r.samples.size(); ++i) {
    auto& sample = samples.emplace_back(json{{"at", to_rfc3339(r.samples[i].wall)}});
    each_figure(r.samples[i], i > 0 ? &r.samples[i - 1] : nullptr, [&](const char* name, const auto& value) {
      if constexpr (requires { value.has_value(); })
        sample[name] = value ? json(*value) : json(nullptr);
      else
        sample[name] = value;
    });
  }
  out["core"] = nullptr;
  if (r.reason.core_dumped) {
    auto place = find_core(
      {r.pid, r.reason.value, r.working_dir,
       r.ended_at - std::chrono::duration_cast<std::chrono::milliseconds>(r.uptime)});
    out["core"] = {{"path", place.path.empty() ? json(nullptr) : json(place.path)}, {"text", place.text}};
  }
  auto& lines = out["log_lines"] = json::array();
  for (auto& line : r.logs.read(r.log_timestamps, crash_log_lines, crash_log_bytes))
    lines.push_back(
      {{"stream", line.stream == log_stream::out ? "stdout" : "stderr"},
       {"at", line.at.empty() ? json(nullptr) : json(line.at)},
       {"text", line.text}});
  return out.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

} // namespace duende
