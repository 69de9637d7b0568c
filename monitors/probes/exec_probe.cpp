#include "monitors/probes/attempt.hpp"

#include <fmt/format.h>

namespace duende {

namespace {

class exec_attempt : public attempt {
public:
  exec_attempt(
    reactor& on, std::vector<std::string> command, duration timeout, exec_launcher launch, probe_callback done)
    : attempt(on, timeout, std::move(done)), command_(std::move(command)), launch_(std::move(launch)) {}
  ~exec_attempt() override { release(); }

protected:
  void begin() override {
    if (command_.empty() || !launch_) {
      fail_with(command_.empty() ? "there is no command" : "there is nothing to start it with", true);
      return;
    }
    outcome_ = relay<exit_reason>(this, &exec_attempt::ended);
    cancel_ = launch_(command_, [outcome = outcome_](exit_reason how) { outcome->deliver(std::move(how)); });
  }

  void release() final {
    if (outcome_) {
      bool runs = outcome_->wanted();
      outcome_->cancel();
      outcome_.reset();
      if (auto cancel = std::exchange(cancel_, nullptr); cancel && runs) {
        cancel();
      }
    }
    launch_ = nullptr;
  }

  std::string what() const override { return fmt::format("run '{}'", fmt::join(command_, " ")); }

private:
  void ended(exit_reason how) {
    if (how.cause == exit_cause::code && how.value == 0) {
      succeed(what() + ": " + to_string(how));
    } else {
      fail_with(to_string(how));
    }
  }

  std::vector<std::string> command_;
  exec_launcher launch_;
  exec_cancel cancel_;
  std::shared_ptr<one_shot<exit_reason>> outcome_;
};

} // namespace

probe_ptr start_exec_probe(
  reactor& on, std::vector<std::string> command, duration timeout, exec_launcher launch, probe_callback done) {
  return attempt::start(
    std::make_shared<exec_attempt>(on, std::move(command), timeout, std::move(launch), std::move(done)));
}

} // namespace duende
