#include "core/config/load.hpp"
#include "core/instances.hpp"
#include "tests/core/config_support.hpp"
#include "tests/support/catch.hpp"

using namespace duende;
using duende::test::faults;

namespace {

stack load(const std::string& text) {
  auto loaded = load_text(text, config_format::toml, "f.toml", "/d");
  REQUIRE(loaded.ok());
  return std::move(loaded.value);
}

const std::string web = "[[daemon]]\nname = \"web\"\nbinary_path = \"/bin/true\"\n";

} // namespace

TEST_CASE("instances are daemons of their own with a name in common") {
  auto loaded = load(
    web
    + "instances = 3\n[daemon.rolling]\nmax_unavailable = 1\n[daemon.logs]\ndir = \"/logs\"\n[[daemon]]\nname = "
      "\"user\"\n"
      "binary_path = \"/bin/true\"\ndepends_on = [\"web\", \"web-2\"]\n");
  REQUIRE(loaded.daemons.size() == 4);
  for (std::uint32_t i = 0; i < 3; ++i) {
    auto& one = loaded.daemons[i];
    CHECK(one.name == "web-" + std::to_string(i + 1));
    CHECK(one.instance_of == "web");
    CHECK(instance_number(one) == i + 1);
    CHECK(one.max_unavailable == 1);
    CHECK(one.logs.dir == "/logs/" + one.name);
  }
  auto& needed = loaded.daemons[3].depends_on;
  REQUIRE(needed.size() == 4);
  CHECK(needed[0].name == "web-1");
  CHECK(needed[2].name == "web-3");
  CHECK(needed[3].name == "web-2");
  auto again = load_text(stack_to_json(loaded), config_format::json, "stored", "/");
  REQUIRE(again.ok());
  CHECK(again.value.daemons == loaded.daemons);
}

TEST_CASE("one instance is the daemon itself") {
  auto loaded = load(web + "instances = 1\n");
  REQUIRE(loaded.daemons.size() == 1);
  CHECK(loaded.daemons[0].name == "web");
  CHECK(loaded.daemons[0].instance_of.empty());
}

TEST_CASE("instances are made from an instance as from the original") {
  auto base = load(web + "[daemon.logs]\ndir = \"/logs\"\n").daemons.front();
  auto three = make_instances(base, 3);
  CHECK(make_instances(three[1], 3) == three);
  auto surge = make_surge(three[1]);
  CHECK(surge.name == "web-surge");
  CHECK(surge.instance_of == "web");
  CHECK(surge.logs.dir == "/logs/web-surge");
  CHECK(instance_number(surge) == 0);
  CHECK(surge.restart.kind == restart_kind::never);
  CHECK(make_surge(base).instance_of == "web");
  CHECK(instance_number(base) == 0);
}

TEST_CASE("faults of instances name their place") {
  CHECK(faults(web + "instances = 0\n") == "f.toml:4:13: 'instances': 0 is out of range; accepted is 1 to 1000");
  CHECK(faults(web + "instances = \"two\"\n") == "f.toml:4:13: 'instances': expected an integer, found a string");
  CHECK(
    faults(web + "instances = 2\npid_file = \"/run/web.pid\"\n")
    == "f.toml:4:13: 'instances' of one 'pid_file' would overwrite each other's");
  CHECK(
    faults(web + "instances = 2\n[[daemon]]\nname = \"web-2\"\nbinary_path = \"/bin/true\"\n")
    == "f.toml:6:8: duplicate daemon 'web-2'; the first is at f.toml:2:8");
  CHECK(faults(web + "instances = 2\n[[daemon.socket]]\nlisten = \"127.0.0.1:80\"\n").empty());
}
