#include "core/names.hpp"

#include "core/errc.hpp"
#include "tests/support/catch.hpp"

using namespace duende;

TEST_CASE("names") {
  for (auto name : {"a", "A9", "7", "web-1.b_c"})
    CHECK(valid_name(name));
  CHECK(valid_name(std::string(64, 'a')));
  for (auto name : {"", "-a", ".a", "_a", "a b", "a/b", "ä", "a\n"})
    CHECK_FALSE(valid_name(name));
  CHECK_FALSE(valid_name(std::string(65, 'a')));
  CHECK(check_name("a"));
  CHECK(code_of(check_name("a b").error()) == errc::invalid_config);
}
