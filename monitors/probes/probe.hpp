// Asynchronous checks of whether a daemon serves already. Each is bounded; a hung one holds nobody else up.
#pragma once

#include "core/exit_reason.hpp"
#include "core/reactor.hpp"
#include "core/time.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace duende {

struct probe_result {
  bool ok = false;
  /// What was tried and how it ended: "connect to 127.0.0.1:5433: Connection refused".
  std::string text;
  /// No later attempt can end otherwise: malformed target, closed descriptor, missing library.
  bool permanent = false;
};

/// Called at most once, on the reactor's thread, never from within start_*. May destroy its probe.
using probe_callback = std::function<void(probe_result)>;

/// One attempt under way. Destroying it cancels: on the reactor's thread the callback is not called afterwards; elsewhere a call
/// that has begun still finishes. Destroy it before the reactor. Thread-safe.
class probe {
public:
  probe() = default;
  virtual ~probe() = default;
  probe(const probe&) = delete;
  probe& operator=(const probe&) = delete;
};
using probe_ptr = std::unique_ptr<probe>;

/// Connects to `address` (HOST:PORT, [V6]:PORT, unix:PATH, unix:@ABSTRACT) and closes again. All addresses of a name are tried at
/// once; one that accepts is enough.
probe_ptr start_tcp_probe(reactor& on, std::string address, duration timeout, probe_callback done);

struct http_target {
  std::string url; ///< http or https; certificates are verified
  std::vector<int> expect = {200};
};
/// GET on a new connection, no proxy. Redirects are not followed: the status compared is that of the first answer, so `expect` may
/// name 3xx. The body is thrown away; beyond 64 KiB it is not waited for. Needs libcurl.so.4 at run time, loaded at the first use.
probe_ptr start_http_probe(reactor& on, http_target target, duration timeout, probe_callback done);

/// Kills the process group started by an exec_launcher. Called at most once, not after the end of the process was told.
using exec_cancel = std::function<void()>;
/// Starts `command` in a process group of its own. Called on the reactor's thread, must not block. `done` is to be called once, from
/// any thread, with the way it ended (cause `spawn` where it did not start). An empty result means that it can't be killed.
using exec_launcher =
  std::function<exec_cancel(const std::vector<std::string>& command, std::function<void(exit_reason)> done)>;
/// Ready when the command exits with code 0.
probe_ptr start_exec_probe(
  reactor& on, std::vector<std::string> command, duration timeout, exec_launcher launch, probe_callback done);

/// Ready at the first newline that comes out of `fd` (the s6 convention), not ready at its end. Owns `fd`. Has no time limit. What
/// was written is taken out of a pipe only after `done` has returned: a node killed in between meets it again.
probe_ptr start_fd_probe(reactor& on, int fd, probe_callback done);

} // namespace duende
