#include "tests/support/scripted_node.hpp"

#include "actors/life_record.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <csignal>

namespace duende::test {

scripted_platform::scripted_platform() {
  config.set("scheduler.policy", caf::atom("testing"));
  store = std::move(*history::open(""));
  system = std::make_unique<caf::actor_system>(config);
  system->await_actors_before_shutdown(false);
  scheduler_ = &dynamic_cast<caf::scheduler::test_coordinator&>(system->scheduler());
  backend_ = system->spawn([this](backend_actor::pointer self) { return backend(self); });
  auto shared = std::make_shared<services>();
  shared->node = "scripted";
  shared->state_dir = shared->run_dir = "/nonexistent";
  shared->store = store.get();
  shared->native = backend_;
  shared->timers = [this](duration delay, std::function<void()> fn) {
    if (timers_fail > 0 && timers_fail-- > 0)
      throw std::runtime_error("no timer left");
    timers_.emplace(now + delay, std::move(fn));
  };
  with = shared;
}

scripted_platform::~scripted_platform() {
  timers_.clear();
  lives.clear();
  living.clear();
  run();
  caf::anon_send_exit(backend_, caf::exit_reason::kill);
  backend_ = nullptr;
  with.reset();
  run();
  system.reset();
}

void scripted_platform::run(int steps) {
  while (steps-- != 0 && scheduler_->try_run_once()) {
  }
}

void scripted_platform::advance(duration time) {
  auto until = now + time;
  run();
  while (!timers_.empty() && timers_.begin()->first <= until) {
    auto next = timers_.extract(timers_.begin());
    now = next.key();
    next.mapped()();
    run();
  }
  now = until;
}

backend_actor::behavior_type scripted_platform::backend(backend_actor::pointer) {
  return {
    [this](launch_atom, const launch_request_ptr& request, const launch_listener& to) { launch(*request, to); },
    [this](adopt_atom, const uuid& id, std::uint32_t, const launch_listener& to) {
      auto& name = names.at(id);
      lives[name] = caf::actor_cast<caf::actor>(to);
      living[name].listener = to;
      log.push_back("adopt " + name);
    },
    [this](signal_atom, const uuid& id, std::uint32_t incarnation, int number, signal_scope) {
      signal(id, incarnation, number);
    },
    [this](record_atom, const uuid& id, std::uint32_t, const std::string& record) { records[names[id]] = record; },
    [this](main_pid_atom, const uuid& id, std::uint32_t, std::int32_t pid) {
      log.push_back("mainpid" + std::to_string(pid) + " " + names[id]);
    },
    [this](forget_atom, const uuid& id) { log.push_back("forget " + names[id]); },
    [](retain_atom, const listen_list_ptr&) {},
    [this](retain_atom, const uuid& id) { log.push_back("let go " + names[id]); },
    [](const launched&) {},
    [](const launch_failure&) {},
    [](const process_exit&) {},
    [](const run_change&) {}};
}

void scripted_platform::launch(const launch_request& request, const launch_listener& to) {
  auto name = parse_life_record(request.record).value_or(life_record{}).name;
  if (request.record.starts_with("hook ")) // "hook pre_start NAME"
    name = request.record.substr(5, request.record.find(' ', 5) - 5);
  names[request.id] = name;
  records[name] = request.record;
  lives[name] = caf::actor_cast<caf::actor>(to);
  log.push_back("launch " + name);
  auto& how = of[name];
  if (!how.fails.empty()) {
    caf::anon_send(to, launch_failure{request.id, request.incarnation, how.fails});
    return;
  }
  doubled = doubled || living.contains(name);
  living[name] = {request.id, request.incarnation, next_pid_++, to, false, false, 0, now};
  if (!how.launches_late && !how.deaf)
    began(name);
}

void scripted_platform::began(const std::string& name) {
  auto& p = living.at(name);
  p.launched = true;
  p.started_at = now;
  caf::anon_send(p.listener, launched{p.id, p.incarnation, p.pid, 1});
  if (of[name].exits)
    exit(name, *of[name].exits);
}

void scripted_platform::launch_now(const std::string& name) { began(name); }

void scripted_platform::exit(const std::string& name, int status) {
  auto ended = living.extract(name);
  if (!ended)
    return;
  auto& p = ended.mapped();
  caf::anon_send(p.listener, process_exit{p.id, p.incarnation, p.pid, status, {}, p.started_at, now, wall_now()});
}

void scripted_platform::signal(const uuid& id, std::uint32_t incarnation, int number) {
  auto name = names[id];
  log.push_back(signal_name(number).substr(3) + " " + name);
  auto found = living.find(name);
  if (found == living.end() || found->second.incarnation != incarnation || of[name].deaf)
    return;
  auto& p = found->second;
  if (number == SIGKILL) {
    exit(name, SIGKILL);
  } else if (number == SIGSTOP || number == SIGCONT) {
    set_stopped(name, number == SIGSTOP);
  } else if ((number == SIGTERM || number == SIGINT || number == SIGQUIT) && !of[name].ignores_stop) {
    if (p.stopped)
      p.pending = number;
    else
      exit(name, number);
  }
}

void scripted_platform::set_stopped(const std::string& name, bool stopped) {
  auto& p = living.at(name);
  if (std::exchange(p.stopped, stopped) == stopped)
    return;
  caf::anon_send(p.listener, run_change{p.id, p.incarnation, stopped});
  if (!stopped && p.pending != 0)
    exit(name, p.pending);
}

void scripted_platform::notify(const std::string& name, notify_message what) {
  caf::anon_send(lives.at(name), notify_note{std::move(what), 0});
}

void scripted_platform::ready(const std::string& name) {
  notify_message word;
  word.ready = true;
  notify(name, word);
  run();
}

int scripted_platform::launches(const std::string& name) const {
  return static_cast<int>(std::count(log.begin(), log.end(), "launch " + name));
}

std::string scripted_platform::done() {
  std::string result;
  for (auto& each : log)
    result += (result.empty() ? "" : ", ") + each;
  log.clear();
  return result;
}

held_child scripted_platform::hold(const std::string& name, std::uint32_t incarnation, bool is_ready, intent wanted) {
  held_child held;
  held.process = {uuid::random(), incarnation, next_pid_++, 1};
  held.running = true;
  held.started_at = now - 1min;
  life_record record;
  record.ready = is_ready;
  record.wanted = wanted;
  record.incarnation = incarnation;
  record.name = name;
  record.started_at = wall_now();
  held.record = to_text(record);
  names[held.process.id] = name;
  living[name] = {held.process.id, incarnation, held.process.pid, {}, true, false, 0, held.started_at};
  return held;
}

std::string scripted_platform::events() {
  std::string result;
  auto all = store->events({});
  for (auto& each : *all)
    result += std::string{to_string(each.kind)} + " " + each.text + "\n";
  return result;
}

} // namespace duende::test
