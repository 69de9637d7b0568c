#include "tests/backends/keeper_fixture.hpp"

#include "core/exit_reason.hpp"

using namespace duende;
using namespace duende::test;

TEST_CASE("a child's exit code and signal come back") {
  kept k;
  auto exit = k.run(shell("exit 3"));
  CHECK(exit_reason::from_wait_status(exit.status) == exit_reason::code(3));
  CHECK(exit.ended_at > exit.started_at);
  CHECK(exit.usage.max_rss_bytes > 0);
  CHECK(exit_reason::from_wait_status(k.run(shell("kill -USR1 $$")).status) == exit_reason::signal(SIGUSR1));
}

TEST_CASE("launched names the identity of the process") {
  kept k;
  auto request = shell("exec sleep 100");
  auto process = k.launch(request);
  auto stat = slurp("/proc/" + std::to_string(process.pid) + "/stat");
  std::istringstream fields{stat.substr(stat.rfind(')') + 2)};
  std::string field;
  for (int i = 3; i <= 22; ++i)
    fields >> field;
  CHECK(field == std::to_string(process.start_time));
  k.link->signal(request.id, 1, SIGTERM, signal_scope::group);
  CHECK(WTERMSIG(await(k.all, &told::exits, request.id, 1).status) == SIGTERM);
}
