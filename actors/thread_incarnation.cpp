#include "actors/thread_incarnation.hpp"

#include "actors/daemon.hpp"
#include "actors/health_checker.hpp"
#include "actors/trace_scope.hpp"
#include "core/units.hpp"

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <pthread.h>

#include <thread>

namespace duende {

/// run() is about to be called.
struct thread_begin {
  health_question_ptr question;
};

/// The thread has come to its end.
struct thread_end {
  exit_reason reason;
};

} // namespace duende

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::thread_begin)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::thread_end)

namespace duende {
namespace {

/// What the thread and its actor share; whoever lives longer keeps it.
struct shared_life {
  daemon_context context;
  daemon_factory make;
  daemon_config config;
  std::shared_ptr<daemon_metrics_recorder> recorder;
  services_ptr with;
  daemon_spec_ptr spec;
  uuid id;
  std::shared_ptr<check_recorder> checks;
  caf::actor_addr actor; // weak: a thread that hangs must not keep the actor system alive
  caf::actor_addr parent;
};

template <class Message>
void send_weak(const caf::actor_addr& from, const caf::actor_addr& to, Message message) {
  auto target = caf::actor_cast<caf::actor>(to);
  auto sender = caf::actor_cast<caf::strong_actor_ptr>(from);
  if (target && sender)
    caf::actor_cast<caf::strong_actor_ptr>(target)->enqueue(
      sender, caf::make_message_id(), caf::make_message(std::move(message)), nullptr);
}

exit_reason live(shared_life& life) {
  const trace_scope within{life.context.trace()};
  try {
    std::shared_ptr<duende::daemon> daemon = life.make();
    if (!daemon)
      return exit_reason::spawn("the factory made no daemon");
    daemon->attach(life.recorder);
    if (auto prepared = daemon->init(life.config); !prepared)
      return exit_reason::spawn(fmt::format("init failed: {}", sentence(prepared.error())));
    auto ask = [weak = std::weak_ptr<duende::daemon>{daemon}] {
      auto asked = weak.lock();
      return asked ? asked->health_check() : health_state::unknown;
    };
    if (life.spec->health)
      send_weak(life.actor, life.actor, thread_begin{std::make_shared<health_question>(ask)});
    else
      life.context.watch_health(ask, [&](health_state now) {
        send_weak(
          life.actor, life.parent,
          life_note{life_note::kind::health, 0, fmt::format("says that it is {}", to_string(now)), now});
      });
    send_weak(life.actor, life.parent, life_note{life_note::kind::ready, 0, {}}); // checks come after it
    auto reason = daemon->run(life.context);
    if (!reason)
      return exit_reason::failure(sentence(reason.error()));
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(life.config.shutdown_timeout);
    if (auto cleaned = daemon->shutdown(left); !cleaned)
      return exit_reason::failure(fmt::format("shutdown failed: {}", sentence(cleaned.error())));
    return *reason;
  } catch (const std::exception& error) {
    return exit_reason::failure(fmt::format("threw an exception: {}", error.what()));
  } catch (...) {
    return exit_reason::failure("threw an exception of unknown type");
  }
}

struct thread_state {
  static constexpr const char* name = "duende.thread";
  std::shared_ptr<shared_life> life;
  std::thread thread;
  bool asked = false;
  instant started_at{};
  std::optional<exit_reason> because;
  std::shared_ptr<const violations> broken;
  caf::actor health;

