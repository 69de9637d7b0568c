#include "monitors/probes/attempt.hpp"

#include "core/units.hpp"

#include <unistd.h>

namespace duende {

class attempt::handle : public probe {
public:
  explicit handle(std::shared_ptr<attempt> what) : what_(std::move(what)) {}
  ~handle() override { what_->abandon(); }

private:
  std::shared_ptr<attempt> what_;
};

attempt::attempt(reactor& on, std::optional<duration> timeout, probe_callback done)
  : on_(on), timeout_(timeout), done_(std::move(done)) {}

attempt::~attempt() {
  if (timer_ != 0) {
    on_.cancel(timer_);
  }
}

probe_ptr attempt::start(std::shared_ptr<attempt> what) {
  auto result = std::make_unique<handle>(what);
  auto& on = what->on_;
  on.post([what = std::move(what)] { what->begin_on_reactor(); });
  return result;
}

void attempt::begin_on_reactor() {
  if (abandoned_) {
    return;
  }
  if (timeout_) {
    timer_ = on_.after(*timeout_, [weak = weak_from_this()] {
      if (auto self = weak.lock()) {
        self->fail_with("no answer within " + format_duration(*self->timeout_));
      }
    });
  }
  begin();
}

void attempt::succeed(std::string how) { finish({true, std::move(how), false}); }

void attempt::fail_with(const std::string& why, bool permanent) { finish({false, what() + ": " + why, permanent}); }

void attempt::finish(probe_result result) {
  if (over_) {
    return;
  }
  auto keep = shared_from_this(); // the callback may drop the handle
  auto done = std::exchange(done_, nullptr);
  over_ = true;
  if (!abandoned_ && done) {
    done(std::move(result));
    delivered();
  }
  stop();
}

void attempt::stop() {
  over_ = true;
  if (timer_ != 0) {
    on_.cancel(std::exchange(timer_, 0));
  }
  done_ = nullptr;
  release();
}

void attempt::abandon() {
  abandoned_ = true;
  if (!on_.on_reactor_thread()) {
    on_.post([self = shared_from_this()] { self->stop(); });
  } else if (!over_) { // else within its own callback: `finish` goes on
    stop();
  }
}

watched_fd::~watched_fd() {
  if (fd_ >= 0) {
    on_->remove(fd_);
    ::close(fd_);
  }
}

} // namespace duende
