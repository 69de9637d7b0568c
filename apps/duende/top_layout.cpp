#include "apps/duende/top_layout.hpp"

#include "apps/duende/show.hpp"
#include "apps/duende/top_rows.hpp"
#include "apps/duende/top_text.hpp"

#include <algorithm>
#include <array>

namespace duende::cli {
namespace {

tone tone_of_kind(const std::string& kind) {
  switch (color_of_event(kind)) {
    case color::red: return tone::bad;
    case color::green: return tone::good;
    case color::yellow: return tone::warn;
    default: return tone::calm;
  }
}

std::string title_line(const top_model& model, const top_view& view, const top_look& look) {
  painted line{look, painted::ground::bar};
  line.add(" duende ", tone::brand).add(model.node_name, tone::plain);
  if (view.page == top_view::scene::log)
    line.add("  log of ", tone::dim).add(view.log_name, tone::bold);
  else if (look.width >= 60)
    line.add(fmt::format("  {}  up {}", model.version, short_span(model.node_uptime)), tone::dim);
  if (model.generation > 1 && look.width >= 90)
    line.add(fmt::format("  back {} times", model.generation - 1), tone::dim);
  std::vector<std::pair<std::string, tone>> parts;
  std::size_t wanted = 1;
  auto counts = model.counts();
  for (const char* state : {"running", "starting", "backoff", "paused", "stopping", "failed", "stopped", "created"})
    if (auto found = counts.find(state); found != counts.end()) {
      parts.emplace_back(fmt::format("{} {}", found->second, state), tone_of_state(state));
      wanted += parts.back().first.size() + 2;
    }
  if (!view.trouble.empty()) {
    parts = {{"node does not answer", tone::bad}};
    wanted = parts.front().first.size() + 2;
  }
  if (line.used() + wanted < look.width)
    line.to(look.width - wanted);
  for (const auto& [text, with] : parts)
    line.add("  ").add(text, with);
  return line.done();
}

std::string event_text(const top_event& event, const top_look& look) {
  painted line{look};
  line.add(" ").add(local_time(event.at).substr(0, 8), tone::dim).add("  ");
  line.add(pad(event.kind, 10), tone_of_kind(event.kind)).add(" ").add(event.text);
  return line.done();
}

/// What is known about the selected row, in one line.
std::string about_line(const top_model& model, const top_view& view, const top_look& look) {
  painted line{look};
  if (!view.trouble.empty())
    return line.add(" ").add(view.trouble, tone::bad).done();
  if (!view.selected || view.selected->is_supervisor || !model.daemons.contains(view.selected->name))
    return line.done();
  const auto& daemon = model.daemons.at(view.selected->name);
  line.add(" ").add(view.selected->name, tone::bold);
  if (daemon.pid > 0)
    line.add(fmt::format("  pid {}", daemon.pid), tone::dim);
  if (!daemon.note.empty())
    line.add("  ").add(
      daemon.note, tone_of_state(daemon.state) == tone::good ? tone::plain : tone_of_state(daemon.state));
  if (!daemon.description.empty())
    line.add("  ").add(daemon.description, tone::dim);
  return line.done();
}

std::string keys_line(const top_view& view, const top_look& look) {
  painted line{look, painted::ground::bar};
  if (!view.question.empty())
    return line.add(" ").add(view.question, tone::key).done();
  if (!view.message.empty())
    return line.add(" ").add(view.message, view.message_is_bad ? tone::bad : tone::good).done();
  using hint = std::pair<std::string_view, std::string_view>;
  std::vector<hint> hints = {{"r", "restart"}, {"s", "stop"}, {"a", "start"}, {"l", "log"}};
  if (view.selected && view.selected->is_supervisor)
    hints.insert(hints.end(), {{"space", "fold"}, {"?", "help"}, {"q", "quit"}});
  else
    hints.insert(hints.end(), {{"R", "roll"}, {"+ -", "scale"}, {"?", "help"}, {"q", "quit"}});
  if (view.page == top_view::scene::log)
    hints = {{look.utf8 ? "↑↓" : "up/down", "scroll"}, {"end", "follow"}, {"q", "back"}};
  else if (view.page == top_view::scene::help)
    hints = {{"any key", "back"}};
  for (const auto& [key, text] : hints)
    line.add(" ").add(key, tone::key).add(" ").add(text, tone::dim).add(" ");
  if (view.page == top_view::scene::log)
    line.add(
      view.log_back > 0          ? fmt::format("  {} lines below", view.log_back)
      : view.log_trouble.empty() ? std::string{"  following"}
                                 : "  " + view.log_trouble,
      view.log_back > 0 || !view.log_trouble.empty() ? tone::warn : tone::good);
  return line.done();
}

std::size_t event_lines(const top_look& look) {
  return look.height >= 40 ? 10 : look.height >= 30 ? 7 : look.height >= 20 ? 4 : look.height >= 14 ? 2 : 0;
}

/// Lines around the rows: title, heads, a blank before the events, the events, what is selected, keys.
std::size_t frame_lines(const top_look& look) {
  auto events = event_lines(look);
  return (look.height >= 8 ? 4 : 2) + events + (events > 0 ? 1 : 0);
}

void draw_tree(const top_model& model, top_view& view, const top_look& look, std::vector<std::string>& lines) {
  auto rows = model.rows(view.collapsed);
  auto room = visible_rows(look);
  auto at = view.selected ? std::find(rows.begin(), rows.end(), *view.selected) : rows.end();
  auto chosen = static_cast<std::size_t>(at == rows.end() ? 0 : at - rows.begin());
  view.offset = std::min(view.offset, rows.size() - std::min(rows.size(), room));
  if (chosen < view.offset)
    view.offset = chosen;
  if (chosen >= view.offset + room)
    view.offset = chosen + 1 - room;
  auto c = columns_for(look.width, longest_name(rows));
  lines.push_back(head_line(c, look));
  for (std::size_t i = 0; i < room; ++i) {
    auto index = view.offset + i;
    lines.push_back(
      index < rows.size() ? row_line(model, rows[index], view, c, look, at != rows.end() && index == chosen) : "");
  }
  if (rows.empty() && room > 0)
    lines[lines.size() - room] = " no daemons";
  auto events = event_lines(look);
  if (events > 0) {
    painted rule{look};
    auto below = rows.size() - std::min(rows.size(), view.offset + room);
    auto text = below > 0 ? fmt::format(" {} more below ", below) : std::string{" events "};
    rule.add(look.utf8 ? "──" : "--", tone::dim).add(text, below > 0 ? tone::warn : tone::dim);
    std::string dash;
    for (auto i = rule.used(); i < look.width; ++i)
      dash += look.utf8 ? "─" : "-";
    rule.add(dash, tone::dim);
    lines.push_back(rule.done());
    auto shown = std::min(events, model.events.size());
    for (std::size_t i = 0; i < events; ++i)
      lines.push_back(i < shown ? event_text(model.events[model.events.size() - shown + i], look) : "");
  }
  if (look.height >= 8)
    lines.push_back(about_line(model, view, look));
}

void draw_log(top_view& view, const top_look& look, std::vector<std::string>& lines) {
  auto room = look.height - std::min<std::size_t>(look.height, 2);
  view.log_back = std::min(view.log_back, view.log.size() - std::min(view.log.size(), room));
  auto end = view.log.size() - view.log_back;
  auto begin = end - std::min(end, room);
  for (auto i = begin; i < end; ++i) {
    painted line{look};
    const auto& each = view.log[i];
    if (!each.at.empty())
      line.add(local_time(each.at).substr(0, 8), tone::dim).add(" ");
    lines.push_back(line.add(each.text, each.is_error ? tone::warn : tone::plain).done());
  }
  if (view.log.empty() && room > 0)
    lines.push_back(" nothing written yet");
}

void draw_help(const top_look& look, std::vector<std::string>& lines) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 14> keys = {{
    {"up, down, j, k", "move"},
    {"page up, page down", "move by a page"},
    {"home, end", "first and last row"},
    {"left, right", "close and open a supervisor, or go to it"},
    {"space", "close or open a supervisor"},
    {"enter, l", "follow the log of a daemon"},
    {"r", "restart, after a question"},
    {"s", "stop, after a question"},
    {"a", "start"},
    {"R", "restart all instances one after another, after a question"},
    {"+ -", "more or fewer instances, after a question"},
    {"?", "this list"},
    {"q, ctrl-c", "quit"},
    {"ctrl-z", "suspend; fg comes back"},
  }};
  lines.emplace_back();
  for (const auto& [key, text] : keys) {
    painted line{look};
    lines.push_back(line.add("   ").add(pad(key, 20), tone::key).add(text).done());
  }
}

} // namespace

std::size_t visible_rows(const top_look& look) { return look.height - std::min(look.height, frame_lines(look)); }

std::vector<std::string> draw(const top_model& model, top_view& view, const top_look& look) {
  std::vector<std::string> lines = {title_line(model, view, look)};
  if (view.page == top_view::scene::tree)
    draw_tree(model, view, look, lines);
  else if (view.page == top_view::scene::log)
    draw_log(view, look, lines);
  else
    draw_help(look, lines);
  lines.resize(look.height - std::min<std::size_t>(look.height, 1));
  lines.push_back(keys_line(view, look));
  lines.resize(look.height);
  return lines;
}

std::vector<std::string> draw_once(const top_model& model, const top_look& look) {
  top_view view;
  std::vector<std::string> lines = {title_line(model, view, look)};
  auto rows = model.rows({});
  auto c = columns_for(look.width, longest_name(rows));
  c.note += c.spark > 0 ? 2 * (c.spark + 1) : 0; // one look has no history to draw
  c.spark = 0;
  lines.push_back(head_line(c, look));
  for (const auto& row : rows)
    lines.push_back(row_line(model, row, view, c, look, false));
  return lines;
}

} // namespace duende::cli
