// Intensity and strategy together against a model written from the text of OTP's supervisor(3) and nothing else:
//   "one_for_one - If a child process terminates, only that process is restarted."
//   "one_for_all - If a child process terminates, all other child processes are terminated, and then all child processes,
//    including the terminated one, are restarted."
//   "rest_for_one - If a child process terminates, the rest of the child processes (that is, the child processes after the
//    terminated process in start order) are terminated. Then the terminated child process and the rest are restarted."
//   "If more than MaxR number of restarts occur in the last MaxT seconds, the supervisor terminates all the child processes
//    and then itself."
//   Children are terminated in reverse start order and started in start order.
#include "policies/intensity.hpp"
#include "policies/strategy.hpp"
#include "tests/support/catch.hpp"

#include <rapidcheck.h>

#include <algorithm>
#include <sstream>

using namespace duende;

namespace {

/// The model: a list of running children, a log of what was done to them, a list of all restart times.
struct otp_model {
  strategy how;
  std::size_t children;
  std::uint32_t max_restarts;
  std::int64_t max_seconds;
  std::vector<std::int64_t> restarts{};
  bool terminated = false;
  std::string log{};

  void child_died(std::size_t child, std::int64_t now) {
    restarts.push_back(now);
    std::uint32_t recent = 0;
    for (auto time : restarts)
      if (time >= now - max_seconds)
        ++recent;
    if (recent > max_restarts) {
      for (std::size_t c = children; c-- > 0;)
        if (c != child)
          note("stop", c);
      terminated = true;
      return;
    }
    std::vector<std::size_t> affected;
    for (std::size_t c = 0; c < children; ++c) {
      if (c == child || how == strategy::one_for_all || (how == strategy::rest_for_one && c > child))
        affected.push_back(c);
    }
    for (auto c = affected.rbegin(); c != affected.rend(); ++c)
      if (*c != child)
        note("stop", *c);
    for (auto c : affected)
      note("start", c);
  }

  void note(const char* what, std::size_t child) { log += std::string{what} + ' ' + std::to_string(child) + '\n'; }
};

/// The same with the policies.
struct supervised {
  strategy how;
  std::size_t children;
  intensity_limit limit;
  restart_window window{};
  bool terminated = false;
  std::string log{};

  void child_died(std::size_t child, std::int64_t now) {
    if (!window.admit(instant{} + std::chrono::seconds{now}, limit)) {
      group_of(strategy::one_for_all, children, child).each_to_stop([&](std::size_t c) { note("stop", c); });
      terminated = true;
      return;
    }
    const auto group = group_of(how, children, child);
    group.each_to_stop([&](std::size_t c) { note("stop", c); });
    group.each_to_start([&](std::size_t c) { note("start", c); });
  }

  void note(const char* what, std::size_t child) { log += std::string{what} + ' ' + std::to_string(child) + '\n'; }
};

} // namespace

TEST_CASE("supervision acts as OTP's manual says") {
  REQUIRE(rc::check("otp", [] {
    const auto how = *rc::gen::element(strategy::one_for_one, strategy::one_for_all, strategy::rest_for_one);
    const auto children = *rc::gen::inRange<std::size_t>(1, 8);
    const auto restarts = *rc::gen::inRange<std::uint32_t>(0, 6);
    const auto seconds = *rc::gen::inRange<std::int64_t>(1, 20);
    const auto deaths = *rc::gen::container<std::vector<std::pair<std::size_t, int>>>(
      rc::gen::pair(rc::gen::inRange<std::size_t>(0, children), rc::gen::inRange(0, 8)));
    otp_model model{how, children, restarts, seconds};
    supervised ours{how, children, {restarts, std::chrono::seconds{seconds}}};
    std::int64_t now = 1000;
    for (auto [child, pause] : deaths) {
      now += pause;
      model.child_died(child, now);
      ours.child_died(child, now);
      RC_ASSERT(ours.log == model.log);
      RC_ASSERT(ours.terminated == model.terminated);
      if (model.terminated)
        break;
    }
  }));
}

TEST_CASE("strategies by example") {
  auto told = [](strategy how, std::size_t failed) {
    std::ostringstream out;
    const auto group = group_of(how, 4, failed);
    group.each_to_stop([&](std::size_t i) { out << '-' << i; });
    group.each_to_start([&](std::size_t i) { out << '+' << i; });
    return out.str();
  };
  CHECK(told(strategy::one_for_one, 1) == "+1");
  CHECK(told(strategy::one_for_all, 1) == "-3-2-0+0+1+2+3");
  CHECK(told(strategy::rest_for_one, 1) == "-3-2+1+2+3");
  CHECK(told(strategy::rest_for_one, 3) == "+3");
  CHECK(told(strategy::one_for_all, 0) == "-3-2-1+0+1+2+3");
  CHECK(group_of(strategy::one_for_all, 1, 0).alone());
}
