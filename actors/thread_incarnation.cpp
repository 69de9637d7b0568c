#include "actors/thread_incarnation.hpp"

#include "actors/daemon.hpp"
#include "core/units.hpp"

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <pthread.h>

#include <thread>

namespace duende {

/// The thread has come to its end.
struct thread_end {
  exit_reason reason;
};

} // namespace duende

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::thread_end)

namespace duende {
namespace {

/// What the thread and its actor share; whoever lives longer keeps it.
struct shared_life {
  daemon_context context;
  daemon_factory make;
  daemon_config config;
  std::shared_ptr<daemon_metrics_recorder> recorder;
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
  try {
    auto daemon = life.make();
    if (!daemon)
      return exit_reason::spawn("the factory made no daemon");
    daemon->attach(life.recorder);
    if (auto prepared = daemon->init(life.config); !prepared)
      return exit_reason::spawn(fmt::format("init failed: {}", sentence(prepared.error())));
    life.context.watch_health(
      [&] { return daemon->health_check(); },
      [&](health_state now) {
        send_weak(life.actor, life.parent, life_note{life_note::kind::health, 0, {}, now});
      });
    send_weak(life.actor, life.parent, life_note{life_note::kind::ready, 0, {}});
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

  ~thread_state() {
    if (thread.joinable()) // the actor was killed: the thread must not outlive its owner unnoticed
      thread.detach();
  }
};

void end(caf::stateful_actor<thread_state>* self, exit_reason reason) {
  life_end result;
  result.reason = std::move(reason);
  result.asked = self->state.asked;
  result.launched = result.was_ready = result.reason.cause != exit_cause::spawn;
  result.started_at = self->state.started_at;
  result.ended_at = monotonic_now();
  result.ended_wall = wall_now();
  self->quit(as_error(std::move(result)));
}

caf::behavior
thread_incarnation(caf::stateful_actor<thread_state>* self, std::shared_ptr<shared_life> life, caf::actor_addr parent) {
  auto& state = self->state;
  state.life = life;
  state.started_at = monotonic_now();
  life->actor = self->address();
  life->parent = std::move(parent);
  self->set_exit_handler([=](caf::exit_msg&) { self->state.life->context.request_stop(); });
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
      self->state.life->context.request_stop();
      self->delayed_send(self, self->state.life->config.shutdown_timeout, alarm::shutdown_timeout);
    },
    [=](pause_atom) {},
    [=](resume_atom) {},
    [=](signal_atom, int number) { self->state.life->context.deliver(number); },
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

caf::actor spawn_thread_incarnation(caf::local_actor& parent, const daemon_spec& spec, const child& c) {
  auto life = std::make_shared<shared_life>();
  life->make = c.more->make_daemon;
  life->recorder = c.more->recorder;
  life->config = {c.name, spec.env, spec.shutdown_timeout, c.incarnation};
  return parent.spawn<caf::monitored>(thread_incarnation, std::move(life), parent.address());
}

} // namespace duende
