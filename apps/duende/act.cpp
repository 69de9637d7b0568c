// Commands that act on named daemons.
#include "apps/duende/client.hpp"
#include "apps/duende/commands.hpp"
#include "apps/duende/show.hpp"
#include "core/exit_reason.hpp"
#include "core/paths.hpp"
#include "core/state.hpp"
#include "core/units.hpp"

#include <algorithm>
#include <functional>
#include <thread>

#include <unistd.h>

namespace duende::cli {
namespace {

constexpr std::size_t max_at_once = 64; ///< half of what a node serves at once

/// What the user may do about it, appended to the cause.
std::string_view advice(errc code) {
  switch (code) {
    case errc::not_found: return "; 'duende ps' lists all";
    case errc::timed_out: return "; it may still happen: see 'duende ps'";
    case errc::spawn_failed: return "; see 'duende status' and 'duende logs'";
    default: return "";
  }
}

/// Runs `one` for each name, side by side: a daemon may wait for another one of the list. The first failure decides the code.
int for_each_name(
  const context& c, const names& given, std::string_view verb,
  const std::function<caf::expected<void>(const std::string&)>& one) {
  auto which = with_instances(c, given);
  std::vector<caf::expected<void>> results(which.size());
  for (std::size_t first = 0; first < which.size(); first += max_at_once) {
    std::vector<std::thread> threads;
    for (auto i = first; i < std::min(first + max_at_once, which.size()); ++i)
      threads.emplace_back([&, i] { results[i] = one(which[i]); });
    for (auto& thread : threads)
      thread.join();
  }
  int code = done;
  for (std::size_t i = 0; i < which.size(); ++i) {
    if (results[i])
      continue;
    const auto& error = results[i].error();
    auto text = sentence(error);
    auto hint = text.find("did you mean") == std::string::npos ? advice(code_of(error)) : "";
    int this_code = report(
      code_of(error) == errc::unreachable ? "" : fmt::format("cannot {} '{}'", verb, which[i]),
      make_error(code_of(error), text + std::string{hint}));
    code = code == done ? this_code : code;
    if (code_of(error) == errc::unreachable)
      break; // the same for all of them
  }
  return code;
}

} // namespace

int act(const context& c, const std::string& verb, const names& which, const std::string& timeout) {
  duration patience = std::chrono::minutes{5};
  if (!timeout.empty()) {
    auto parsed = parse_duration(timeout);
    if (!parsed)
      return report("--timeout", parsed.error());
    patience = *parsed;
  }
  return for_each_name(c, which, verb, [&](const std::string& name) -> caf::expected<void> {
    client node{c.socket()};
    auto query = fmt::format("/{}?timeout={}", verb, format_duration(patience));
    auto result = node.send_json(
      {.method = "POST", .target = daemon_target(name, query), .patience = patience + std::chrono::seconds{15}});
    if (!result)
      return result.error();
    auto state = result->value("state", "");
    if (c.verbose)
      fmt::print("{}: {}\n", name, state);
    // The API answers with the outcome; a start that ended in `failed` is one, but not what was asked for.
    if (state == "failed" && (verb == "start" || verb == "restart"))
      return fail(
        errc::spawn_failed, "it failed: {}",
        (*result)["last_exit"].is_object() ? (*result)["last_exit"].value("text", "no reason known")
                                           : result->value("status_text", "no reason known"));
    return {};
  });
}

int kill(const context& c, const names& which, const std::string& signal) {
  if (signal_number(signal) == 0)
    return usage(fmt::format("'{}' is no signal: expected a name like TERM or a number", signal));
  return for_each_name(c, which, "signal", [&](const std::string& name) -> caf::expected<void> {
    client node{c.socket()};
    auto sent =
      node.send({.method = "POST", .target = daemon_target(name, "/signal"), .body = json{{"signal", signal}}.dump()});
    return sent ? caf::expected<void>{} : sent.error();
  });
}

int remove(const context& c, const names& which) {
  return for_each_name(c, which, "remove", [&](const std::string& name) -> caf::expected<void> {
    client node{c.socket()};
    auto sent = node.send({.method = "DELETE", .target = daemon_target(name), .patience = std::chrono::minutes{6}});
    return sent ? caf::expected<void>{} : sent.error();
  });
}

int run(const context& c, const run_options& options) {
  if (options.command.empty())
    return usage("run: no command given");
  if (!parse_enum<restart_kind>(options.restart))
    return usage(
      fmt::format("--restart: '{}' is not never, on-failure, always, unless-stopped or max-retries", options.restart));
  std::string cwd(4096, '\0');
  if (getcwd(cwd.data(), cwd.size()) == nullptr)
    return report("run", errno_error(errc::io_failure, errno, "cannot tell the working directory"));
  cwd.resize(cwd.find('\0'));
  const auto& program = options.command.front();
  auto base = program.substr(program.rfind('/') + 1); // npos + 1 is 0
  client node{c.socket()};
  for (int attempt = 1;; ++attempt) {
    auto name = !options.name.empty() ? options.name : attempt == 1 ? base : fmt::format("{}-{}", base, attempt);
    json spec = {{"name", name}, {"working_dir", cwd}};
    spec["binary_path"] = program.find('/') == std::string::npos ? program : absolute_path(cwd, program);
    spec["args"] = std::vector<std::string>(options.command.begin() + 1, options.command.end());
    spec["restart"] = {{"policy", options.restart}};
    auto text = spec.dump(-1, ' ', false, json::error_handler_t::replace);
    auto added = node.send_json(
      {.method = "POST",
       .target = "/v1/daemons?base=" + api_encode(cwd),
       .body = text,
       .patience = std::chrono::minutes{1}});
    if (added) {
      fmt::print("{}\n", added->value("name", name));
      return done;
    }
    bool taken = code_of(added.error()) == errc::already_exists && options.name.empty() && attempt < 1000;
    if (!taken)
      return report(fmt::format("cannot run '{}'", name), added.error());
  }
}

} // namespace duende::cli
