#include "policies/dependency.hpp"

#include "core/errc.hpp"
#include "tests/support/catch.hpp"

#include <rapidcheck.h>

#include <algorithm>
#include <map>

using namespace duende;

namespace {

std::string order_of(const std::vector<dependency_node>& nodes) {
  auto order = start_order(nodes);
  if (!order)
    return sentence(order.error());
  std::string text;
  for (auto i : *order)
    text += nodes[i].name;
  return text;
}

} // namespace

TEST_CASE("milestones satisfy what comes no later") {
  const std::vector<milestone> all = {milestone::down, milestone::started, milestone::ready, milestone::completed};
  const std::vector<std::pair<milestone, std::string>> table = {
    {milestone::started, "0111"}, {milestone::ready, "0011"}, {milestone::completed, "0001"}};
  for (const auto& [until, expected] : table) {
    std::string got;
    for (auto reached : all)
      got += satisfied(reached, until) ? '1' : '0';
    CHECK(got == expected);
  }
}

TEST_CASE("what a daemon waits for is told") {
  CHECK(waiting_text("db", milestone::ready) == "waits for 'db' to be ready");
  CHECK(waiting_text("db", milestone::started) == "waits for 'db' to start");
  CHECK(waiting_text("db", milestone::completed) == "waits for 'db' to complete");
  const std::vector<dependency> unmet = {
    {"a", milestone::ready}, {"b", milestone::completed}, {"c", milestone::started}};
  CHECK(waiting_text(unmet) == "waits for 'a' to be ready, 'b' to complete and 'c' to start");
  CHECK(waiting_text(std::span<const dependency>{}).empty());
}

TEST_CASE("start order follows needs, else the file") {
  CHECK(order_of({}).empty());
  CHECK(order_of({{"c", {}}, {"a", {}}, {"b", {}}}) == "cab");
  CHECK(order_of({{"c", {"b"}}, {"a", {}}, {"b", {}}}) == "abc");
  CHECK(order_of({{"d", {"c", "b"}}, {"c", {"a"}}, {"b", {"a"}}, {"a", {}}}) == "acbd");
  CHECK(order_of({{"a", {"unknown"}}, {"b", {"a", "a"}}}) == "ab");
}

TEST_CASE("cycles are named from their first member") {
  CHECK(order_of({{"a", {"a"}}}) == "dependency cycle: 'a' needs 'a'");
  CHECK(
    order_of({{"x", {"b"}}, {"a", {"c"}}, {"b", {"a"}}, {"c", {"b"}}})
    == "dependency cycle: 'a' needs 'c' needs 'b' needs 'a'");
}

TEST_CASE("specs are ordered by depends_on, and stopped the other way round") {
  std::vector<daemon_spec> daemons(3);
  daemons[0].name = "web";
  daemons[0].depends_on = {{"db", milestone::ready}};
  daemons[1].name = "log";
  daemons[2].name = "db";
  CHECK(*start_order(daemons) == std::vector<std::size_t>{1, 2, 0});
  CHECK(*teardown_order(daemons) == std::vector<std::size_t>{0, 2, 1});
  daemons[2].depends_on = {{"web", milestone::started}};
  CHECK(code_of(teardown_order(daemons).error()) == errc::invalid_config);
}

TEST_CASE("orders are permutations that respect every need") {
  REQUIRE(rc::check("order", [] {
    const auto n = *rc::gen::inRange<std::size_t>(1, 30);
    const auto pairs = *rc::gen::container<std::vector<std::pair<std::size_t, std::size_t>>>(
      rc::gen::pair(rc::gen::inRange<std::size_t>(0, n), rc::gen::inRange<std::size_t>(0, n)));
    const bool acyclic = *rc::gen::arbitrary<bool>();
    std::vector<std::string> names;
    for (std::size_t i = 0; i < n; ++i)
      names.push_back("n" + std::to_string(i));
    std::vector<dependency_node> nodes(n);
    for (std::size_t i = 0; i < n; ++i)
      nodes[i].name = names[i];
    // A multiplication by a unit of Z/31 hides the order the needs follow.
    auto rank = [](std::size_t i) { return (i + 1) * 17 % 31; };
    std::vector<std::vector<bool>> reach(n, std::vector<bool>(n));
    for (auto [a, b] : pairs) {
      if (acyclic && rank(a) <= rank(b))
        continue;
      nodes[a].needs.push_back(names[b]);
      reach[a][b] = true;
    }
    for (std::size_t k = 0; k < n; ++k)
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j)
          if (reach[i][k] && reach[k][j])
            reach[i][j] = true;
    bool cyclic = false;
    for (std::size_t i = 0; i < n; ++i)
      cyclic = cyclic || reach[i][i];
    const auto order = start_order(nodes);
    RC_ASSERT(static_cast<bool>(order) == !cyclic);
    if (!order)
      return;
    std::vector<std::size_t> place(n, n);
    for (std::size_t i = 0; i < order->size(); ++i)
      place[(*order)[i]] = i;
    RC_ASSERT(order->size() == n);
    for (std::size_t i = 0; i < n; ++i) {
      RC_ASSERT(place[i] < n);
      for (std::size_t j = 0; j < n; ++j)
        if (reach[i][j])
          RC_ASSERT(place[j] < place[i]);
    }
  }));
}
