#include "actors/accounts.hpp"

#include "core/errc.hpp"

#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

namespace duende {
namespace {

std::optional<unsigned> number_in(const std::string& text) {
  unsigned value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

struct user_entry {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name; // empty for a number that no entry has
};

/// Calls a getXXnam_r-like function with a buffer that grows to a bound.
template <class Record, class Get>
int lookup(Record& record, Record*& found, std::vector<char>& buffer, Get get) {
  int error = ERANGE;
  for (std::size_t size = 1024; error == ERANGE && size <= (1u << 20); size *= 4) {
    buffer.resize(size);
    error = get(&record, buffer.data(), buffer.size(), &found);
  }
  return error;
}

caf::expected<user_entry> find_user(const std::string& user) {
  passwd record{}, *found = nullptr;
  std::vector<char> buffer;
  auto number = number_in(user);
  int error = lookup(record, found, buffer, [&](auto* r, char* b, std::size_t n, auto** f) {
    return number ? getpwuid_r(*number, r, b, n, f) : getpwnam_r(user.c_str(), r, b, n, f);
  });
  if (found)
    return user_entry{found->pw_uid, found->pw_gid, found->pw_name};
  if (number)
    return user_entry{*number, static_cast<gid_t>(*number), {}};
  if (error != 0 && error != ENOENT && error != ESRCH)
    return errno_error(errc::spawn_failed, error, fmt::format("cannot look up user '{}'", user));
  return fail(errc::spawn_failed, "cannot set user '{}': no such user", user);
}

caf::expected<gid_t> find_group(const std::string& group_name) {
  if (auto number = number_in(group_name))
    return static_cast<gid_t>(*number);
  group record{}, *found = nullptr;
  std::vector<char> buffer;
  int error = lookup(record, found, buffer, [&](auto* r, char* b, std::size_t n, auto** f) {
    return getgrnam_r(group_name.c_str(), r, b, n, f);
  });
  if (found)
    return found->gr_gid;
  if (error != 0 && error != ENOENT && error != ESRCH)
    return errno_error(errc::spawn_failed, error, fmt::format("cannot look up group '{}'", group_name));
  return fail(errc::spawn_failed, "cannot set group '{}': no such group", group_name);
}

} // namespace

caf::expected<identity> look_up(const std::string& user_name, const std::string& group_name) {
  identity result{geteuid(), getegid(), {}};
  if (!user_name.empty()) {
    auto user = find_user(user_name);
    if (!user)
      return user.error();
    result.uid = user->uid;
    result.gid = user->gid;
    if (!user->name.empty()) {
      int count = 64;
      result.groups.resize(count);
      while (getgrouplist(user->name.c_str(), user->gid, result.groups.data(), &count) < 0 && count <= 65536)
        result.groups.resize(count);
      result.groups.resize(std::max(count, 0));
    }
  }
  if (!group_name.empty()) {
    auto group_id = find_group(group_name);
    if (!group_id)
      return group_id.error();
    std::replace(result.groups.begin(), result.groups.end(), result.gid, *group_id);
    result.gid = *group_id;
  }
  if (result.groups.empty())
    result.groups = {result.gid};
  return result;
}

struct accounts::state {
  using key = std::pair<std::string, std::string>;

  explicit state(finder f) : find(std::move(f)) {}

  const finder find;
  std::mutex mutex;
  std::condition_variable work;
  std::map<key, caf::expected<identity>> found;
  std::map<key, std::vector<std::function<void()>>> wanted; ///< and who waits for it
  bool over = false, runs = false;

  void run() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr); // signals are for who started us
    pthread_setname_np(pthread_self(), "duende-accounts");
    std::unique_lock lock{mutex};
    for (;;) {
      work.wait(lock, [&] { return over || !wanted.empty(); });
      if (over)
        return;
      auto what = wanted.begin()->first;
      lock.unlock();
      auto result = find(what.first, what.second);
      lock.lock();
      if (over)
        return;
      found.insert_or_assign(what, std::move(result));
      auto waiting = wanted.extract(what);
      for (auto& done : waiting.mapped())
        done();
    }
  }
};

accounts::accounts(finder find) : state_(std::make_shared<state>(std::move(find))) {}

accounts::~accounts() {
  std::lock_guard lock{state_->mutex};
  state_->over = true;
  state_->wanted.clear();
  state_->work.notify_all();
}

std::optional<caf::expected<identity>> accounts::known(const std::string& user, const std::string& group) {
  std::lock_guard lock{state_->mutex};
  auto at = state_->found.find({user, group});
  if (at == state_->found.end())
    return std::nullopt;
  begin(user, group, {});
  return at->second;
}

bool accounts::found(const std::string& user, const std::string& group) const {
  std::lock_guard lock{state_->mutex};
  auto at = state_->found.find({user, group});
  return at != state_->found.end() && at->second;
}

void accounts::learn(const std::string& user, const std::string& group, std::function<void()> done) {
  std::lock_guard lock{state_->mutex};
  begin(user, group, std::move(done));
}

/// With the lock held. Who asks for what is under way waits for that.
void accounts::begin(const std::string& user, const std::string& group, std::function<void()> done) {
  auto& waiting = state_->wanted[{user, group}];
  if (done)
    waiting.push_back(std::move(done));
  state_->work.notify_one();
  if (!std::exchange(state_->runs, true))
    std::thread{[s = state_] { s->run(); }}.detach();
}

} // namespace duende
