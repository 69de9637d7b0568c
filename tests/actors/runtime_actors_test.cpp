// Actors and processes of a program under supervision.
#include "actors/duende/duende.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/waiting.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <mutex>
#include <stdexcept>

using namespace duende;

namespace {

runtime_options without_socket() { return {.name = "runtime-test", .socket = "none"}; }

/// A folder of its own for the keeper: two test runs at once share nothing.
struct with_processes {
  test::temp_dir dir;
  runtime it{{.name = "runtime-test", .socket = dir / "api.sock"}};
};

daemon_status status_of(runtime& r, const std::string& name) {
  auto status = r.controls()->daemon(name);
  // actors are in no registry of names: they show in the list
  if (status)
    return *status;
  auto all = r.controls()->daemons();
  if (all)
    for (auto& each : *all)
      if (each.name == name)
        return each;
  return {};
}

/// Actors that can be told to end.
struct crowd {
  std::mutex mutex;
  std::vector<caf::actor> members;
  std::atomic<int> began = 0;

  behavior_factory factory() {
    return [this](caf::event_based_actor* self) -> caf::behavior {
      {
        std::lock_guard lock{mutex};
        members.push_back(self);
      }
      ++began;
      return {[self](const std::string& word) {
        if (word == "throw")
          throw std::runtime_error("boom");
        if (word == "fail")
          self->quit(make_error(errc::io_failure, "no more"));
        else
          self->quit();
      }};
    };
  }
  std::vector<caf::actor> take() {
    std::lock_guard lock{mutex};
    return std::exchange(members, {});
  }
};

} // namespace

TEST_CASE("an actor that ends begins again, its reason shows", "[runtime]") {
  struct row {
    const char *word, *text;
  };
  for (auto row : {row{"throw", "threw an exception: boom"}, row{"fail", "no more"}, row{"leave", "exited cleanly"}}) {
    INFO(row.word);
    crowd actors;
    runtime r{without_socket()};
    REQUIRE(r.spawn_actor("a", actors.factory()));
    REQUIRE(eventually([&] { return actors.began == 1; }));
    caf::anon_send(actors.take().front(), std::string{row.word});
    REQUIRE(eventually([&] { return actors.began == 2; }));
    REQUIRE(eventually([&] { return status_of(r, "a").last.has_value(); }));
    CHECK_THAT(status_of(r, "a").last->text, Contains(row.text));
    CHECK(status_of(r, "a").backend == "actor");
    actors.take();
  }
}

TEST_CASE("a factory that throws is a failed start, the program goes on", "[runtime]") {
  runtime r{without_socket()};
  std::atomic<int> tries = 0;
  REQUIRE(r.spawn_actor("a", [&](caf::event_based_actor*) -> caf::behavior {
    if (++tries < 3)
      throw std::runtime_error("not yet");
    return {[](int) {}};
  }));
  CHECK(eventually([&] { return tries == 3; }));
  CHECK(eventually([&] { return status_of(r, "a").state == daemon_state::running; }));
}

TEST_CASE("a thousand actors are killed and begin again", "[runtime]") {
  constexpr int count = 1000;
  crowd actors;
  {
    runtime r{without_socket()};
    auto how = GENERATE(strategy::one_for_one, strategy::one_for_all);
    auto group = r.supervisor("g", {.strategy = how, .intensity = {1'000'000, 60s}});
    for (int i = 0; i < count; ++i)
      REQUIRE(group.spawn_actor("a" + std::to_string(i), actors.factory()));
    REQUIRE(eventually([&] { return actors.began == count; }));
    auto members = actors.take();
    if (how == strategy::one_for_all) {
      caf::anon_send_exit(members.front(), caf::exit_reason::kill);
    } else {
      for (auto& each : members)
        caf::anon_send_exit(each, caf::exit_reason::kill);
    }
    members.clear();
    CHECK(eventually([&] { return actors.began == 2 * count; }));
    CHECK(eventually([&] {
      auto all = r.controls()->daemons();
      return all && std::all_of(all->begin(), all->end(), [](auto& d) { return d.state == daemon_state::running; });
    }));
    actors.take();
  }
}

