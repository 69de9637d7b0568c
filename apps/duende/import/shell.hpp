// Where a line needs a shell and where it does not.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace duende::porting {

struct plan_of_line {
  std::vector<std::string> words;               ///< program and arguments
  std::map<std::string, std::string> variables; ///< NAME=value in front of the program
  bool shell = false;                           ///< words are sh -c LINE
};

/// What runs `line` as sh -c would: words where no shell is needed, else /bin/sh. `exec` goes in front where the line is one
/// simple command, so that signals and the exit reach the program and not the shell.
/// Source: POSIX.1-2017, Shell Command Language.
plan_of_line without_shell(std::string_view line);

/// Splits as Python's shlex.split and Docker do: quotes and backslashes, nothing else. False for an open quote.
bool split_plain(std::string_view line, std::vector<std::string>& words);

} // namespace duende::porting
