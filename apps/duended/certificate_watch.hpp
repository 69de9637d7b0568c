// The certificate of a node that runs for months: said in time that it ends.
#pragma once

#include "actors/api/server.hpp"
#include "actors/node_host.hpp"

namespace duende {

/// Not thread-safe.
class certificate_watch {
public:
  certificate_watch(node_host& host, api_server& api);
  ~certificate_watch();
  certificate_watch(const certificate_watch&) = delete;
  certificate_watch& operator=(const certificate_watch&) = delete;

  /// Readable when look() is due: the day that a warning begins, each day after it, and when somebody sets the clock. -1: never.
  int fd() const { return timer_; }
  /// Says on stderr and in the history what is to be done, if anything is.
  void look();

private:
  node_host& host_;
  api_server& api_;
  int timer_ = -1;
};

} // namespace duende
