#include "monitors/history/store.hpp"

#include "monitors/history/impl.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace duende {

namespace {

bool matches(const event& e, const event_query& query) {
  return e.id > query.after_id && selects(query, e) && (!query.since || e.at >= *query.since);
}

} // namespace

// -- what all parts use -------------------------------------------------------------------------------------------------

std::int64_t history::impl::append(event&& what) {
  what.id = next_id++;
  log.push_back(std::move(what));
  if (path.empty()) {
    ++committed;
    last_committed = log.back().id;
    forget_old();
    publish(last_committed);
  }
  return next_id - 1;
}

void history::impl::publish(std::int64_t id) {
  published = std::max(published, id);
  for (auto* f : waiting)
    f->wake();
}

/// The disk does not take them now: they are shown all the same, once it is certain that their ids are not given again.
void history::impl::show_waiting() {
  if (pending() != 0 && mark.raise(log.back().id))
    shown = log.back().id;
}

void history::impl::forget_old() {
  const auto keep = path.empty() ? options.max_ring : kept_committed;
  for (; committed > keep; --committed)
    log.pop_front();
}

void history::impl::wake_writer(bool now) {
  urgent = urgent || now;
  if (sleeping || now)
    work.notify_one();
}

// -- life ---------------------------------------------------------------------------------------------------------------

history::history(std::shared_ptr<impl> i) : impl_(std::move(i)) {}

caf::expected<std::unique_ptr<history>> history::open(const std::string& path, history_options options) {
  auto state = std::make_shared<impl>(std::move(options));
  auto& s = *state;
  if (!path.empty()) {
    found_state found;
    auto opened = tables::open(path, found);
    if (!opened)
      return opened.error();
    s.path = path;
    s.db = std::move(*opened);
    s.old_layout = s.db->has_old_layout();
    s.mark = std::move(found.mark);
    s.next_id = found.base;
    s.last_committed = found.state.last_event_id;
    s.published = found.state.last_event_id;
    s.loaded = std::move(found.state);
    if (!found.set_aside.empty() && s.options.on_trouble)
      s.options.on_trouble(found.set_aside);
    for (auto* text : {&found.gap, &found.set_aside})
      if (!text->empty()) {
        event e;
        e.at = wall_now();
        e.kind = event_kind::limit;
        e.text = std::move(*text);
        s.append(std::move(e));
        ++s.accepted;
      }
    try {
      s.writer = std::thread{[state, base = found.base] { state->write_loop(base); }};
    } catch (const std::system_error& e) {
      return fail(errc::io_failure, "cannot start the thread of '{}': {}", path, e.what());
    }
  }
  return std::unique_ptr<history>{new history{std::move(state)}};
}

history::~history() {
  std::vector<std::shared_ptr<follower>> followers;
  {
    std::lock_guard lock{impl_->mutex};
    impl_->stopping = true;
    for (auto& weak : impl_->followers)
      if (auto strong = weak.lock())
        followers.push_back(std::move(strong));
    impl_->work.notify_one();
    for (auto* f : impl_->waiting)
      f->wake();
  }
  if (impl_->writer.joinable())
    impl_->writer.join();
  for (auto& f : followers)
    f->stop();
}

loaded_state history::load() {
  std::lock_guard lock{impl_->mutex};
  return std::exchange(impl_->loaded, {});
}

// -- writing ------------------------------------------------------------------------------------------------------------

std::int64_t history::record(event what) {
  if (what.at == wall_time{})
    what.at = wall_now();
  auto& s = *impl_;
  std::lock_guard lock{s.mutex};
  if (s.path.empty())
    return s.append(std::move(what));
  if (s.pending() >= s.options.max_queued) {
    s.drop_last = s.next_id++;
    if (s.drop_first == 0)
      s.drop_first = s.drop_last;
    return s.drop_last;
  }
  ++s.accepted;
  const auto id = s.append(std::move(what));
  s.wake_writer(false);
  return id;
}

void history::put_child(child_row row) {
  auto& s = *impl_;
  std::lock_guard lock{s.mutex};
  if (s.path.empty())
    return;
  const auto id = row.id;
  s.rows.insert_or_assign(id, std::move(row));
  ++s.accepted;
  s.wake_writer(false);
}

