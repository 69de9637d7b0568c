#include "apps/duende/top_paint.hpp"

#include "apps/duende/terminal.hpp"
#include "apps/duende/top_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace duende::cli {

bool terminal_speaks_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') {
      std::string_view text = value;
      return text.find("UTF-8") != text.npos || text.find("utf8") != text.npos || text.find("UTF8") != text.npos
             || text.find("utf-8") != text.npos;
    }
  return false;
}

top_look::palette terminal_palette(const context& c) {
  if (!use_color(c))
    return top_look::palette::none;
  auto value = [](const char* name) { return std::string{std::getenv(name) ? std::getenv(name) : ""}; };
  auto term = value("TERM");
  if (term == "dumb")
    return top_look::palette::none;
  return term.find("256") != std::string::npos || !value("COLORTERM").empty() ? top_look::palette::many
                                                                              : top_look::palette::basic;
}

painted& painted::add(std::string_view text, tone with) {
  auto room = look_.width - std::min(look_.width, used_);
  auto shown = clip(text, room, look_.utf8 ? "…" : "~");
  used_ += columns_of(shown);
  if (look_.colors == top_look::palette::none) {
    out_ += shown;
  } else if (!shown.empty()) {
    out_ += fmt::format("\x1b[0{}{}m", codes(with), base());
    out_ += shown;
  }
  return *this;
}

std::string painted::done() {
  if (ground_ != ground::none)
    to(look_.width);
  if (look_.colors == top_look::palette::none)
    out_.erase(out_.find_last_not_of(' ') + 1);
  else
    out_ += "\x1b[0m";
  return std::move(out_);
}

std::string_view painted::base() const {
  if (ground_ == ground::none)
    return "";
  if (look_.colors == top_look::palette::basic)
    return ";7";
  return ground_ == ground::chosen ? ";48;5;237" : ";48;5;54";
}

std::string_view painted::codes(tone with) const {
  bool many = look_.colors == top_look::palette::many;
  if (ground_ != ground::none && !many)
    return with == tone::bold || with == tone::brand ? ";1" : "";
  bool on_dark = ground_ != ground::none;
  switch (with) {
    case tone::plain: return on_dark ? ";38;5;255" : "";
    case tone::dim: return on_dark ? ";38;5;250" : many ? ";38;5;244" : ";2";
    case tone::bold: return on_dark ? ";1;38;5;255" : ";1";
    case tone::good: return on_dark ? ";38;5;120" : ";32";
    case tone::warn: return on_dark ? ";38;5;221" : ";33";
    case tone::bad: return on_dark ? ";1;38;5;210" : ";1;31";
    case tone::calm: return on_dark ? ";38;5;117" : ";36";
    case tone::cpu: return many ? ";38;5;141" : ";35";
    case tone::memory: return many ? ";38;5;80" : ";36";
    case tone::brand: return ";1;38;5;255";
    case tone::key: return on_dark ? ";1;38;5;221" : ";1;33";
  }
  return "";
}

} // namespace duende::cli
