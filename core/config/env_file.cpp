#include "core/config/env_file.hpp"

#include "core/config/checks.hpp"
#include "core/config/file.hpp"

#include <algorithm>

namespace duende::config {
namespace {

constexpr std::string_view blanks_in_line = " \t\r";

bool key_character(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && c >= '0' && c <= '9');
}

/// Takes one line apart. `problem` with its column where that can't be done.
struct line_reader {
  std::string_view line;
  std::size_t at = 0;
  std::string key, content;
  std::string problem;

  bool fail(std::string_view words) {
    problem = words;
    return false;
  }
  void skip_blanks() { at = std::min(line.find_first_not_of(blanks_in_line, at), line.size()); }
  bool ended() const { return at == line.size() || line[at] == '#'; }

  /// False for a fault; `key` stays empty where the line holds nothing.
  bool read() {
    skip_blanks();
    if (ended())
      return true;
    if (line.substr(at).starts_with("export ") || line.substr(at).starts_with("export\t")) {
      at += 7;
      skip_blanks();
    }
    auto first = at;
    while (at < line.size() && key_character(line[at], at == first))
      ++at;
    if (at == first)
      return fail("expected KEY=VALUE");
    if (at == line.size() || line[at] != '=')
      return fail("expected '=' after the key");
    key = line.substr(first, at - first);
    ++at;
    if (at < line.size() && (line[at] == '\'' || line[at] == '"'))
      return read_quoted(line[at]);
    auto end = at;
    while (end < line.size()
           && !(line[end] == '#' && end > at && blanks_in_line.find(line[end - 1]) != std::string_view::npos))
      ++end;
    content = line.substr(at, end - at);
    content.erase(content.find_last_not_of(blanks_in_line) + 1);
    content.erase(0, std::min(content.find_first_not_of(blanks_in_line), content.size()));
    return true;
  }

  bool read_quoted(char quote) {
    auto opened = at++;
    while (at < line.size() && line[at] != quote) {
      char c = line[at++];
      if (c == '\\' && quote == '"' && at < line.size()) {
        char next = line[at++];
        switch (next) {
          case 'n': content += '\n'; break;
          case 't': content += '\t'; break;
          case 'r': content += '\r'; break;
          case '"':
          case '\\':
          case '$': content += next; break;
          default: content += c; content += next;
        }
        continue;
      }
      content += c;
    }
    if (at == line.size())
      return at = opened, fail("the quote is not closed on this line");
    ++at;
    skip_blanks();
    return ended() || fail("text after the closing quote");
  }
};

} // namespace

std::map<std::string, std::string> parse_env(std::string_view text, std::string_view file, error_list& errors) {
  std::map<std::string, std::string> result;
  if (text.starts_with("\xEF\xBB\xBF"))
    text.remove_prefix(3);
  for (std::uint32_t number = 1; !text.empty(); ++number) {
    auto end = std::min(text.find('\n'), text.size());
    line_reader reader{text.substr(0, end)};
    text.remove_prefix(std::min(end + 1, text.size()));
    bool good = reader.read();
    if (good && !reader.key.empty()) {
      reader.problem = check_variable(reader.key, reader.content);
      if (reader.problem.empty() && !valid_utf8(reader.content))
        reader.problem = fmt::format("the value of '{}' is not UTF-8", reader.key);
    }
    if (!reader.problem.empty())
      errors.add(file, {number, static_cast<std::uint32_t>(good ? 1 : reader.at + 1)}, std::move(reader.problem));
    else if (!reader.key.empty())
      result.insert_or_assign(std::move(reader.key), std::move(reader.content));
  }
  return result;
}

} // namespace duende::config