TEST_CASE("the cost of a large group grows with its size, not with its square", "[runtime]") {
  auto how = GENERATE(strategy::one_for_all, strategy::rest_for_one);
  auto seconds_for = [how](int count) {
    crowd actors;
    runtime r{without_socket()};
    auto group = r.supervisor("g", {.strategy = how, .intensity = {1'000'000, 60s}});
    auto before = std::chrono::steady_clock::now();
    for (int i = 0; i < count; ++i)
      REQUIRE(group.spawn_actor("a" + std::to_string(i), actors.factory()));
    REQUIRE(eventually([&] { return actors.began == count; }, 120s));
    auto members = actors.take();
    caf::anon_send_exit(members.front(), caf::exit_reason::kill);
    members.clear();
    REQUIRE(eventually([&] { return actors.began == 2 * count; }, 120s));
    actors.take();
    REQUIRE(r.controls()->act(verb::stop, "g", 120s, true)); // and the stop of all
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count();
  };
  auto small = seconds_for(4'000), large = seconds_for(32'000);
  INFO(small << " s for 4,000, " << large << " s for 32,000");
  CHECK(large < 32 * small); // 64 times as much where it is quadratic
}

TEST_CASE("nothing of a runtime outlives it", "[runtime]") {
  auto kept = std::make_shared<int>();
  {
    runtime r{without_socket()};
    auto group = r.supervisor("g", {});
    REQUIRE(group.spawn_actor("a", [kept](caf::event_based_actor*) -> caf::behavior { return {[](int) {}}; }));
    REQUIRE(eventually([&] { return status_of(r, "a").state == daemon_state::running; }));
    CHECK(kept.use_count() > 1);
  }
  CHECK(kept.use_count() == 1);
}

TEST_CASE("a process of a program runs under a keeper of its own", "[runtime]") {
  with_processes own;
  auto& r = own.it;
  daemon_spec spec;
  spec.name = "sleeper";
  spec.binary_path = "/bin/sleep";
  spec.args = {"1000"};
  auto spawned = r.spawn(spec);
  REQUIRE(spawned);
  REQUIRE(eventually([&] { return status_of(r, "sleeper").state == daemon_state::running; }));
  auto before = status_of(r, "sleeper");
  REQUIRE(before.pid > 0);
  REQUIRE(::kill(before.pid, SIGKILL) == 0);
  REQUIRE(eventually([&] {
    auto now = status_of(r, "sleeper");
    return now.state == daemon_state::running && now.incarnation == 2;
  }));
  auto after = status_of(r, "sleeper");
  CHECK(after.pid != before.pid);
  CHECK(after.last->reason == exit_reason::signal(SIGKILL));
  SECTION("it can be stopped") {
    auto stopped = r.controls()->act(verb::stop, "sleeper", 10s, true);
    REQUIRE(stopped);
    CHECK(stopped->state == daemon_state::stopped);
    CHECK(::kill(after.pid, 0) != 0);
  }
  SECTION("it ends with the program's runtime") {}
}

TEST_CASE("a process that can't be is refused or fails with the reason", "[runtime]") {
  with_processes own;
  auto& r = own.it;
  daemon_spec spec;
  spec.name = "bad name!";
  spec.binary_path = "/bin/true";
  CHECK(code_of(r.spawn(spec).error()) == errc::invalid_config);
  spec.name = "missing";
  spec.binary_path = "/nonexistent/program";
  spec.restart = restart_policy::never();
  auto spawned = r.spawn(spec);
  if (spawned)
    CHECK(eventually([&] { return status_of(r, "missing").state == daemon_state::failed; }));
  else
    CHECK_THAT(sentence(spawned.error()), Contains("/nonexistent/program"));
}
