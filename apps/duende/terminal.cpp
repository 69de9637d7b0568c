#include "apps/duende/terminal.hpp"

#include <algorithm>
#include <cstdlib>

#include <sys/ioctl.h>
#include <unistd.h>

namespace duende::cli {

std::size_t terminal_width() {
  winsize size{};
  if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return size.ws_col;
  return 100'000;
}

bool use_color(const context& c, int fd) {
  const char* disabled = std::getenv("NO_COLOR");
  return !c.no_color && (disabled == nullptr || *disabled == '\0') && isatty(fd) != 0;
}

std::string paint(std::string_view text, color with, bool enabled) {
  if (!enabled || with == color::none)
    return std::string{text};
  constexpr std::string_view codes[] = {"", "31", "32", "33", "34", "35", "36", "2", "1"};
  return fmt::format("\x1b[{}m{}\x1b[0m", codes[static_cast<std::size_t>(with)], text);
}

color color_of_state(std::string_view state) {
  if (state == "running")
    return color::green;
  if (state == "failed")
    return color::red;
  if (state == "stopped" || state == "created")
    return color::dim;
  return color::yellow;
}

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(
    std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string shorten(std::string_view text, std::size_t width) {
  if (display_width(text) <= width)
    return std::string{text};
  std::size_t end = 0, columns = 0;
  while (end < text.size() && columns + 1 < width) {
    ++end;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
      ++end;
    ++columns;
  }
  return width == 0 ? "" : std::string{text.substr(0, end)} + "…";
}

std::string table::render(std::size_t width, bool colored) const {
  std::vector<std::size_t> widths;
  for (const auto& title : head_)
    widths.push_back(display_width(title));
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], display_width(row[i].text));
  std::string out;
  auto put_row = [&](const std::vector<cell>& row) {
    std::string line;
    std::size_t used = 0;
    for (std::size_t i = 0; i < row.size(); ++i) {
      bool last = i + 1 == row.size();
      auto text = last ? shorten(row[i].text, width > used ? width - used : 0) : row[i].text;
      auto pad = std::string(widths[i] - std::min(widths[i], display_width(text)), ' ');
      if (row[i].right)
        line += pad;
      line += paint(text, row[i].with, colored);
      if (!row[i].right && !last)
        line += pad;
      if (!last)
        line += "  ";
      used += widths[i] + 2;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  std::vector<cell> head;
  for (std::size_t i = 0; i < head_.size(); ++i)
    head.push_back({head_[i], color::bold, !rows_.empty() && rows_.front()[i].right});
  put_row(head);
  for (const auto& row : rows_)
    put_row(row);
  return out;
}

} // namespace duende::cli
