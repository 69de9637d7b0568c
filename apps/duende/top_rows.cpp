#include "apps/duende/top_rows.hpp"

#include "apps/duende/show.hpp"
#include "apps/duende/top_text.hpp"

#include <algorithm>

namespace duende::cli {
namespace {

double highest(const std::vector<double>& values, std::size_t last, double least) {
  double result = least;
  for (std::size_t i = values.size() - std::min(values.size(), last); i < values.size(); ++i)
    if (!std::isnan(values[i]))
      result = std::max(result, values[i]);
  return result * 1.25;
}

void add_daemon(painted& line, const top_daemon& daemon, const row_columns& c, const top_look& look) {
  line.add(" ").add(pad(daemon.state, 8), tone_of_state(daemon.state));
  if (c.health)
    line.add(" ").add(
      pad(daemon.health, 9), daemon.health == "unhealthy"                             ? tone::bad
                             : daemon.health == "healthy" || daemon.health == "ready" ? tone::dim
                                                                                      : tone::warn);
  if (c.figures) {
    auto cpu = std::isnan(daemon.cpu) ? "-" : fmt::format("{:.{}f}%", daemon.cpu, daemon.cpu >= 99.95 ? 0 : 1);
    auto memory = std::isnan(daemon.memory) ? "-" : short_bytes(daemon.memory);
    line.add(pad(cpu, 7, true), std::isnan(daemon.cpu) ? tone::dim : tone::plain);
    if (c.spark > 0)
      line.add(" ").add(
        sparkline(daemon.cpu_history, c.spark, highest(daemon.cpu_history, c.spark, 5), look.utf8), tone::cpu);
    line.add(pad(memory, 6, true), std::isnan(daemon.memory) ? tone::dim : tone::plain);
    if (c.spark > 0)
      line.add(" ").add(
        sparkline(daemon.memory_history, c.spark, highest(daemon.memory_history, c.spark, 1), look.utf8), tone::memory);
  }
  line.add(pad(fmt::format("{}", daemon.restarts), 5, true), daemon.restarts > 0 ? tone::warn : tone::dim);
  if (c.figures)
    line.add(pad(daemon.has_clock ? short_span(daemon.uptime) : "-", 7, true), tone::dim);
  if (c.note > 2)
    line.add("  ").add(clip(daemon.note.empty() ? daemon.description : daemon.note, c.note - 2), tone::dim);
}

} // namespace

tone tone_of_state(std::string_view state) {
  return state == "running"                         ? tone::good
         : state == "failed"                        ? tone::bad
         : state == "stopped" || state == "created" ? tone::dim
                                                    : tone::warn;
}

std::size_t longest_name(const std::vector<top_row>& rows) {
  std::size_t result = 0;
  for (const auto& row : rows)
    result = std::max(result, columns_of(row.name) + 2 * std::min<std::size_t>(row.depth, 12) + 4);
  return result;
}

row_columns columns_for(std::size_t width, std::size_t longest) {
  row_columns result;
  constexpr std::size_t state = 9, health = 10, cpu = 7, memory = 6, restarts = 5, uptime = 7;
  std::size_t fixed = state + health + cpu + memory + restarts + uptime;
  result.spark = width >= 130 ? 16 : width >= 100 ? 10 : width >= 78 ? 7 : 0;
  if (width < fixed + 14) {
    result.health = false;
    fixed -= health;
  }
  if (width < fixed + 12) {
    result.figures = false;
    fixed = state + restarts;
  }
  auto sparks = result.spark > 0 ? 2 * (result.spark + 1) : 0;
  auto rest = width - std::min(width, fixed + sparks);
  result.name = std::min(rest, std::max<std::size_t>(longest, 16));
  result.note = rest - result.name;
  if (result.note < 14) {
    result.name = rest;
    result.note = 0;
  }
  return result;
}

std::string head_line(const row_columns& c, const top_look& look) {
  painted line{look};
  line.add(pad("NAME", c.name), tone::dim).add(pad(" STATE", 9), tone::dim);
  if (c.health)
    line.add(pad(" HEALTH", 10), tone::dim);
  if (c.figures) {
    line.add(pad("CPU", 7, true), tone::dim).add(std::string(c.spark > 0 ? c.spark + 1 : 0, ' '));
    line.add(pad("MEM", 6, true), tone::dim).add(std::string(c.spark > 0 ? c.spark + 1 : 0, ' '));
  }
  line.add(pad("RST", 5, true), tone::dim);
  if (c.figures)
    line.add(pad("UP", 7, true), tone::dim);
  if (c.note > 2)
    line.add("  NOTE", tone::dim);
  return line.done();
}

std::string row_line(
  const top_model& model, const top_row& row, const top_view& view, const row_columns& c, const top_look& look,
  bool chosen) {
  painted line{look, chosen ? painted::ground::chosen : painted::ground::none};
  bool open = !view.collapsed.contains(row.name);
  std::string mark = look.colors == top_look::palette::none && chosen ? ">" : " ";
  mark += std::string(2 * std::min<std::size_t>(row.depth, 12), ' ');
  if (row.is_supervisor)
    mark += look.utf8 ? (open ? "▾ " : "▸ ") : (open ? "v " : "> ");
  auto more = look.utf8 ? "…" : "~";
  line.add(pad(mark + harmless(row.name), c.name, false, more), row.is_supervisor ? tone::bold : tone::plain);
  if (!row.is_supervisor) {
    add_daemon(line, model.daemons.at(row.name), c, look);
    return line.done();
  }
  const auto& supervisor = model.supervisors.at(row.name);
  line.add(" ").add(pad(supervisor.state, 8), tone_of_state(supervisor.state));
  auto sparks = c.spark > 0 ? 2 * (c.spark + 1) : 0;
  auto middle = (c.health ? 10 : 0) + (c.figures ? 13 + sparks : 0);
  if (middle > 4)
    line.add(" ").add(pad(supervisor.about, middle - 1), tone::dim);
  line.add(pad(fmt::format("{}", supervisor.restarts), 5, true), supervisor.restarts > 0 ? tone::warn : tone::dim);
  return line.done();
}

} // namespace duende::cli
