// The native backend as an actor: who hears of what, also of what happened before anybody listened.
#include "backends/native/backend.hpp"
#include "tests/backends/keeper_fixture.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

using namespace duende;
using namespace duende::test;

namespace {

/// The words of what an incarnation is told, in order.
struct listening {
  std::mutex mutex;
  std::condition_variable changed;
  std::string heard;

  void add(const std::string& word) {
    std::lock_guard lock{mutex};
    heard += (heard.empty() ? "" : " ") + word;
    changed.notify_all();
  }
  bool wait(const std::string& wanted) {
    std::unique_lock lock{mutex};
    return changed.wait_for(lock, std::chrono::seconds{10}, [&] { return heard == wanted; });
  }
  std::string now() {
    std::lock_guard lock{mutex};
    return heard;
  }
};

launch_listener listen(caf::actor_system& system, listening& to) {
  return system.spawn([&to]() -> launch_listener::behavior_type {
    return {
      [&to](const launched&) { to.add("launched"); }, [&to](const launch_failure& what) { to.add(what.text); },
      [&to](const process_exit& what) { to.add("exit" + std::to_string(WEXITSTATUS(what.status))); },
      [&to](const run_change& what) { to.add(what.stopped ? "stopped" : "continued"); }};
  });
}

process_exit exit_of(const uuid& id, std::uint32_t incarnation, int code) {
  process_exit end;
  end.id = id;
  end.incarnation = incarnation;
  end.status = code << 8;
  return end;
}

struct platform {
  explicit platform(std::shared_ptr<keeper_link> link = nullptr) {
    backend = system.spawn(native_backend, link_source{[link]() -> caf::expected<std::shared_ptr<keeper_link>> {
                             if (link)
                               return link;
                             return make_error(errc::unreachable, "no keeper here");
                           }});
  }
  ~platform() { caf::anon_send_exit(backend, caf::exit_reason::user_shutdown); }
  template <class... Ts>
  void tell(Ts... words) {
    caf::anon_send(backend, std::move(words)...);
  }
  void adopt(const uuid& id, std::uint32_t incarnation, const launch_listener& to) {
    tell(adopt_atom::value, id, incarnation, to);
  }
  caf::actor_system_config config;
  caf::actor_system system{config};
  backend_actor backend;
};

} // namespace

TEST_CASE("what happens to a daemon before its incarnation is there reaches it") {
  listening ended, failed, stopped, older;
  platform p;
  auto a = uuid::random(), b = uuid::random(), c = uuid::random(), d = uuid::random();
  p.tell(run_change{a, 2, true});
  p.tell(exit_of(a, 2, 7));
  p.tell(launch_failure{b, 2, "failed"});
  p.tell(run_change{c, 2, false});
  p.tell(run_change{c, 2, true});
  p.tell(exit_of(d, 1, 1));
  p.adopt(a, 2, listen(p.system, ended));
  p.adopt(b, 2, listen(p.system, failed));
  p.adopt(c, 2, listen(p.system, stopped));
  p.adopt(d, 2, listen(p.system, older));
  CHECK(ended.wait("exit7"));
  CHECK(failed.wait("failed"));
  CHECK(stopped.wait("stopped"));
  p.tell(exit_of(c, 2, 3)); // and it goes on
  CHECK(stopped.wait("stopped exit3"));
  p.tell(exit_of(d, 2, 2));
  CHECK(older.wait("exit2"));
}

TEST_CASE("what was told of an earlier start is not told to the next one") {
  listening next, later;
  platform p;
  auto a = uuid::random(), b = uuid::random();
  p.tell(exit_of(a, 2, 7));
  p.tell(exit_of(b, 2, 7));
  auto request = std::make_shared<launch_request>();
  request->id = a;
  request->incarnation = 2;
  p.tell(launch_atom::value, launch_request_ptr{request}, listen(p.system, next));
  CHECK(next.wait("no keeper here"));
  p.adopt(a, 2, listen(p.system, later));
  p.tell(forget_atom::value, b);
  p.adopt(b, 2, listen(p.system, later));
  p.tell(run_change{b, 2, true});
  CHECK(later.wait("stopped"));
}

TEST_CASE("a process that nobody hears of is forgotten with its end, whenever that comes") {
  kept k;
  std::shared_ptr<keeper_link> link = std::move(k.link);
  {
    platform p{link};
    bool early = GENERATE(true, false);
    auto request = shell("exit 4");
    link->launch(request);
    auto end = await(k.all, &told::exits, request.id, 1);
    if (early)
      p.tell(end);
    p.adopt(request.id, 1, {});
    if (!early)
      p.tell(end);
    // Its slot is free: a record for it has nowhere to go.
    REQUIRE(eventually([&] {
      link->set_record(request.id, 1, "x");
      return k.all.count(&told::refusals) != 0;
    }));
    CHECK(k.all.copy(&told::refusals)[0] == "the keeper holds no such child");
  }
  link.reset();
}
