#include "core/suggest.hpp"

#include "tests/support/catch.hpp"

#include <rapidcheck.h>

using namespace duende;

TEST_CASE("edit distance") {
  CHECK(edit_distance("port", "port", 3) == 0);
  CHECK(edit_distance("port", "Port", 3) == 0);
  CHECK(edit_distance("prot", "port", 3) == 1);
  CHECK(edit_distance("pot", "port", 3) == 1);
  CHECK(edit_distance("", "abc", 3) == 3);
  CHECK(edit_distance("", "abcd", 3) == 4);
  CHECK(edit_distance("kitten", "sitting", 3) == 3);
  CHECK(edit_distance(std::string(100, 'a'), std::string(100, 'b'), 3) == 4);
  rc::check("it is symmetric and within its bound", [] {
    auto a = *rc::gen::container<std::string>(rc::gen::inRange('a', 'e'));
    auto b = *rc::gen::container<std::string>(rc::gen::inRange('a', 'e'));
    auto distance = edit_distance(a, b, 5);
    RC_ASSERT(distance == edit_distance(b, a, 5));
    RC_ASSERT(distance <= 6u);
    RC_ASSERT((distance == 0) == (a == b));
  });
}

TEST_CASE("the nearest name is suggested, and none where none is near") {
  std::vector<std::string> names = {"working_dir", "args", "env", "env_file", "user"};
  CHECK(did_you_mean("workingdir", names) == "; did you mean 'working_dir'?");
  CHECK(did_you_mean("arg", names) == "; did you mean 'args'?");
  CHECK(did_you_mean("envfile", names) == "; did you mean 'env_file'?");
  CHECK(did_you_mean("colour", names).empty());
  CHECK(did_you_mean("", names).empty());
}
