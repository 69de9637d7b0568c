#include "actors/observer.hpp"

#include "actors/observer_actor.hpp"
#include "monitors/usage/proc_text.hpp"

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <sys/resource.h>

namespace duende {

process_observer::process_observer(caf::actor_system& system, settings how, timer after)
  : system_(system), shared_(std::make_shared<shared>()) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  shared_->how = how;
  shared_->after = std::move(after);
  shared_->descriptors = static_cast<std::size_t>(std::min<rlim_t>(files.rlim_cur, 1 << 20)) / 2;
}

process_observer::~process_observer() { stop(); }

void process_observer::stop() {
  std::lock_guard lock{mutex_};
  stopped_ = true;
  if (actor_)
    caf::anon_send_exit(actor_, caf::exit_reason::user_shutdown);
  actor_ = nullptr;
}

bool process_observer::is_wanted() const { return shared_->how.interval > duration{} || shared_->wishes > 0; }

/// Null once it is stopped.
caf::actor process_observer::handle() {
  std::lock_guard lock{mutex_};
  if (!actor_ && !stopped_)
    actor_ = system_.spawn(proc_observer, shared_);
  return actor_;
}

void process_observer::lives(const uuid& id, pid_t pid) {
  if (is_wanted())
    caf::anon_send(handle(), life_told{id, pid, clock_ticks_now(), true});
}

void process_observer::forget(const uuid& id) {
  if (is_wanted())
    caf::anon_send(handle(), forget_atom::value, id);
}

std::shared_ptr<void> process_observer::subscribe(const uuid& id, pid_t pid, duration interval, on_sample fn) {
  auto order = std::make_shared<sample_wish>();
  order->id = id;
  order->interval = std::max(interval, shortest_interval);
  order->fn = std::move(fn);
  ++shared_->wishes;
  auto to = handle();
  caf::anon_send(to, life_told{id, pid, clock_ticks_now(), false});
  caf::anon_send(to, order);
  return {order.get(), [order, weak = to.address()](void*) {
            if (auto target = caf::actor_cast<caf::actor>(weak))
              caf::anon_send(target, remove_atom::value, order);
          }};
}

void process_observer::recent(
  const uuid& id, pid_t pid, std::size_t most, std::function<void(std::vector<process_sample>)> fn) {
  if (pid <= 0 || !is_wanted())
    return fn({});
  caf::anon_send(handle(), std::make_shared<recent_samples>(id, pid, most, std::move(fn)));
}

caf::expected<sample_history> process_observer::history(const uuid& id, pid_t pid, const history_query& query) {
  auto to = handle();
  if (!to)
    return make_error(errc::wrong_state, "the node is ending");
  caf::expected<sample_history> answer = make_error(errc::internal, "no answer");
  caf::scoped_actor self{system_};
  ++shared_->wishes; // a life told meanwhile is to be heard
  self->send(to, life_told{id, pid, clock_ticks_now(), false});
  self->request(to, std::chrono::seconds{10}, std::make_shared<const history_request>(history_request{id, query}))
    .receive(
      [&](std::shared_ptr<sample_history>& result) { answer = std::move(*result); },
      [&](const caf::error& error) {
        answer = error == caf::sec::request_timeout ? make_error(errc::timed_out, "the observer does not answer")
                                                    : make_error(errc::wrong_state, "the node is ending");
      });
  --shared_->wishes;
  return answer;
}

} // namespace duende
