#include "apps/duende/remote_logs.hpp"

#include "apps/duende/node_return.hpp"
#include "core/time.hpp"

#include <thread>

namespace duende::cli {
namespace {

using namespace std::chrono_literals;

constexpr duration patience = 30s; ///< the keeper starts a node again after 10 s at the latest
constexpr auto overlap = 5s;       ///< lines of different daemons come in no strict order

} // namespace

remote_logs::remote_logs(
  const context& c, const logs_options& options, std::set<std::string> names, bool all, view_options how)
  : context_(c), options_(options), names_(std::move(names)), all_(all), as_json_(how.as_json), view_(how) {
  for (const auto& name : names_)
    view_.widen(name);
}

std::string remote_logs::target(bool resumes) const {
  std::string query = "?follow=1";
  auto last = parse_rfc3339(newest_);
  if (resumes && unstamped_)
    query += "&tail=0";
  else if (resumes && last)
    query += "&since=" + api_encode(to_rfc3339(*last - overlap));
  else if (!options_.since.empty())
    query += "&since=" + api_encode(options_.since) + (options_.lines ? fmt::format("&tail={}", *options_.lines) : "");
  else
    query += fmt::format("&tail={}", options_.lines.value_or(10));
  return !all_ && names_.size() == 1 ? daemon_target(*names_.begin(), "/logs" + query) : "/v1/logs" + query;
}

void remote_logs::begin_again() {
  if (unstamped_)
    view_.say("the connection broke off: lines may be missing here");
  newest_at_break_ = newest_;
  for (auto& [key, each] : marks_) {
    each.passed = 0;
    each.repeats = !unstamped_;
  }
}

bool remote_logs::is_repeated(mark& where, const std::string& at) const {
  if (!where.repeats)
    return false;
  if (at.empty())
    return where.skipping;
  auto last = where.at.empty() ? newest_at_break_ : where.at;
  where.skipping = at < last || (at == where.at && where.passed++ < where.shown);
  where.repeats = where.skipping;
  return where.skipping;
}

void remote_logs::take_line(std::string_view text) {
  auto line = json::parse(text, nullptr, false);
  auto daemon = text_of(line, "daemon"), stream = text_of(line, "stream"), at = text_of(line, "at");
  if (daemon.empty() || (!all_ && !names_.contains(daemon)))
    return;
  auto which = stream == "stderr" ? log_stream::err : log_stream::out;
  if (line.value("lost", false)) {
    view_.show({{daemon, "", true}, which, "", true});
    return;
  }
  auto [found, fresh] = marks_.try_emplace({daemon, stream});
  auto& where = found->second;
  if (fresh)
    where.repeats = !newest_at_break_.empty();
  if (is_repeated(where, at))
    return;
  if (at.empty())
    unstamped_ = unstamped_ || where.at.empty(); // else a piece of a long line
  else if (at != where.at)
    where = {at, 1, 1, where.repeats, false};
  else
    ++where.shown;
  newest_ = std::max(newest_, at);
  if (as_json_) {
    fmt::print("{}\n", text);
    std::fflush(stdout);
    return;
  }
  auto raw = (at.empty() ? at : at + ' ') + text_of(line, "text") + '\n';
  view_.show({{daemon, "", !at.empty()}, which, raw, false});
}

int remote_logs::run() {
  auto last_heard = monotonic_now();
  for (bool resumes = false; monotonic_now() - last_heard < patience; resumes = true) {
    if (resumes) {
      std::this_thread::sleep_for(remote_pause);
      begin_again();
    }
    std::string rest;
    client node{context_.socket()};
    auto result = node.stream(
      {.target = target(resumes), .headers = {{"Accept", "application/x-ndjson"}}}, [&](std::string_view data) {
        rest += data;
        std::size_t begin = 0;
        for (std::size_t end; (end = rest.find('\n', begin)) != std::string::npos; begin = end + 1)
          take_line(std::string_view{rest}.substr(begin, end - begin));
        rest.erase(0, begin);
        return true;
      });
    if (!result && (!resumes || code_of(result.error()) == errc::not_found))
      return report("cannot follow", result.error());
    if (result)
      last_heard = monotonic_now();
  }
  print_error(fmt::format("the node at {} has ended", context_.socket()));
  return not_reachable;
}

} // namespace duende::cli
