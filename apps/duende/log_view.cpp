#include "apps/duende/log_view.hpp"

#include "actors/api/log_merge.hpp"

#include <algorithm>
#include <cstdio>
#include <functional>

namespace duende::cli {
namespace {

constexpr std::size_t max_name_width = 24;

color color_of_name(std::string_view name) {
  constexpr color palette[] = {color::cyan, color::yellow, color::green, color::magenta, color::blue};
  return palette[std::hash<std::string_view>{}(name) % std::size(palette)];
}

} // namespace

void log_view::widen(std::string_view name) {
  width_ = std::max(width_.load(), std::min(display_width(name), max_name_width));
}

void log_view::prefix(std::string& out, std::string_view name, color with) const {
  auto shown = shorten(printable(name), max_name_width);
  shown.append(width_ - std::min(width_.load(), display_width(shown)), ' ');
  out += paint(shown + " |", with, how_.colored);
  out += ' ';
}

void log_view::print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void log_view::line(const std::string& daemon, log_stream stream, std::string_view raw, bool timestamps) {
  std::string out;
  auto line = api::split_line(raw, stream, timestamps);
  if (how_.prefixed)
    prefix(out, daemon, color_of_name(daemon));
  out += how_.stamped ? line.raw : line.text;
  out += '\n';
  print(out);
}

void log_view::show(const api::log_lines& lines) {
  const auto& daemon = lines.source.daemon;
  widen(daemon);
  std::string out, lead;
  if (how_.prefixed && !how_.as_json)
    prefix(lead, daemon, color_of_name(daemon));
  if (lines.lost)
    say(fmt::format("{}: lines are missing here: they were rotated away before they could be shown", daemon));
  for (auto rest = lines.text; !rest.empty();) {
    auto raw = rest.substr(0, rest.find('\n') + 1);
    rest.remove_prefix(raw.size());
    auto line = api::split_line(raw, lines.stream, lines.source.timestamps);
    if (!line.at.empty() && line.at < how_.since)
      continue;
    if (how_.as_json) {
      json object = {{"daemon", daemon}, {"stream", lines.stream == log_stream::out ? "stdout" : "stderr"}};
      object["at"] = line.at.empty() ? json{} : json(line.at);
      object["text"] = line.text;
      out += object.dump(-1, ' ', false, json::error_handler_t::replace);
    } else {
      out += lead;
      out += how_.stamped ? line.raw : line.text;
    }
    out += '\n';
  }
  if (!out.empty())
    print(out);
}

void log_view::show_event(const json& event) {
  std::string out;
  prefix(out, "duende", color::bold);
  out += paint(printable(text_of(event, "text")), color_of_event(text_of(event, "kind")), how_.colored);
  print(out + "\n");
}

void log_view::say(std::string_view text) {
  if (how_.as_json) {
    print_error(text);
    return;
  }
  std::string out;
  prefix(out, "duende", color::bold);
  print(out + printable(text) + "\n");
}

} // namespace duende::cli
