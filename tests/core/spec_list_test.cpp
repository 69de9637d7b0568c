#include "core/spec.hpp"

#include "tests/support/catch.hpp"

using namespace duende;

namespace {

daemon_spec named(const std::string& name) {
  daemon_spec spec;
  spec.name = name;
  return spec;
}

} // namespace

TEST_CASE("a copy of a list shares its elements until one is edited") {
  spec_list first{named("a"), named("b")};
  auto second = first;
  CHECK(second.shared(0) == first.shared(0));
  second.edit(0).args = {"x"};
  CHECK(first[0].args.empty());
  CHECK(second[0].args == std::vector<std::string>{"x"});
  CHECK(second.shared(1) == first.shared(1));
  CHECK(!(first == second));
  first.edit(0).args = {"x"};
  CHECK(first == second);
}

TEST_CASE("a list is edited, searched and cut like a vector") {
  spec_list list{named("a"), named("b"), named("c")};
  list.insert(1, std::make_shared<const daemon_spec>(named("n")));
  list.erase_if([](auto& spec) { return spec.name == "c"; });
  list.set(0, std::make_shared<const daemon_spec>(named("z")));
  std::string names;
  for (auto& spec : list)
    names += spec.name;
  CHECK(names == "znb");
  CHECK(list.find("n") == list.shared(1));
  CHECK(list.find("c") == nullptr);
  CHECK(list.end() - list.begin() == 3);
  CHECK(spec_list{}.begin() == spec_list{}.end());
  CHECK(!(spec_list{named("a")} == spec_list{}));
}

TEST_CASE("equal elements of two lists become one") {
  spec_list present{named("a"), named("b")};
  spec_list wanted{named("b"), named("a"), named("new")};
  wanted.edit(1).args = {"changed"};
  wanted.share_with(present);
  CHECK(wanted.shared(0) == present.shared(1));
  CHECK(wanted[1].args.size() == 1);
  CHECK(wanted[2].name == "new");
}
