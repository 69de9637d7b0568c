// What a child finds, and what each failing step says.
#include "tests/backends/keeper_fixture.hpp"

#include "core/exit_reason.hpp"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

using namespace duende;
using namespace duende::test;

namespace {

void write_file(const std::string& path, const std::string& text, mode_t mode) {
  std::ofstream{path} << text;
  chmod(path.c_str(), mode);
}

launch_request program(const std::string& path) {
  auto request = shell("");
  request.path = path;
  request.argv = {path};
  return request;
}

} // namespace

TEST_CASE("the environment is exactly the given one [F019]", "[F019]") {
  kept k;
  setenv("DUENDE_LEAK", "1", 1);
  launch_request request = shell("");
  request.path = "/usr/bin/env";
  request.argv = {"env"};
  request.env = {"A=1", "B=two words", "C="};
  k.run(request);
  CHECK(k.output(request.id, 19) == "A=1\nB=two words\nC=\n");
}

TEST_CASE("the working directory is the given one [F020]", "[F020]") {
  kept k;
  auto request = shell("pwd; echo here >file");
  request.working_dir = k.state.path;
  k.run(request);
  CHECK(k.output(request.id) == k.state.path + "\n");
  CHECK(slurp(k.state.path + "/file") == "here\n");
}

TEST_CASE("a child inherits stdio and nothing else, on a session of its own") {
  kept k;
  int leak = open("/dev/null", O_RDONLY); // not close-on-exec, and the keeper is started once more
  auto listing = shell("");
  listing.path = "/bin/ls";
  listing.argv = {"ls", "/proc/self/fd"};
  k.run(listing);
  CHECK(k.output(listing.id, 8) == "0\n1\n2\n3\n"); // 3 is the folder that ls reads
  auto request = shell("readlink /proc/$$/fd/0; cut -d' ' -f5,6 /proc/$$/stat; echo $$");
  k.run(request);
  std::istringstream lines{k.output(request.id, 10)};
  std::string input, group, session, pid;
  lines >> input >> group >> session >> pid;
  CHECK(input == "/dev/null");
  CHECK(group == pid);
  CHECK(session == pid);
  close(leak);
}

TEST_CASE("signal mask and dispositions are reset") {
  signal(SIGUSR2, SIG_IGN); // inherited by the keeper
  kept k;
  signal(SIGUSR2, SIG_DFL);
  auto request = shell("exec cat /proc/self/status");
  k.run(request);
  auto status = k.output(request.id, 500);
  for (auto* name : {"SigBlk", "SigIgn", "SigCgt"})
    CHECK_THAT(status, Contains(name + std::string(":\t0000000000000000\n")));
}

TEST_CASE("stderr may join stdout, and either may go nowhere") {
  kept k;
  auto request = shell("echo out; echo err >&2");
  request.err = stdio_mode::join_stdout;
  k.run(request);
  CHECK(k.output(request.id, 8) == "out\nerr\n");
  auto silent = shell("x=$(readlink /proc/$$/fd/1); echo $x >&2");
  silent.out = stdio_mode::null;
  k.run(silent);
  char buffer[64] = {};
  CHECK(read(k.all.channels[silent.id].err, buffer, sizeof buffer) == 10);
  CHECK(std::string{buffer} == "/dev/null\n");
}

TEST_CASE("limits, user and no_new_privileges reach the child") {
  if (getuid() != 0)
    return;
  kept k;
  auto request =
    shell("ulimit -n; id -u; id -g; id -G; grep NoNewPrivs /proc/self/status | cut -f2; echo x >/dev/stdout");
  request.rlimits = {{RLIMIT_NOFILE, {123, 456}}};
  request.change_user = true;
  request.uid = 65534;
  request.gid = 65533;
  request.groups = {7, 8};
  request.no_new_privileges = true;
  k.run(request);
  CHECK(k.output(request.id, 30) == "123\n65534\n65533\n65533 7 8\n1\nx\n");
}

TEST_CASE("the soft limit of open files is the one the keeper was started with") {
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit low{777, before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &low);
  kept k;
  setrlimit(RLIMIT_NOFILE, &before);
  auto request = shell("ulimit -Sn");
  k.run(request);
  CHECK(k.output(request.id) == "777\n");
}

TEST_CASE("the readiness pipe is on its number, whatever else is there") {
  kept k;
  for (int number : {3, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 20}) {
    auto request = shell("ls /proc/$$/fd | tr '\\n' ' ' >&2; echo >&" + std::to_string(number));
    if (number > 9) // dash knows one digit
      request.path = "/bin/bash";
    request.ready_fd = number;
    k.run(request);
    char byte = 0;
    REQUIRE(k.all.wait([&] { return k.all.channels[request.id].ready >= 0; }));
    CHECK(read(k.all.channels[request.id].ready, &byte, 1) == 1);
    CHECK(byte == '\n');
  }
}

