#include "apps/duended/certificate_watch.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>

namespace duende {

certificate_watch::certificate_watch(node_host& host, api_server& api)
  : host_(host), api_(api), timer_(timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK)) {
  look();
}

certificate_watch::~certificate_watch() {
  if (timer_ >= 0)
    ::close(timer_);
}

void certificate_watch::look() {
  std::uint64_t rings = 0;
  while (timer_ >= 0 && ::read(timer_, &rings, sizeof rings) > 0) {
  }
  if (auto text = api_.warning(); !text.empty()) {
    std::fprintf(stderr, "duended: %s\n", text.c_str());
    host_.tell(std::move(text));
  }
  const auto at = api_.look_again();
  if (timer_ < 0 || !at)
    return;
  itimerspec when{};
  when.it_value.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(at->time_since_epoch()).count() + 1;
  timerfd_settime(timer_, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, nullptr);
}

} // namespace duende