  ~thread_state() {
    if (thread.joinable()) // the actor was killed: the thread must not outlive its owner unnoticed
      thread.detach();
  }
};

void end(caf::stateful_actor<thread_state>* self, exit_reason reason) {
  life_end result;
  auto& state = self->state;
  result.reason = state.because && reason.cause != exit_cause::timeout ? *state.because : std::move(reason);
  result.broken = state.broken;
  result.asked = self->state.asked;
  result.launched = result.was_ready = result.reason.cause != exit_cause::spawn;
  result.started_at = self->state.started_at;
  result.ended_at = monotonic_now();
  result.ended_wall = wall_now();
  self->quit(as_error(std::move(result)));
}

void stop_thread(caf::stateful_actor<thread_state>* self) {
  auto& state = self->state;
  if (state.health) {
    self->unlink_from(state.health);
    self->send_exit(std::exchange(state.health, nullptr), caf::exit_reason::user_shutdown);
  }
  state.life->context.request_stop();
  self->delayed_send(self, state.life->config.shutdown_timeout, alarm::shutdown_timeout);
}

void begin_thread_health(caf::stateful_actor<thread_state>* self, const thread_begin& begin) {
  auto& state = self->state;
  if (state.asked || !state.life->with->io)
    return;
  auto order = std::make_shared<health_order>();
  order->spec = state.life->spec;
  order->id = state.life->id;
  order->started = state.started_at;
  order->recorder = state.life->checks;
  order->question = begin.question;
  order->life = self->address();
  order->supervisor = state.life->parent;
  state.health = caf::actor_cast<caf::actor>(
    self->spawn<caf::linked>(health_checker, state.life->with, std::shared_ptr<const health_order>{order}));
}

void thread_exit(caf::stateful_actor<thread_state>* self, const caf::exit_msg& ended) {
  auto& state = self->state;
  if (!state.health || ended.source != state.health) {
    state.life->context.request_stop();
    return;
  }
  state.health = nullptr;
  if (!is_life_end(ended.reason) || state.asked)
    return;
  auto end = end_of(ended.reason, monotonic_now());
  state.because = std::move(end.reason);
  state.broken = std::move(end.broken);
  send_weak(self->address(), state.life->parent, life_note{life_note::kind::stopping, 0, {}});
  stop_thread(self);
}

caf::behavior
thread_incarnation(caf::stateful_actor<thread_state>* self, std::shared_ptr<shared_life> life, caf::actor_addr parent) {
  auto& state = self->state;
  state.life = life;
  state.started_at = monotonic_now();
  life->actor = self->address();
  life->parent = std::move(parent);
  self->set_exit_handler([=](caf::exit_msg& ended) { thread_exit(self, ended); });
  try {
    state.thread = std::thread{[life] {
      pthread_setname_np(pthread_self(), life->config.name.substr(0, 15).c_str());
      auto reason = live(*life);
      send_weak(life->actor, life->actor, thread_end{std::move(reason)});
    }};
  } catch (const std::system_error& error) {
    end(self, exit_reason::spawn(fmt::format("cannot start a thread: {}", error.what())));
  }
  return {
    [=](stop_atom, const stop_order&) {
      self->state.asked = true;
      stop_thread(self);
    },
    [=](pause_atom) {},
    [=](resume_atom) {},
    [=](signal_atom, int number) { self->state.life->context.deliver(number); },
    [=](const thread_begin& begin) { begin_thread_health(self, begin); },
    [=](thread_end& ended) {
      self->state.thread.join();
      end(self, std::move(ended.reason));
    },
    [=](alarm) {
      self->state.thread.detach();
      end(
        self, exit_reason::timeout(fmt::format(
                "did not return within {} of its shutdown, its thread still runs",
                format_duration(self->state.life->config.shutdown_timeout))));
    }};
}

} // namespace

caf::actor spawn_thread_incarnation(
  caf::local_actor& parent, services_ptr with, const child& c, std::shared_ptr<check_recorder> recorder) {
  auto life = std::make_shared<shared_life>();
  life->make = c.more->make_daemon;
  life->recorder = c.more->recorder;
  life->config = {c.name, c.spec->env, c.spec->shutdown_timeout, c.incarnation};
  life->with = std::move(with);
  life->spec = c.spec;
  life->id = c.more->id;
  life->checks = std::move(recorder);
  if (c.more->trace)
    life->context.belongs_to(c.more->trace->life);
  return parent.spawn<caf::monitored>(thread_incarnation, std::move(life), parent.address());
}

} // namespace duende
