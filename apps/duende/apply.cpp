#include "actors/api/tls.hpp"
#include "apps/duende/client.hpp"
#include "apps/duende/commands.hpp"
#include "apps/duende/files.hpp"
#include "apps/duende/show.hpp"
#include "apps/duende/terminal.hpp"
#include "core/config/load.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace duende::cli {

int check(const context& c, const std::string& file) {
  auto loaded = load_file(absolute_file(file));
  print_config_errors(loaded.errors);
  if (!loaded.ok())
    return usage_error;
  bool there = true;
  for (const auto& spec : loaded.value.daemons)
    for (const auto& path : spec.watch ? spec.watch->paths : names{})
      if (::access(path.c_str(), F_OK) != 0) {
        there = false;
        print_error(fmt::format(
          "{}: daemon '{}': 'watch.paths': cannot watch '{}': {}", file, spec.name, path, std::strerror(errno)));
      }
  if (!there)
    return usage_error;
  if (const auto& node = loaded.value.node; !node.tls.certificate.empty()) {
    auto identity = api::tls_identity::load(node.tls, wall_now());
    if (!identity) {
      print_error(fmt::format("{}: 'node.tls': {}", file, sentence(identity.error())));
      return usage_error;
    }
    if (auto warning = (*identity)->warning(wall_now()); !warning.empty())
      print_error(fmt::format("{}: 'node.tls': {}", file, warning));
  }
  note(
    c, fmt::format(
         "{}: {} daemon{}, {} supervisor{}: valid", file, loaded.value.daemons.size(),
         loaded.value.daemons.size() == 1 ? "" : "s", loaded.value.supervisors.size(),
         loaded.value.supervisors.size() == 1 ? "" : "s"));
  return done;
}

void print_plan(const context& c, const json& plan, bool dry_run) {
  bool colored = use_color(c);
  std::size_t steps = 0;
  for (const auto& step : plan.value("steps", json::array())) {
    auto action = step.value("action", "");
    auto with = action == "add" ? color::green : action == "remove" ? color::red : color::yellow;
    fmt::print("{}\n", paint(printable(step.value("text", "")), with, colored));
    ++steps;
  }
  note(
    c, fmt::format(
         "{}{} change{}, {} unchanged", dry_run ? "would make " : "", steps, steps == 1 ? "" : "s",
         plan.value("unchanged", std::uint64_t{0})));
}

int apply(const context& c, const std::string& file, bool dry_run) {
  // Resolved here, with its includes: paths in it are those of who applies it, and its errors show before the node is asked.
  auto loaded = load_file(absolute_file(file));
  print_config_errors(loaded.errors);
  if (!loaded.ok())
    return usage_error;
  client node{c.socket()};
  auto plan = node.send_json(
    {.method = "POST",
     .target = fmt::format("/v1/apply?dry_run={}&file={}", dry_run ? 1 : 0, api_encode(absolute_file(file))),
     .body = stack_to_json(loaded.value),
     .patience = std::chrono::minutes{5}});
  if (!plan)
    return report(fmt::format("cannot apply '{}'", file), plan.error());
  print_plan(c, *plan, dry_run);
  return done;
}

} // namespace duende::cli
