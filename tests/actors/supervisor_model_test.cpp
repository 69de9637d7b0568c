// Whatever operators, daemons and timers do, in any order: no daemon lives twice, every command is answered exactly once, and
// when all is quiet each daemon is what was last asked for.
#include "tests/support/catch.hpp"
#include "tests/support/scripted_node.hpp"

#include <rapidcheck.h>

using namespace duende;
using namespace duende::test;

namespace {

const std::vector<std::string> names = {"a", "b", "c", "x", "y"};

stack any_stack() {
  auto how = *rc::gen::element(strategy::one_for_one, strategy::one_for_all, strategy::rest_for_one);
  stack s;
  s.supervisors = {{"g", "root", how, {1000, 60s}}};
  for (auto& name : names) {
    bool grouped = name < "x";
    bool notifies = *rc::gen::arbitrary<bool>();
    auto spec = notifies ? notifying(name, grouped ? "g" : "root") : daemon_named(name, grouped ? "g" : "root");
    spec.restart = restart_policy::always();
    spec.restart.jitter = 0;
    spec.restart.initial_delay = *rc::gen::element<duration>(0ns, 50ms);
    s.daemons.push_back(spec);
  }
  if (*rc::gen::arbitrary<bool>())
    s.daemons.edit(4).depends_on = {{"b", milestone::ready}};
  return s;
}

struct player {
  scripted_node node;
  std::vector<std::pair<std::string, answer_ptr>> asked;
  std::map<std::string, desired_state> wanted;
  std::string story;

  explicit player(const stack& s) : node(s, [](node_seed& seed) { seed.root->spec.intensity = {1000, 60s}; }) {
    for (auto& name : names)
      wanted[name] = desired_state::up;
  }

  void command(verb what, const std::string& name) {
    static constexpr const char* words[] = {"start", "stop", "restart", "pause", "resume", "reload"};
    auto word = std::string{words[static_cast<int>(what)]};
    story += word + " " + name + "; ";
    asked.emplace_back(word + " " + name, node.ask({what, name, true, false}));
    if (what == verb::stop)
      wanted[name] = desired_state::down;
    if (what == verb::start || what == verb::restart)
      wanted[name] = desired_state::up;
  }

  void launch_late_ones() {
    for (auto& name : names)
      if (node.alive(name) && !node.living.at(name).launched) {
        story += "launched " + name + "; ";
        node.launch_now(name);
      }
  }

  void step() {
    auto name = *rc::gen::elementOf(names);
    auto kind = *rc::gen::inRange(0, 17);
    switch (kind) {
      case 0: command(verb::start, name); break;
      case 1: command(verb::stop, name); break;
      case 2: command(verb::restart, name); break;
      case 3: command(verb::pause, name); break;
      case 4: command(verb::resume, name); break;
      case 5:
      case 6:
        story += "crash " + name + "; ";
        if (node.alive(name) && node.living.at(name).launched)
          node.exit(name, exit_code(*rc::gen::inRange(0, 2)));
        break;
      case 7:
        if (node.alive(name)) {
          story += "ready " + name + "; ";
          notify_message word;
          word.ready = true;
          node.notify(name, word);
        }
        break;
      case 8:
        story += "stubborn " + name + "; ";
        node.of[name].ignores_stop = *rc::gen::arbitrary<bool>();
        break;
      case 9:
        if (node.alive(name) && node.living.at(name).launched) {
          bool stopped = *rc::gen::arbitrary<bool>();
          story += (stopped ? "SIGSTOP " : "SIGCONT ") + name + "; ";
          node.set_stopped(name, stopped);
        }
        break;
      case 10:
        story += "time; ";
        node.advance(*rc::gen::element<duration>(1ms, 49ms, 60ms, 3s));
        break;
      case 11: {
        bool fails = *rc::gen::arbitrary<bool>();
        story += (fails ? "unstartable " : "startable ") + name + "; ";
        node.of[name].fails = fails ? "no" : "";
        break;
      }
      case 12:
        story += "slow launches " + name + "; ";
        node.of[name].launches_late = *rc::gen::arbitrary<bool>();
        break;
      case 13: launch_late_ones(); break;
      case 14:
      case 15: {
        auto steps = *rc::gen::inRange(1, 8); // any order of what is under way
        story += "run " + std::to_string(steps) + "; ";
        node.run(steps);
        break;
      }
      default: story += "run; "; node.run();
    }
  }

  /// Everybody behaves from now on: time passes until nothing changes any more.
  void settle() {
    node.of.clear();
    node.run();
    if (wanted["b"] == desired_state::down)
      command(verb::start, "b"); // one may depend on it
    for (int i = 0; i < 200; ++i) {
      launch_late_ones();
      node.run();
      for (auto& name : names)
        if (node.alive(name)) {
          node.set_stopped(name, false);
          node.ready(name);
        }
      node.advance(2s);
    }
  }
};

} // namespace

TEST_CASE("any sequence of commands and ends comes to what was asked for", "[supervisor][model]") {
  REQUIRE(rc::check("supervision", [] {
    player p{any_stack()};
    auto steps = *rc::gen::inRange(1, 60);
    for (int i = 0; i < steps; ++i)
      p.step();
    p.settle();
    RC_LOG(p.story + "\n" + p.node.events());
    RC_ASSERT_FALSE(p.node.doubled);
    for (auto& [what, reply] : p.asked) {
      RC_LOG(what + ": " + reply->text() + "\n");
      RC_ASSERT(reply->count == 1);
    }
    for (auto& name : names) {
      auto status = p.node.status(name);
      RC_LOG(name + " is " + std::string{to_string(status.state)} + "\n");
      bool up = p.wanted[name] == desired_state::up;
      RC_ASSERT(p.node.alive(name) == up);
      RC_ASSERT((status.state == daemon_state::running) == up);
      if (up)
        RC_ASSERT(status.pid == p.node.living.at(name).pid);
    }
    p.node.shutdown();
    p.node.advance(1min);
    RC_ASSERT(p.node.ended());
    RC_ASSERT(p.node.living.empty());
  }));
}
