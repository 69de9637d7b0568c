// The node gives way to the program on disk; one that does not come up gives way in turn. No daemon notices either.
#include "tests/support/catch.hpp"
#include "tests/system/node.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>

using namespace duende::test;

namespace {

/// The built programs, copied to a folder where the node's may be exchanged.
class installed {
public:
  installed() {
    for (auto name : {"duende", "duended", "duende-keeper"})
      std::filesystem::copy_file(program(name), folder_.path(name));
  }
  std::string bin() const { return folder_.path(); }
  /// As a package manager does it: a new file takes the name.
  void replace_node(const std::string& with, bool is_text) {
    auto fresh = folder_.path("fresh");
    std::filesystem::remove(fresh);
    if (is_text)
      write_file(fresh, with);
    else
      std::filesystem::copy_file(with, fresh);
    std::filesystem::permissions(fresh, std::filesystem::perms::owner_all);
    std::filesystem::rename(fresh, folder_.path("duended"));
  }
  void remove_node() { std::filesystem::remove(folder_.path("duended")); }

private:
  scratch folder_;
};

std::string workers(int count) {
  std::string text;
  for (int i = 0; i < count; ++i)
    text += "[[daemon]]\nname = \"w" + std::to_string(i) + "\"\ncommand = \"@WORKER@ @DIR@/starts\"\n";
  return text;
}

bool all_running(const node& n, int count) {
  auto all = n.ps();
  return static_cast<int>(all.size()) == count
         && std::all_of(all.begin(), all.end(), [](auto& each) { return each.second["state"] == "running"; });
}

std::string last_upgrade(const node& n) {
  std::string text;
  for (auto& each : n.events())
    if (each["kind"] == "upgrade")
      text = each["text"];
  return text;
}

} // namespace

TEST_CASE("an upgrade replaces the node and no daemon") {
  constexpr int count = 50;
  installed programs;
  node n{workers(count), {.bin = programs.bin()}};
  n.until("all run", [&] { return all_running(n, count); });
  auto before = n.ps();
  auto old = n.pid_of("duended");
  programs.replace_node(program("duended"), false);
  auto upgraded = n.cli({"upgrade"});
  INFO(upgraded.err);
  CHECK(upgraded.status == 0);
  CHECK(upgraded.out.find("took the place of") != std::string::npos);
  CHECK(n.pid_of("duended") != old);
  auto after = n.ps();
  for (auto& [name, was] : before)
    CHECK(after[name]["pid"] == was["pid"]);
  CHECK(records(n.path("starts")).size() == count);
  CHECK(last_upgrade(n).find("runs version") != std::string::npos);

  SECTION("and once more, with the same file") { CHECK(n.cli({"upgrade"}).status == 0); }
  SECTION("what crashes comes back as the program that ran, whatever lies on disk") {
    programs.replace_node("#!/bin/sh\nexit 3\n", true);
    kill(n.pid_of("duended"), SIGKILL);
    n.until("it is back", [&] { return all_running(n, count); });
    CHECK(n.cli({"ps"}).status == 0);
  }
}

TEST_CASE("a program that does not come up gives way to the one that ran") {
  installed programs;
  node n{workers(5), {.bin = programs.bin()}};
  n.until("all run", [&] { return all_running(n, 5); });
  auto before = n.ps();
  std::string cause;
  SECTION("it exits") {
    programs.replace_node("#!/bin/sh\nexit 3\n", true);
    cause = "it exited with code 3";
  }
  SECTION("it is no program") {
    programs.replace_node("garbage", true);
    cause = "it exited with code 1"; // 126 or 127, as a shell has it
  }
  SECTION("it kills itself") {
    programs.replace_node("#!/bin/sh\nkill -SEGV $$\n", true);
    cause = "it was killed by signal 11";
  }
  auto upgraded = n.cli({"upgrade"});
  CHECK(upgraded.status == 1);
  CHECK(upgraded.err.find(cause) != std::string::npos);
  CHECK(last_upgrade(n).find(cause) != std::string::npos);
  n.until("all run", [&] { return all_running(n, 5); });
  auto after = n.ps();
  for (auto& [name, was] : before)
    CHECK(after[name]["pid"] == was["pid"]);
}

TEST_CASE("an upgrade to nothing is refused and the node stays") {
  installed programs;
  node n{workers(1), {.bin = programs.bin()}};
  n.until("all run", [&] { return all_running(n, 1); });
  auto old = n.pid_of("duended");
  programs.remove_node();
  auto upgraded = n.cli({"upgrade"});
  CHECK(upgraded.status == 1);
  CHECK(upgraded.err.find("No such file or directory") != std::string::npos);
  CHECK(n.pid_of("duended") == old);
}
