// /v1/daemons/{name}/logs and /v1/logs: what daemons wrote, as text or as JSON lines.
#include "actors/api/json.hpp"
#include "actors/api/log_follower.hpp"
#include "actors/api/log_merge.hpp"
#include "actors/api/parameters.hpp"
#include "actors/api/routes.hpp"
#include "actors/api/wake_fd.hpp"

#include <fmt/format.h>

#include <mutex>

#include <sys/epoll.h>

namespace duende::api {
namespace {

constexpr std::uint64_t max_tail = 1'000'000;
constexpr std::uint64_t default_tail = 1000;
constexpr std::size_t piece_bytes = 64 * 1024;

struct log_query {
  std::uint64_t tail = default_tail;
  bool whole = false; ///< from the beginning: `since` without `tail`
  bool follow = false;
  bool as_json = false;
  bool prefixed = false; ///< text lines begin with the daemon's name
  std::string since;     ///< in the form of the stamps, so that they compare as text
};

caf::expected<log_query> parse(const http_request& request) {
  auto tail = count_parameter(request, "tail", default_tail, max_tail);
  auto follow = flag_parameter(request, "follow", false);
  auto since = since_parameter(request);
  if (!tail || !follow || !since)
    return !tail ? tail.error() : !follow ? follow.error() : since.error();
  log_query query;
  query.tail = *tail;
  query.follow = *follow;
  query.as_json = request.header("accept").find("json") != std::string_view::npos;
  if (*since) {
    query.since = to_rfc3339(**since);
    query.whole = !request.has_parameter("tail");
  }
  return query;
}

void append_line(std::string& out, const log_query& query, const std::string& daemon, const log_line& line) {
  if (query.as_json) {
    json_writer json{out};
    json.begin_object().member("daemon", daemon).member("stream", line.stream == log_stream::out ? "stdout" : "stderr");
    json.member("at", line.at.empty() ? std::nullopt : std::optional{line.at}).member("text", line.text).end_object();
  } else {
    if (query.prefixed)
      out += daemon + " | ";
    out += line.raw;
  }
  out += '\n';
}

/// A gap is never silent: a line of ours, where the daemon's are missing.
void append_loss(std::string& out, const log_query& query, const log_lines& before) {
  constexpr std::string_view text = "lines are missing here: they were rotated away before they could be sent";
  if (query.as_json) {
    json_writer json{out};
    json.begin_object().member("daemon", before.source.daemon);
    json.member("stream", before.stream == log_stream::out ? "stdout" : "stderr");
    json.member("at", std::optional<std::string_view>{}).member("text", text).member("lost", true).end_object();
  } else {
    out += fmt::format("duende: {}: {}", before.source.daemon, text);
  }
  out += '\n';
}

bool wanted(const log_query& query, const log_line& line) { return line.at.empty() || line.at >= query.since; }

/// Sends the stored lines; what the merge has read then is where following goes on.
bool send_stored(response_stream& stream, const log_query& query, const log_source& source, log_merge& lines) {
  std::size_t skip = 0;
  if (!query.whole) { // the last N of both streams together: counted first, because nobody knows how they mix
    lines.seek_tail(query.tail);
    std::size_t total = 0;
    for (auto counter = lines; auto line = counter.next();)
      total += wanted(query, *line) ? 1 : 0;
    skip = total > query.tail ? total - query.tail : 0;
  }
  std::string piece;
  while (auto line = lines.next()) {
    if (!wanted(query, *line))
      continue;
    if (skip > 0) {
      --skip;
      continue;
    }
    append_line(piece, query, source.daemon, *line);
    if (piece.size() >= piece_bytes) {
      if (!stream.write(piece))
        return false;
      piece.clear();
    }
  }
  return stream.write(piece);
}

/// Names of daemons that came to life, from the thread of the history to that of the connection.
struct newcomers {
  std::mutex mutex;
  std::vector<std::string> names;
  wake_fd wake;
};

class follow_loop {
public:
  /// Daemons that come to life after event `newest` are followed too; none: no others.
  follow_loop(const api_context& context, log_query query, std::optional<std::int64_t> newest)
    : context_(context), query_(std::move(query)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    for (int fd : {follower_.fd(), newcomers_->wake.fd()}) {
      epoll_event wanted{EPOLLIN, {}};
      epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &wanted);
    }
    if (newest && has_descriptors())
      subscription_ = context_.node.follow_events(*newest, remember());
    works_ = has_descriptors() && (!newest || subscription_);
  }
  ~follow_loop() {
    if (epoll_ >= 0)
      close(epoll_);
  }
  follow_loop(const follow_loop&) = delete;
  follow_loop& operator=(const follow_loop&) = delete;

