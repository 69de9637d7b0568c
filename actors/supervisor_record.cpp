// What a supervisor writes down: records, counters, events, pid files.
#include "actors/supervisor.hpp"

#include "actors/channels.hpp"
#include "actors/observer.hpp"
#include "core/crash_point.hpp"
#include "core/units.hpp"
#include "monitors/crashes/crash_store.hpp"
#include "monitors/history/store.hpp"
#include "monitors/logs/capture.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

namespace duende {

life_record supervisor::record_of(const child& c) const {
  life_record r;
  r.ready = c.spec->ready.type == readiness_type::none;
  r.incarnation = c.incarnation;
  r.restarts = c.restarts;
  r.streak = c.streak;
  r.started_at = wall_now();
  constexpr auto most = life_record::max_recent;
  r.recent = !is_root() ? window_.recent(most) : c.more ? c.more->window.recent(most) : std::vector<instant>{};
  r.name = c.name;
  if (c.more && c.more->guard && c.more->guard->cut)
    r.cut = c.more->guard->cut->save();
  return r;
}

/// Tells the keeper what the next exit will mean, before it can happen.
void supervisor::write_intent(child& c, intent wanted) {
  auto& more = c.detail();
  auto record = parse_life_record(more.record).value_or(record_of(c));
  record.wanted = wanted;
  record.ready = c.ready;
  more.record = to_text(record);
  if (with_->side)
    with_->side->replace(more.id, c.incarnation, more.record);
  crash_point("supervisor.before_intent");
  send(with_->native, record_atom::value, more.id, c.incarnation, more.record);
  crash_point("supervisor.after_intent");
}

void supervisor::persist(child& c) {
  if (c.kind != child_kind::process || c.removing)
    return;
  auto& more = c.detail();
  child_row row;
  row.id = more.id;
  row.name = c.name;
  row.supervisor = spec_.name;
  row.state = c.state;
  row.incarnation = c.alive() ? c.incarnation - 1 : c.incarnation; // the last one whose end was acted upon
  row.restarts = c.restarts;
  row.streak = c.streak;
  row.last = more.last;
  if (c.scheduled() && more.schedule)
    row.record = to_text(more.schedule->memory, *c.spec->schedule);
  crash_point("supervisor.before_persist");
  with_->store->put_child(std::move(row));
  if (more.stored_desired != c.desired)
    with_->store->put_desired(more.id, c.name, c.desired);
  more.stored_desired = c.desired;
  crash_point("supervisor.after_persist");
}

void supervisor::count_end(child& c, const life_end& end) {
  if (c.kind == child_kind::process)
    remove_pid_file(c);
  if (c.kind == child_kind::actor && !end.asked) {
    auto text = to_string(end.reason);
    c.detail().last = last_exit{end.reason, end.ended_wall, text};
    record_event(c, event_kind::exit, std::move(text), end.reason.cause);
    return;
  }
  auto& more = c.detail();
  auto text = to_string(end.reason);
  more.last = last_exit{end.reason, end.ended_wall, text};
  more.status_text.clear();
  trace_end(c, end);
  if (more.counters) {
    ++more.counters->exits[static_cast<std::size_t>(end.reason.cause)];
    if (more.stop_asked != instant{})
      more.counters->stop_seconds.observe(std::chrono::duration<double>(end.ended_at - more.stop_asked).count());
  }
  more.stop_asked = {};
  answer_change(c);
  if (end.launched)
    text += fmt::format(" after {}", human_duration(end.ended_at - end.started_at));
  record_event(c, end.asked ? event_kind::stop : event_kind::exit, std::move(text), end.reason.cause);
}

void supervisor::record_event(const child& c, event_kind kind, std::string text, std::optional<exit_cause> cause) {
  event what;
  what.kind = kind;
  what.daemon = c.name;
  what.supervisor = spec_.name;
  what.incarnation = c.incarnation;
  what.cause = cause;
  what.text = c.name + ": " + text;
  with_->record(std::move(what));
}

void supervisor::record_own_event(event_kind kind, std::string text) {
  event what;
  what.kind = kind;
  what.supervisor = spec_.name;
  what.text = std::move(text);
  with_->record(std::move(what));
}

/// The daemon is down and nobody wants it again.
void supervisor::forget_child(child& c) {
  c.state = daemon_state::stopped;
  settle_waiters(c);
  fail_waiters(c, fail(errc::canceled, "'{}' was removed", c.name));
  set_milestone(c, milestone::down);
  if (c.kind == child_kind::process) {
    auto id = c.more->id;
    with_->store->remove_child(id);
    forget_limits(c);
    if (with_->crashes)
      with_->crashes->forget(id);
    if (with_->observer)
      with_->observer->forget(id);
    auto native = with_->native;
    auto* logs = with_->logs;
    auto* side = with_->side;
    if (logs)
      logs->drain(id, [=] {
        logs->close(id);
        if (side)
          side->drop(id);
        caf::anon_send(native, forget_atom::value, id);
      });
    else
      send(native, forget_atom::value, id);
  }
  record_event(c, event_kind::config, "removed");
  std::erase(held_stops_, &c);
  drop_timer(c);
  drop_trial(c);
  by_name_.erase(c.name);
  auto at = children_.erase(children_.begin() + static_cast<std::ptrdiff_t>(c.index));
  for (; at != children_.end(); ++at)
    --(*at)->index;
  announce_scan_ = start_scan_ = 0;
  stop_scan_ = children_.size();
}

void supervisor::write_pid_file(const child& c) {
  if (!c.spec || c.spec->pid_file.empty())
    return;
  auto temporary = c.spec->pid_file + ".new"; // a reader never sees half a number
  auto text = fmt::format("{}\n", c.pid);
  int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  bool written = fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (fd >= 0)
    ::close(fd);
  if (!written || ::rename(temporary.c_str(), c.spec->pid_file.c_str()) != 0)
    record_event(
      c, event_kind::limit,
      sentence(errno_error(errc::io_failure, errno, fmt::format("cannot write pid_file '{}'", c.spec->pid_file))));
}

void supervisor::remove_pid_file(const child& c) {
  if (c.spec && !c.spec->pid_file.empty())
    ::unlink(c.spec->pid_file.c_str());
}

} // namespace duende
