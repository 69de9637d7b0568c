#include "actors/exporter.hpp"

#include "actors/exporter_actor.hpp"

#include <caf/send.hpp>

namespace duende {

void exporter::shared::add(otlp_signal to, std::string_view fragment, std::uint64_t items) {
  const auto news = queue.add(to, fragment, items);
  if (news != otlp_queue::news::none)
    if (auto target = handle())
      caf::anon_send(target, export_news{to, news == otlp_queue::news::full});
}

exporter::exporter(caf::actor_system& system, settings how) : shared_(std::make_shared<shared>(std::move(how))) {
  auto made = system.spawn<caf::hidden>(otlp_exporter, shared_); // hidden: nobody waits for its end but we
  std::lock_guard lock{shared_->mutex};
  shared_->actor = made;
}

exporter::~exporter() {
  stop_collecting();
  finish(duration{});
}

bool exporter::exports_logs() const { return shared_->how.spec.logs; }
bool exporter::exports_traces() const { return shared_->how.spec.traces; }

void exporter::record(const span& what) {
  if (exports_traces() && what.context.sampled())
    shared_->add(otlp_signal::traces, encode(what), 1);
}

void exporter::record(const log_line& what) {
  if (exports_logs())
    shared_->add(otlp_signal::logs, encode(what), 1);
}

otlp_totals exporter::totals() const { return shared_->queue.totals(); }

void exporter::start_collecting() {
  if (shared_->how.spec.metrics)
    caf::anon_send(shared_->handle(), collect_tick{});
}

void exporter::stop_collecting() {
  std::unique_lock lock{shared_->mutex};
  shared_->collects = false;
  shared_->changed.wait(lock, [&] { return !shared_->collecting; }); // what it asks has time-outs of its own
}

void exporter::finish(duration at_most) {
  std::unique_lock lock{shared_->mutex};
  if (std::exchange(shared_->over, true))
    return;
  auto target = shared_->actor;
  if (at_most > duration{} && !shared_->queue.empty()) {
    shared_->idle = false;
    caf::anon_send(target, export_all{});
    shared_->changed.wait_for(lock, at_most, [&] { return shared_->idle; });
  }
  shared_->actor = nullptr;
  caf::anon_send_exit(target, caf::exit_reason::user_shutdown);
}

} // namespace duende