  /// False where the system has not what it takes.
  bool works() const { return works_; }
  log_follower& follower() { return follower_; }

  /// Until the peer or the server goes.
  void run(response_stream& stream) {
    do {
      if (!send_new(stream))
        return;
    } while (stream.wait_for(epoll_));
    send_new(stream); // the server stops: what was written until now still goes out
  }

private:
  bool has_descriptors() const { return epoll_ >= 0 && follower_.fd() >= 0 && newcomers_->wake.fd() >= 0; }

  std::function<bool(const std::vector<event>&)> remember() {
    return [to = newcomers_](const std::vector<event>& batch) {
      std::lock_guard lock{to->mutex};
      for (const auto& x : batch)
        if ((x.kind == event_kind::starting || x.kind == event_kind::running) && x.incarnation <= 1)
          to->names.push_back(x.daemon);
      if (!to->names.empty())
        to->wake.raise();
      return true;
    };
  }

  bool send_new(response_stream& stream) {
    do {
      newcomers_->wake.lower();
      std::vector<std::string> names;
      {
        std::lock_guard lock{newcomers_->mutex};
        names.swap(newcomers_->names);
      }
      for (const auto& name : names)
        if (auto where = context_.node.logs(name); where && !follower_.knows(name))
          follower_.add({name, where->dir, where->timestamps}, std::nullopt);
      if (!follower_.pump([&](const log_lines& lines) { return send(stream, lines); }))
        return false;
    } while (follower_.pending());
    return true;
  }

  bool send(response_stream& stream, const log_lines& lines) {
    std::string piece;
    if (lines.lost)
      append_loss(piece, query_, lines);
    for (auto rest = lines.text; !rest.empty();) {
      auto raw = rest.substr(0, rest.find('\n') + 1);
      rest.remove_prefix(raw.size());
      append_line(piece, query_, lines.source.daemon, split_line(raw, lines.stream, lines.source.timestamps));
    }
    return stream.write(piece);
  }

  const api_context& context_;
  log_query query_;
  log_follower follower_;
  std::shared_ptr<newcomers> newcomers_ = std::make_shared<newcomers>();
  int epoll_;
  std::shared_ptr<void> subscription_;
  bool works_ = false;
};

http_response log_response(
  const api_context& context, const log_query& query, std::vector<log_source> sources,
  std::optional<std::int64_t> newest) {
  if (!query.since.empty())
    for (const auto& source : sources)
      if (!source.timestamps && !newest)
        return problem(fail(
          errc::invalid_config, "parameter 'since': the logs of '{}' carry no time stamps (logs.timestamps)",
          source.daemon));
  std::shared_ptr<follow_loop> loop;
  if (query.follow)
    loop = std::make_shared<follow_loop>(context, query, newest);
  if (loop && !loop->works())
    return busy("cannot follow: the system has no inotify instance, descriptor or thread left");
  http_response response;
  response.content_type = query.as_json ? "application/x-ndjson" : "text/plain; charset=utf-8";
  response.stream = [query, sources = std::move(sources), loop](response_stream& stream) {
    for (const auto& source : sources) {
      log_merge lines{source.dir, source.timestamps, !query.follow};
      if (!send_stored(stream, query, source, lines))
        return;
      if (loop)
        loop->follower().add(source, lines.reader(log_stream::out), lines.reader(log_stream::err));
    }
    if (loop)
      loop->run(stream);
  };
  return response;
}

} // namespace

http_response show_logs(const api_context& context, const http_request& request, const std::string& name) {
  auto query = parse(request);
  if (!query)
    return malformed(query.error());
  auto where = context.node.logs(name);
  if (!where)
    return problem(where.error());
  return log_response(context, *query, {{name, where->dir, where->timestamps}}, std::nullopt);
}

http_response follow_all_logs(const api_context& context, const http_request& request, const std::string&) {
  auto query = parse(request);
  if (!query)
    return malformed(query.error());
  auto newest = newest_event_id(context.node); // before the list: who comes after it is told by an event
  if (!newest)
    return problem(newest.error());
  auto daemons = context.node.daemons();
  if (!daemons)
    return problem(daemons.error());
  query->prefixed = true;
  std::vector<log_source> sources;
  for (const auto& daemon : *daemons)
    if (auto where = context.node.logs(daemon.name))
      sources.push_back({daemon.name, where->dir, where->timestamps});
  return log_response(context, *query, std::move(sources), *newest);
}

} // namespace duende::api
