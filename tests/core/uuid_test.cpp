#include "core/uuid.hpp"

#include "tests/support/catch.hpp"

#include <set>

using duende::uuid;

TEST_CASE("a random uuid reads back and is of version 4") {
  std::set<uuid> seen;
  for (int i = 0; i < 1000; ++i) {
    auto id = uuid::random();
    auto text = to_string(id);
    CHECK(text[14] == '4');
    REQUIRE(uuid::parse(text) == id);
    CHECK(seen.insert(id).second);
  }
}

TEST_CASE("what is no uuid is refused") {
  for (auto text :
       {"", "8f14e45f", "8f14e45f-ceea-467f-a8d9-6a1b2c3d4e5", "8f14e45f-ceea-467f-a8d9-6a1b2c3d4e5g",
        "8f14e45fxceea-467f-a8d9-6a1b2c3d4e5f0", "8f14e45f-ceea-467f-a8d9-6a1b2c3d4e5f0"})
    CHECK_FALSE(uuid::parse(text));
}
