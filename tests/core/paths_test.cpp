#include "core/paths.hpp"

#include "tests/support/catch.hpp"

#include <cstdlib>

#include <unistd.h>

using namespace duende;

TEST_CASE("a path below a folder") {
  CHECK(absolute_path("/etc/duende", "/bin/true") == "/bin/true");
  CHECK(absolute_path("/etc/duende", "run.sh") == "/etc/duende/run.sh");
  CHECK(absolute_path("/etc/duende", "./run.sh") == "/etc/duende/run.sh");
  CHECK(absolute_path("/etc/duende", ".//./run.sh") == "/etc/duende/run.sh");
  CHECK(absolute_path("/etc/duende", "../run.sh") == "/etc/duende/../run.sh");
  CHECK(absolute_path("/etc/duende", ".") == "/etc/duende");
  CHECK(absolute_path("/", "x") == "/x");
  CHECK(absolute_path("/etc", "~/x") == "/etc/~/x");
}

TEST_CASE("default folders carry the node's name") {
  CHECK_THAT(default_run_dir("web-1"), Contains("duende") && Contains("/web-1"));
  CHECK(default_socket("web-1") == default_run_dir("web-1") + "/api.sock");
  CHECK(default_state_dir("web-1") == default_state_dir("default") + "/web-1");
  if (geteuid() == 0) {
    CHECK(default_run_dir("a") == "/run/duende/a");
    CHECK(default_state_dir("default") == "/var/lib/duende");
  }
}

TEST_CASE("the program's folder holds the program") {
  CHECK(access((program_dir() + "/test_core").c_str(), X_OK) == 0);
}
