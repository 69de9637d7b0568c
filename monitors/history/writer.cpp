#include "monitors/history/give_back.hpp"
#include "monitors/history/impl.hpp"
#include "monitors/history/retention.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

namespace duende {
namespace {

constexpr std::size_t batch_limit = 4096;
constexpr std::size_t full_batch = 1000; ///< so many events wait for no more company
constexpr std::size_t busy_batch = 32;   ///< so many events in one turn, and the next one waits longer for company
constexpr duration busy_linger = std::chrono::milliseconds{200};
constexpr auto first_retry = std::chrono::milliseconds{100};
constexpr auto longest_retry = std::chrono::seconds{10};
constexpr auto longest_close = std::chrono::seconds{2};

/// What one turn of the loop takes out of the shared state.
struct turn {
  std::vector<history_job> jobs;
  std::unordered_map<uuid, child_row> rows;
  std::vector<const event*> events; ///< stay in the log; a deque keeps its elements in place
  std::uint64_t accepted = 0;
  bool complete = false; ///< nothing was left behind
};

int apply(tables& db, const history_job& job) {
  switch (job.what) {
    case history_job::kind::desired: return db.set_desired(job.id, job.text, job.desired);
    case history_job::kind::stack: return db.set_stack(job.make_text ? job.make_text() : job.text);
    case history_job::kind::remove: break;
  }
  return db.remove(job.id);
}

template <class Items, class F>
int each(const Items& items, F f) {
  for (const auto& item : items)
    if (int code = f(item); code != SQLITE_OK)
      return code;
  return SQLITE_OK;
}

/// The turns of the writing thread and what it remembers between them.
class disk_writer {
public:
  explicit disk_writer(history::impl& s) : s_(s), retention_(s.options) {}

  /// `base` is the first id that this process gives.
  void run(std::int64_t base) {
    bool marked = s_.db->mark_open(base);
    std::unique_lock lock{s_.mutex};
    while (wait(lock)) {
      auto t = take();
      if (marked)
        s_.last_committed = std::max(s_.last_committed, base - 1);
      const bool climbs = std::exchange(s_.migrate, false);
      lock.unlock();
      marked = marked || s_.db->mark_open(base);
      if (climbs)
        migrate();
      auto jobs_error = write_jobs(t.jobs);
      auto error = write_rest(t);
      if (error.empty())
        retention_.written(t.events.size());
      auto prune_error = error.empty() ? retention_.prune(*s_.db) : std::string{};
      lock.lock();
      settle(t, jobs_error, error);
      std::string failure, recovery;
      auto* why = first_of(jobs_error, error, prune_error);
      if (why)
        failure = note_failure(*why);
      // Jobs come first: where they were refused and the rest was taken, there is room again, and no later turn may tell.
      const bool rest_taken = error.empty() && prune_error.empty() && !(t.rows.empty() && t.events.empty());
      if (!why || rest_taken)
        recovery = note_success(t);
      for (auto* told : {&failure, &recovery})
        if (!told->empty() && s_.options.on_trouble) {
          lock.unlock();
          s_.options.on_trouble(std::move(*told));
          lock.lock();
        }
    }
    const bool clean = s_.pending() == 0 && s_.rows.empty() && s_.jobs.empty() && s_.drop_first == 0;
    lock.unlock();
    if (clean) {
      s_.db->close_clean();
      s_.mark.remove();
    }
    s_.db.reset();
  }

private:
  bool anything() const {
    return s_.pending() != 0 || !s_.rows.empty() || !s_.jobs.empty() || (retention_.wants_more() && !s_.stopping)
           || s_.migrate;
  }

  static const std::string* first_of(const std::string& a, const std::string& b, const std::string& c) {
    for (auto* text : {&a, &b, &c})
      if (!text->empty())
        return text;
    return nullptr;
  }

  /// Sleeps until there is something to do; false when all is done and the end has come.
  bool wait(std::unique_lock<std::mutex>& lock) {
    if (!anything() && !s_.stopping) {
      s_.db->release_memory();
      if (std::exchange(stormed_, false)) // what a thousand events took is free but not given back yet
        give_back_memory();
      s_.sleeping = true;
      s_.work.wait(lock, [&] { return anything() || s_.urgent || s_.stopping; });
      s_.sleeping = false;
    }
    if (s_.stopping) {
      if (!closing_since_)
        closing_since_ = monotonic_now();
      const bool give_up = (!s_.trouble.empty() && last_try_) || monotonic_now() - *closing_since_ > longest_close;
      last_try_ = true;
      return anything() && !give_up;
    }
    auto hurry = [&] { return s_.urgent || s_.stopping; };
    if (!s_.trouble.empty())
      s_.work.wait_until(lock, retry_at_, hurry);
    else
      s_.work.wait_for(
        lock, linger(), [&] { return hurry() || s_.pending() >= full_batch || retention_.wants_more(); });
    s_.urgent = false;
    return true;
  }

  /// A storm of events shares fewer, larger transactions: each one writes every page that it touched.
  duration linger() const { return busy_ ? std::max<duration>(s_.options.linger, busy_linger) : s_.options.linger; }

