#include "actors/api/parameters.hpp"
#include "apps/duende/client.hpp"
#include "apps/duende/commands.hpp"
#include "apps/duende/follow.hpp"
#include "apps/duende/remote_logs.hpp"

#include <set>

#include <unistd.h>

namespace duende::cli {
namespace {

struct located {
  std::vector<api::log_source> sources;
  caf::error error;
};

located locate(client& node, const names& which) {
  located result;
  auto all = node.send_json({.target = "/v1/daemons?logs=1"});
  if (!all) {
    result.error = all.error();
    return result;
  }
  std::set<std::string> found;
  for (const auto& daemon : *all) {
    auto name = text_of(daemon, "name");
    auto wanted = [&](const std::string& each) { return goes_by(daemon, each); };
    if ((!which.empty() && std::none_of(which.begin(), which.end(), wanted)) || !daemon.contains("logs"))
      continue;
    for (const auto& each : which)
      if (wanted(each))
        found.insert(each);
    result.sources.push_back({name, text_of(daemon["logs"], "dir"), daemon["logs"].value("timestamps", true)});
  }
  for (const auto& name : which)
    if (!found.contains(name))
      result.error = fail(errc::not_found, "no daemon named '{}'; 'duende ps' lists all", name);
  return result;
}

caf::error read_since(const logs_options& options, const located& where, view_options& view) {
  if (options.since.empty())
    return {};
  auto at = api::parse_since(options.since);
  if (!at)
    return fail(errc::invalid_config, "--since: {}", sentence(at.error()));
  for (const auto& source : where.sources)
    if (!source.timestamps)
      return fail(
        errc::invalid_config, "--since: the logs of '{}' carry no time stamps (logs.timestamps)", source.daemon);
  view.since = to_rfc3339(*at);
  return {};
}

int follow(const context& c, const logs_options& options, const located& where, view_options view) {
  follow_session session{c, {.view = view, .take_newcomers = options.which.empty()}};
  for (const auto& source : where.sources) {
    if (access(source.dir.c_str(), R_OK | X_OK) != 0 && errno != ENOENT)
      return report(
        "cannot follow", errno_error(errc::io_failure, errno, fmt::format("no access to '{}'", source.dir)));
    // With a time the files are read from their beginning: nothing is lost between what is stored and what comes.
    session.add(
      source, options.lines || view.since.empty() ? options.lines.value_or(10) : std::optional<std::size_t>{});
  }
  session.connect();
  session.run();
  print_error(fmt::format("the node at {} has ended", c.socket()));
  return not_reachable;
}

} // namespace

int logs(const context& c, const logs_options& options) {
  client node{c.socket()};
  auto where = locate(node, options.which);
  if (where.error)
    return report("cannot show logs", where.error);
  view_options view;
  view.colored = use_color(c);
  view.prefixed = where.sources.size() != 1 || options.which.empty();
  view.stamped = !view.colored || !view.prefixed;
  view.as_json = options.as_json;
  if (options.follow && c.remote()) {
    std::set<std::string> names;
    for (const auto& source : where.sources)
      names.insert(source.daemon);
    return remote_logs{c, options, std::move(names), options.which.empty(), view}.run();
  }
  if (options.follow) {
    if (auto error = read_since(options, where, view))
      return report("cannot show logs", error);
    return follow(c, options, where, view);
  }
  log_view shown{view};
  for (const auto& source : where.sources)
    shown.widen(source.daemon);
  auto query = options.lines ? fmt::format("tail={}", *options.lines) : options.since.empty() ? "tail=100" : "";
  if (!options.since.empty())
    query += "&since=" + api_encode(options.since);
  for (const auto& source : where.sources) {
    std::string rest;
    auto accept = options.as_json ? "application/x-ndjson" : "text/plain";
    auto got = node.stream(
      {.target = daemon_target(source.daemon, "/logs?" + query), .headers = {{"Accept", accept}}},
      [&](std::string_view data) {
        if (options.as_json) {
          fmt::print("{}", data);
          return true;
        }
        rest += data;
        std::size_t begin = 0;
        for (std::size_t end; (end = rest.find('\n', begin)) != std::string::npos; begin = end + 1)
          shown.line(
            source.daemon, log_stream::out, std::string_view{rest}.substr(begin, end - begin), source.timestamps);
        rest.erase(0, begin);
        return true;
      });
    if (!got)
      return report(fmt::format("cannot show the logs of '{}'", source.daemon), got.error());
  }
  return done;
}

} // namespace duende::cli
