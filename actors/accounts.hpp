// Users and groups by name. The look-up may ask a server that does not answer (nsswitch.conf(5)), so the node never waits for one.
#pragma once

#include <caf/expected.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace duende {

/// Who a process runs as.
struct identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups; ///< supplementary ones, at least `gid`
};

/// Looks both up, by name or number; empty: the node's own. Waits as long as the machine's name service does.
/// Errors: spawn_failed "cannot set user 'x': no such user".
caf::expected<identity> look_up(const std::string& user, const std::string& group);

/// What was looked up, and a thread that looks up more. Thread-safe.
class accounts {
public:
  using finder = std::function<caf::expected<identity>(const std::string&, const std::string&)>;

  explicit accounts(finder find = look_up);
  /// Nothing is called after it. Does not wait for the look-up under way.
  ~accounts();
  accounts(const accounts&) = delete;
  accounts& operator=(const accounts&) = delete;

  /// What the last look-up found, and another one is begun beside; none where there was none. Never waits.
  std::optional<caf::expected<identity>> known(const std::string& user, const std::string& group);
  /// The last look-up found them: a start need not wait.
  bool found(const std::string& user, const std::string& group) const;
  /// Calls `done` from the thread of the look-ups once it is known. It must be short, and call nothing of this.
  void learn(const std::string& user, const std::string& group, std::function<void()> done);

private:
  struct state;
  void begin(const std::string& user, const std::string& group, std::function<void()> done);

  std::shared_ptr<state> state_; ///< the thread's, too: it may be waiting for the name service when this has gone
};

} // namespace duende