  turn take() {
    turn t;
    t.jobs.swap(s_.jobs);
    t.rows.swap(s_.rows);
    const auto n = std::min(s_.pending(), batch_limit);
    t.events.reserve(n);
    for (std::size_t i = 0; i < n; ++i)
      t.events.push_back(&s_.log[s_.committed + i]);
    t.accepted = s_.accepted;
    t.complete = n == s_.pending();
    busy_ = n >= busy_batch;
    stormed_ = stormed_ || busy_;
    return t;
  }

  void migrate() {
    std::string failure;
    auto done = s_.db->migrate(s_.path, failure);
    if (!failure.empty() && s_.options.on_trouble)
      s_.options.on_trouble(failure);
    std::lock_guard lock{s_.mutex};
    for (auto [kind, text] : {std::pair{event_kind::node, &done}, std::pair{event_kind::limit, &failure}})
      if (!text->empty()) {
        event e;
        e.at = wall_now();
        e.kind = kind;
        e.text = std::move(*text);
        ++s_.accepted;
        s_.append(std::move(e));
      }
  }

  /// First and on their own: somebody waits, and a disk with little room left may take these and not a batch of events.
  std::string write_jobs(std::vector<history_job>& jobs) {
    if (jobs.empty())
      return {};
    auto text = s_.db->transact([&] { return each(jobs, [&](auto& job) { return apply(*s_.db, job); }); });
    for (auto& job : jobs)
      if (job.done)
        job.done(text.empty() ? caf::error{} : fail(errc::io_failure, "cannot write '{}': {}", s_.path, text));
    return text;
  }

  std::string write_rest(const turn& t) {
    if (t.rows.empty() && t.events.empty())
      return {};
    return s_.db->transact([&] {
      int code = each(t.rows, [&](auto& row) { return s_.db->upsert(row.second); });
      return code != SQLITE_OK ? code : each(t.events, [&](auto* e) { return s_.db->insert(*e); });
    });
  }

  /// Puts the outcome into the shared state: what failed goes back, behind nothing newer of the same daemon.
  void settle(turn& t, const std::string& jobs_error, const std::string& error) {
    if (!jobs_error.empty())
      s_.jobs = to_try_again(std::move(t.jobs), std::move(s_.jobs));
    if (error.empty()) {
      s_.committed += t.events.size();
      if (!t.events.empty()) {
        s_.last_committed = std::max(s_.last_committed, t.events.back()->id);
        s_.publish(s_.last_committed);
      }
      s_.forget_old();
      tell_drops();
      retention_.look(t.events.size());
    } else {
      for (auto& [id, row] : t.rows) {
        const bool removed = std::any_of(s_.jobs.begin(), s_.jobs.end(), [&, key = id](const auto& job) {
          return job.what == history_job::kind::remove && job.id == key;
        });
        if (!removed)
          s_.rows.emplace(id, std::move(row));
      }
      s_.show_waiting();
      s_.publish(s_.visible());
    }
    if (error.empty() && jobs_error.empty() && t.complete)
      s_.durable = t.accepted;
  }

  void tell_drops() {
    if (s_.drop_first == 0)
      return;
    event e;
    e.at = wall_now();
    e.kind = event_kind::limit;
    e.text = fmt::format(
      "{} events were dropped, ids {} to {}: {} waited for the disk already", s_.drop_last - s_.drop_first + 1,
      s_.drop_first, s_.drop_last, s_.options.max_queued);
    s_.drop_first = s_.drop_last = 0;
    ++s_.accepted;
    s_.append(std::move(e));
  }

  std::string note_failure(const std::string& why) {
    ++s_.failures;
    delay_ = s_.trouble.empty() ? duration{first_retry} : std::min<duration>(delay_ * 2, longest_retry);
    retry_at_ = monotonic_now() + delay_;
    const bool first = s_.trouble.empty();
    s_.trouble = fmt::format("cannot write '{}': {}", s_.path, why);
    s_.flushed.notify_all();
    return first ? s_.trouble + "; events wait in memory and are written when it works again" : std::string{};
  }

  std::string note_success(const turn& t) {
    s_.flushed.notify_all();
    if (t.jobs.empty() && t.rows.empty() && t.events.empty())
      return {}; // a flush of nothing proves nothing
    const bool recovered = !s_.trouble.empty();
    s_.trouble.clear();
    if (s_.last_committed >= s_.shown)
      s_.mark.clear();
    return recovered ? fmt::format("'{}' is written again", s_.path) : std::string{};
  }

  history::impl& s_;
  instant retry_at_{};
  duration delay_{};
  std::optional<instant> closing_since_;
  bool last_try_ = false;
  bool busy_ = false;    ///< the last turn had many events
  bool stormed_ = false; ///< one since the last sleep had
  retention retention_;
};

} // namespace

void history::impl::write_loop(std::int64_t base) {
  name_thread("duende-history");
  stand_back(); // what is written down is never on the way of a restart
  disk_writer{*this}.run(base);
}

void stand_back() { [[maybe_unused]] int priority = ::nice(5); }

void name_thread(const char* name) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  pthread_setname_np(pthread_self(), name);
}

} // namespace duende
