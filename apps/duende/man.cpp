#include "apps/duende/man.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <string_view>

namespace duende::cli {
namespace {

constexpr std::string_view head = R"(.TH DUENDE 1 "" "duende @VERSION@" "User Commands"
.SH NAME
duende \- runs daemons and keeps them running
.SH SYNOPSIS
.B duende
.RI [ options ]
.I command
.RI [ arguments ]
.SH DESCRIPTION
.B duende
talks to a node over its socket.
.B duende up
starts a node with the daemons of
.BR duende.toml (5).
)";

constexpr std::string_view tail = R"(.SH EXIT STATUS
.TP
.B 0
done
.TP
.B 1
the operation failed
.TP
.B 2
usage, or an invalid configuration
.TP
.B 3
no such daemon
.TP
.B 4
the node can't be reached
.TP
.B 124
timed out
.SH FILES
.TP
.I /run/duende/NODE/api.sock
the node's socket, of root; of others
.I $XDG_RUNTIME_DIR/duende/NODE/api.sock
.TP
.I /var/lib/duende
state and logs of root's nodes; of others
.I $XDG_STATE_HOME/duende
.SH ENVIRONMENT
.TP
.B DUENDE_SOCKET, DUENDE_NODE
as \-\-socket and \-\-node
.TP
.B DUENDE_TOKEN, DUENDE_TOKEN_FILE, DUENDE_CA, DUENDE_CERT
for a node behind a URL: the token itself, and as \-\-token\-file, \-\-ca and \-\-cert
.TP
.B NO_COLOR
not empty: no colours
.SH SEE ALSO
.BR duende.toml (5),
.BR duended (8),
.BR duende\-keeper (8)
)";

std::string escaped(std::string_view text) {
  std::string result;
  for (char c : text) {
    if (c == '\\')
      result += "\\e";
    else if (c == '-')
      result += "\\-";
    else if (c == '\n')
      result += ' ';
    else
      result += c;
  }
  // A line that begins with a dot or a quote is a macro.
  return result.starts_with('.') || result.starts_with('\'') ? "\\&" + result : result;
}

std::string options_of(const CLI::App& app) {
  std::string text;
  for (const auto* option : app.get_options()) {
    if (option->get_description().empty())
      continue;
    bool positional = option->get_positional();
    auto type = option->get_type_size() == 0 || positional ? std::string{} : option->get_type_name();
    text += fmt::format(
      ".TP\n.B {}{}\n{}\n", escaped(option->get_name(positional, true)), type.empty() ? "" : " " + escaped(type),
      escaped(option->get_description()));
  }
  return text;
}

} // namespace

std::string man_page(const CLI::App& app) {
  std::string text{head};
  text.replace(text.find("@VERSION@"), 9, DUENDE_VERSION);
  text += ".SH OPTIONS\n" + options_of(app) + ".SH COMMANDS\n";
  std::string later;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_description().starts_with('(')) {
      later += (later.empty() ? "" : ", ") + command->get_name();
      continue;
    }
    text += fmt::format(".SS duende {}\n{}\n", escaped(command->get_name()), escaped(command->get_description()));
    text += options_of(*command);
  }
  if (!later.empty())
    text += fmt::format(".SS Later\nKnown, but not supported by this version: {}\n", escaped(later));
  return text + std::string{tail};
}

} // namespace duende::cli