void history::remove_child(const uuid& id) {
  auto& s = *impl_;
  std::lock_guard lock{s.mutex};
  if (s.path.empty())
    return;
  s.rows.erase(id);
  s.jobs.push_back({history_job::kind::remove, id, {}, {}, {}});
  ++s.accepted;
  s.wake_writer(false);
}

void history::put_desired(const uuid& id, const std::string& name, desired_state desired, done_handler done) {
  auto& s = *impl_;
  {
    std::lock_guard lock{s.mutex};
    if (!s.path.empty()) {
      // A start is written down by the keeper, too; a thousand at once share their transactions.
      const bool now = done || desired == desired_state::down;
      s.jobs.push_back({history_job::kind::desired, id, name, desired, std::move(done)});
      ++s.accepted;
      s.wake_writer(now);
      return;
    }
  }
  if (done)
    done({});
}

void history::put_stack(std::string text, done_handler done) {
  auto& s = *impl_;
  {
    std::lock_guard lock{s.mutex};
    if (!s.path.empty()) {
      s.jobs.push_back({history_job::kind::stack, {}, std::move(text), {}, std::move(done)});
      ++s.accepted;
      s.wake_writer(true);
      return;
    }
  }
  if (done)
    done({});
}

void history::put_stack_later(std::function<std::string()> text) {
  auto& s = *impl_;
  std::lock_guard lock{s.mutex};
  if (s.path.empty())
    return;
  s.jobs.push_back({history_job::kind::stack, {}, {}, {}, {}, std::move(text)});
  ++s.accepted;
  s.wake_writer(false);
}

void history::migrate() {
  auto& s = *impl_;
  std::lock_guard lock{s.mutex};
  if (!std::exchange(s.old_layout, false))
    return;
  s.migrate = true;
  ++s.accepted;
  s.wake_writer(false);
}

caf::expected<void> history::flush(duration timeout) {
  auto& s = *impl_;
  std::unique_lock lock{s.mutex};
  if (s.path.empty())
    return caf::unit;
  const auto wanted = s.accepted;
  if (s.durable >= wanted)
    return caf::unit;
  const auto failures = s.failures;
  s.wake_writer(true);
  const bool over = s.flushed.wait_for(
    lock, timeout, [&] { return s.durable >= wanted || (s.failures != failures && !s.trouble.empty()); });
  if (!over)
    return fail(errc::timed_out, "cannot write '{}' in time", s.path);
  if (s.durable < wanted)
    return make_error(errc::io_failure, s.trouble);
  return caf::unit;
}

std::int64_t history::last_id() const {
  std::lock_guard lock{impl_->mutex};
  return impl_->next_id - 1;
}

// -- reading ------------------------------------------------------------------------------------------------------------

caf::expected<std::vector<event>> history::events(const event_query& query) {
  auto& s = *impl_;
  const bool all_written = static_cast<bool>(flush(reader_patience));
  // What waits in memory is copied before the file is read: what moves from one to the other meanwhile is seen twice, not never.
  std::vector<event> recent;
  bool from_file = false;
  {
    std::lock_guard lock{s.mutex};
    from_file = !s.path.empty();
    if (!all_written)
      s.show_waiting();
    const auto last = s.visible();
    const auto stop = from_file ? s.committed : 0;
    for (auto i = s.log.size(); i > stop && recent.size() < query.limit; --i)
      if (s.log[i - 1].id <= last && matches(s.log[i - 1], query))
        recent.push_back(s.log[i - 1]);
  }
  std::reverse(recent.begin(), recent.end());
  std::vector<event> result;
  if (from_file) {
    auto page = read_newest(s.path, query);
    if (!page)
      return page.error();
    result = std::move(page->events);
  }
  const auto newest = result.empty() ? 0 : result.back().id;
  for (auto& e : recent)
    if (e.id > newest)
      result.push_back(std::move(e));
  if (result.size() > query.limit)
    result.erase(result.begin(), result.end() - static_cast<std::ptrdiff_t>(query.limit));
  for (auto& e : result)
    s.complete(e);
  return result;
}

} // namespace duende
