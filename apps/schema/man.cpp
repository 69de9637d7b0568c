#include "apps/schema/man.hpp"

#include "core/config/rules.hpp"

#include <fmt/format.h>

#include <set>
#include <string_view>

namespace duende {
namespace {

using config::shape;

constexpr std::string_view head = R"(.TH DUENDE.TOML 5 "" "duende @VERSION@" "File Formats"
.SH NAME
duende.toml \- the daemons of a node
.SH DESCRIPTION
TOML, one file for a whole stack; JSON of the same structure where its name ends in .json.
.B duende check
reports every error of a file with its place; nothing is started from an invalid file.
Relative paths are taken from the folder of the file.
Sizes are bytes or strings such as "512MiB", durations are strings such as "250ms" or "1h30m".
.SH EXAMPLE
.nf
[[daemon]]
name        = "cache"
binary_path = "/usr/bin/redis-server"
args        = ["--port", "6380"]
ready       = { type = "tcp", address = "127.0.0.1:6380" }

[[daemon]]
name       = "worker"
command    = "./worker --queue 127.0.0.1:6380"
depends_on = ["cache"]
restart    = { policy = "always" }
.fi
)";

std::string_view words_of(shape type) {
  switch (type) {
    case shape::boolean: return "boolean";
    case shape::integer: return "integer";
    case shape::number: return "number";
    case shape::size: return "size";
    case shape::duration: return "duration";
    case shape::texts: return "array of strings";
    case shape::integers: return "array of integers";
    case shape::text_table: return "table of strings";
    case shape::program_call: return "string or array of strings";
    case shape::commands: return "array of commands";
    case shape::dependencies: return "array of names";
    case shape::inherit: return "array of names, or boolean";
    case shape::name: return "name";
    case shape::path: return "path";
    case shape::signal: return "signal";
    default: return "string";
  }
}

std::string escaped(std::string_view text) {
  std::string result;
  for (char c : text)
    result += c == '\\' ? std::string{"\\e"} : c == '-' ? std::string{"\\-"} : std::string{c};
  return result.starts_with('.') || result.starts_with('\'') ? "\\&" + result : result;
}

} // namespace

std::string config_man_page() {
  std::string text{head};
  text.replace(text.find("@VERSION@"), 9, DUENDE_VERSION);
  text += ".SH KEYS\n";
  std::set<std::string> seen;
  std::string later;
  std::string_view current;
  for (const auto& r : config::all_rules()) {
    bool section = r.type == shape::section || r.type == shape::sections;
    if (section)
      continue;
    if (!r.supported()) {
      later += fmt::format("{}{}.{}", later.empty() ? "" : ", ", r.section, r.key);
      continue;
    }
    if (r.section != current || seen.empty()) {
      current = r.section;
      bool many = current == "daemon" || current == "supervisor" || current == "daemon.socket";
      text += fmt::format(".SS {}{}{}\n", many ? "[[" : "[", escaped(current), many ? "]]" : "]");
    }
    seen.insert(std::string{r.section});
    auto type = r.words.empty() ? std::string{words_of(r.type)} : fmt::format("{}", fmt::join(r.words, " | "));
    text += fmt::format(".TP\n.BR {} \" (\" \"{}\" )\n{}\n", escaped(r.key), escaped(type), escaped(r.doc));
  }
  if (!later.empty())
    text += fmt::format(".SH NOT IN THIS VERSION\nKnown, and refused by name:\n{}.\n", escaped(later));
  return text + ".SH SEE ALSO\n.BR duende (1)\n";
}

} // namespace duende
