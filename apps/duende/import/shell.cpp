#include "apps/duende/import/shell.hpp"

#include "core/words.hpp"

#include <algorithm>
#include <array>

namespace duende::porting {
namespace {

constexpr std::string_view blanks = " \t\r\n";

/// Words that only a shell knows, or that do other things as programs.
constexpr auto shell_words = std::to_array<std::string_view>(
  {".",        "!",    "{",     "}",      "[[",       "alias",  "bg",     "break", "case",   "cd",   "command",
   "continue", "do",   "done",  "eval",   "exec",     "exit",   "export", "fg",    "fi",     "for",  "function",
   "if",       "jobs", "local", "read",   "readonly", "return", "set",    "shift", "source", "then", "time",
   "times",    "trap", "type",  "ulimit", "umask",    "unset",  "until",  "wait",  "while"});

bool shell_word(std::string_view word) {
  return std::find(shell_words.begin(), shell_words.end(), word) != shell_words.end();
}

bool assignment(std::string_view word) {
  auto equals = word.find('=');
  if (equals == std::string_view::npos || equals == 0 || (word[0] >= '0' && word[0] <= '9'))
    return false;
  return std::all_of(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(equals), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

/// One simple command: nothing outside of quotes that joins commands or opens a compound one.
bool one_command(std::string_view line) {
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    char c = line[i];
    if (quote != 0) {
      if (c == '\\' && quote == '"')
        ++i;
      else if (c == quote)
        quote = 0;
    } else if (c == '\\') {
      ++i;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (std::string_view{"|;\n()#"}.find(c) != std::string_view::npos) {
      return false;
    } else if (c == '&' && (i == 0 || line[i - 1] != '>') && (i + 1 == line.size() || line[i + 1] != '>')) {
      return false; // but 2>&1 and &>file are redirections
    }
  }
  return quote == 0;
}

std::string trimmed(std::string_view text) {
  auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos)
    return {};
  return std::string{text.substr(first, text.find_last_not_of(blanks) - first + 1)};
}

} // namespace

plan_of_line without_shell(std::string_view line) {
  plan_of_line result;
  auto text = trimmed(line);
  bool braces = text.find('{') != std::string::npos; // a shell may expand them
  if (auto words = split_words(text); words && !words->empty() && !braces) {
    auto program = words->begin();
    while (program != words->end() && assignment(*program)) {
      auto equals = program->find('=');
      result.variables[program->substr(0, equals)] = program->substr(equals + 1);
      ++program;
    }
    if (program != words->end() && !program->empty() && !shell_word(*program)) {
      result.words.assign(program, words->end());
      return result;
    }
    result.variables.clear();
  }
  result.shell = true;
  auto first = text.substr(0, text.find_first_of(blanks));
  if (one_command(text) && !shell_word(first) && !assignment(first))
    text = "exec " + text;
  result.words = {"/bin/sh", "-c", std::move(text)};
  return result;
}

bool split_plain(std::string_view line, std::vector<std::string>& words) {
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    char c = line[i];
    if (quote == '\'') {
      if (c == quote)
        quote = 0;
      else
        word += c;
    } else if (quote == '"') {
      if (c == quote)
        quote = 0;
      else if (c == '\\' && i + 1 < line.size() && (line[i + 1] == '"' || line[i + 1] == '\\'))
        word += line[++i];
      else
        word += c;
    } else if (blanks.find(c) != std::string_view::npos) {
      if (in_word)
        words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else {
      in_word = true;
      if (c == '\'' || c == '"')
        quote = c;
      else if (c == '\\' && i + 1 < line.size())
        word += line[++i];
      else
        word += c;
    }
  }
  if (in_word)
    words.push_back(std::move(word));
  return quote == 0;
}

} // namespace duende::porting
