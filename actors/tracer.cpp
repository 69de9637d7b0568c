#include "actors/tracer.hpp"

#include "actors/tracer_actor.hpp"
#include "policies/trace_path.hpp"
#include "policies/trace_patterns.hpp"

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <malloc.h>

namespace duende {

trace_run::trace_run(std::unique_ptr<trace_session> session, std::shared_ptr<void> place, caf::actor counter)
  : session_(std::move(session)), place_(std::move(place)), counter_(std::move(counter)) {}

trace_run::~trace_run() {
  session_.reset();
  malloc_trim(0); // debug information is large, and a trace is rare
}

trace_report trace_run::finish() {
  auto report = session_->finish();
  report.patterns = find_patterns(report);
  report.path = find_path(report.threads, report.sites);
  for (const auto& pattern : report.patterns)
    caf::anon_send(counter_, trace_found{pattern.kind});
  return report;
}

process_tracer::process_tracer(caf::actor_system& system) : system_(system), shared_(std::make_shared<shared>()) {}
process_tracer::~process_tracer() { stop(); }

void process_tracer::stop() {
  std::lock_guard lock{mutex_};
  stopped_ = true;
  if (actor_)
    caf::anon_send_exit(actor_, caf::exit_reason::user_shutdown);
  actor_ = nullptr;
}

/// Null once it is stopped.
caf::actor process_tracer::handle() {
  std::lock_guard lock{mutex_};
  if (!actor_ && !stopped_)
    actor_ = system_.spawn(tracer, shared_);
  return actor_;
}

caf::expected<std::unique_ptr<trace_run>>
process_tracer::begin(const uuid& id, const std::string& name, pid_t pid, const trace_options& how) {
  auto to = handle();
  if (!to)
    return make_error(errc::wrong_state, "the node is ending");
  caf::error refused;
  {
    caf::scoped_actor self{system_};
    self->request(to, std::chrono::seconds{10}, trace_wanted{id, name})
      .receive(
        [] {},
        [&](const caf::error& error) {
          refused =
            error == caf::sec::request_timeout ? make_error(errc::timed_out, "the tracer does not answer") : error;
        });
  }
  if (refused)
    return refused;
  // The address alone: a handle that is kept for long would keep the actor.
  std::shared_ptr<void> place{this, [to = to.address(), id](void*) {
                                if (auto target = caf::actor_cast<caf::actor>(to))
                                  caf::anon_send(target, trace_over{id});
                              }};
  auto session = trace_session::begin(pid, how, [to = to.address()](const trace_anomaly& found) {
    if (auto target = caf::actor_cast<caf::actor>(to))
      caf::anon_send(target, trace_found{found.kind});
  });
  if (!session)
    return session.error();
  return std::make_unique<trace_run>(std::move(*session), std::move(place), std::move(to));
}

anomaly_counts process_tracer::found() const {
  anomaly_counts result{};
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = shared_->found[i];
  return result;
}

} // namespace duende