TEST_CASE("the notify socket is bound and held by the keeper") {
  kept k;
  auto request = shell("exec sleep 100");
  request.notify_path = k.state.path + "/notify";
  write_file(request.notify_path, "stale", 0600);
  k.launch(request);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  request.notify_path.copy(address.sun_path, sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  CHECK(sendto(fd, "READY=1", 7, 0, reinterpret_cast<sockaddr*>(&address), sizeof address) == 7);
  char buffer[16];
  CHECK(read(k.all.channels[request.id].notify, buffer, sizeof buffer) == 7);
  close(fd);
}

TEST_CASE("each failing step says what, on what and why") {
  kept k;
  auto& dir = k.state.path;
  SECTION("working_dir") {
    auto request = shell("");
    request.working_dir = "/nope";
    CHECK(k.failure(request) == "cannot enter working_dir '/nope': No such file or directory");
  }
  SECTION("working_dir is a loop") {
    symlink("loop", (dir + "/loop").c_str());
    auto request = shell("");
    request.working_dir = dir + "/loop";
    CHECK(k.failure(request) == "cannot enter working_dir '" + dir + "/loop': Too many levels of symbolic links");
  }
  SECTION("binary is missing") {
    CHECK(k.failure(program("/nope/x")) == "cannot execute '/nope/x': No such file or directory");
  }
  SECTION("binary is not executable") {
    write_file(dir + "/x", "#!/bin/sh\n", 0644);
    CHECK(k.failure(program(dir + "/x")) == "cannot execute '" + dir + "/x': it is not executable");
  }
  SECTION("binary is a directory") {
    CHECK(k.failure(program(dir)) == "cannot execute '" + dir + "': it is a directory");
  }
  SECTION("script without its interpreter") {
    write_file(dir + "/x", "#! /opt/none/python3 -u\n", 0755);
    CHECK(
      k.failure(program(dir + "/x"))
      == "cannot execute '" + dir + "/x': its interpreter '/opt/none/python3' is missing");
  }
  SECTION("neither program nor script") {
    write_file(dir + "/x", "hello", 0755);
    CHECK_THAT(k.failure(program(dir + "/x")), Contains("it is neither a program for this machine nor a script"));
  }
  SECTION("a symlink loop") {
    symlink("loop", (dir + "/loop").c_str());
    CHECK(k.failure(program(dir + "/loop")) == "cannot execute '" + dir + "/loop': Too many levels of symbolic links");
  }
  SECTION("a path over PATH_MAX") {
    CHECK_THAT(k.failure(program("/" + std::string(5000, 'x'))), Contains("File name too long"));
  }
  SECTION("an environment variable of 1 MB") {
    auto request = shell("");
    request.env.push_back("BIG=" + std::string(1'000'000, 'x'));
    CHECK_THAT(k.failure(request), Contains("cannot execute '/bin/sh': its arguments and environment are too large"));
  }
  SECTION("more than a request may hold") {
    auto request = shell("");
    request.env.push_back("BIG=" + std::string(5'000'000, 'x'));
    CHECK_THAT(k.failure(request), Contains("the limit is 4194304"));
  }
  SECTION("an environment of 500 KB is fine") {
    auto request = shell("exit 5");
    for (int i = 0; i < 5; ++i)
      request.env.push_back("V" + std::to_string(i) + "=" + std::string(100'000, 'x'));
    CHECK(WEXITSTATUS(k.run(request).status) == 5);
  }
  SECTION("cgroup") {
    auto request = shell("");
    request.cgroup = dir + "/none";
    CHECK(k.failure(request) == "cannot enter cgroup '" + dir + "/none': No such file or directory");
  }
  SECTION("limit") {
    auto request = shell("");
    request.rlimits = {{RLIMIT_NOFILE, {10, 5}}};
    CHECK(k.failure(request) == "cannot set limit 'nofile': Invalid argument");
  }
  SECTION("notify socket") {
    auto request = shell("");
    request.notify_path = "/nope/notify";
    CHECK(k.failure(request) == "cannot bind its notify socket '/nope/notify': No such file or directory");
  }
  SECTION("readiness descriptor beyond the limit") {
    auto request = shell("");
    request.ready_fd = 1 << 24;
    CHECK_THAT(k.failure(request), Contains("cannot set up its readiness descriptor"));
  }
  // Whatever failed, the keeper goes on.
  CHECK(WEXITSTATUS(k.run(shell("exit 4")).status) == 4);
}
