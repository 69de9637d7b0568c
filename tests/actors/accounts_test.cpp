// Users by name, where the machine's name service takes its time.
#include "actors/accounts.hpp"
#include "core/errc.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/one_life.hpp"
#include "tests/support/waiting.hpp"

#include <unistd.h>

using namespace duende;
using namespace duende::test;

namespace {

/// A name service that answers when it is told to.
struct slow_service {
  std::mutex mutex;
  std::condition_variable changed;
  int asked = 0, answers = 0;

  caf::expected<identity> operator()(const std::string& user) {
    std::unique_lock lock{mutex};
    auto mine = ++asked;
    changed.notify_all();
    changed.wait(lock, [&] { return answers >= mine; });
    if (user == "nobody-here")
      return make_error(errc::spawn_failed, "no such user");
    return identity{1000u + static_cast<uid_t>(mine), 7, {7}};
  }
  void answer(int count) {
    std::lock_guard lock{mutex};
    answers = count;
    changed.notify_all();
  }
  void until_asked(int count) {
    std::unique_lock lock{mutex};
    REQUIRE(changed.wait_for(lock, std::chrono::seconds{10}, [&] { return asked >= count; }));
  }
  accounts::finder finder() {
    return [this](const std::string& user, const std::string&) { return (*this)(user); };
  }
};

} // namespace

TEST_CASE("who is known is known at once, and looked up again beside", "[accounts]") {
  slow_service service;
  accounts users{service.finder()};
  CHECK_FALSE(users.known("web", ""));
  CHECK_FALSE(users.found("web", ""));
  waiting_for<bool> first;
  users.learn("web", "", [&] { first.set(true); });
  service.until_asked(1);
  CHECK_FALSE(users.found("web", ""));
  service.answer(1);
  REQUIRE(first.get());
  CHECK((*users.known("web", ""))->uid == 1001); // and asks again
  service.until_asked(2);
  CHECK((*users.known("web", ""))->uid == 1001); // which nobody waits for
  service.answer(2);
  CHECK(eventually([&] { return (*users.known("web", ""))->uid >= 1002; }));
  service.answer(1000);
}

TEST_CASE("an unknown user is asked for again", "[accounts]") {
  slow_service service;
  service.answer(1000);
  accounts users{service.finder()};
  waiting_for<bool> done;
  users.learn("nobody-here", "", [&] { done.set(true); });
  REQUIRE(done.get());
  CHECK_FALSE(users.found("nobody-here", ""));
  CHECK(sentence(users.known("nobody-here", "")->error()) == "no such user");
}

TEST_CASE("the machine's own users and groups", "[accounts]") {
  auto root = look_up("root", "");
  REQUIRE(root);
  CHECK(root->uid == 0);
  CHECK(look_up("0", "")->uid == 0);
  auto mine = look_up("", "");
  CHECK(mine->uid == geteuid());
  CHECK(mine->groups == std::vector<gid_t>{getegid()});
  CHECK(look_up("4242", "17")->gid == 17);
  CHECK(sentence(look_up("no-such-user", "").error()) == "cannot set user 'no-such-user': no such user");
  CHECK(sentence(look_up("", "no-such-group").error()) == "cannot set group 'no-such-group': no such group");
}
