#include "monitors/usage/process_rights.hpp"

#include "tests/support/catch.hpp"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace duende;

TEST_CASE("the rights of a process are read from its status") {
  auto found =
    parse_rights("Name:\tx\nTgid:\t7\nUid:\t1000\t1001\t1000\t1000\nVmLck:\t      64 kB\nCapInh:\t0000000000000000\n"
                 "CapPrm:\t0000000000002000\nCapEff:\t0000000000000000\nCapBnd:\t000001ffffffffff\n"
                 "NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n");
  REQUIRE(found);
  CHECK(found->user == 1001);
  CHECK(found->permitted == 0x2000);
  CHECK(found->bounding == 0x1ffffffffff);
  CHECK(found->no_new_privileges);
  CHECK(found->calls_filtered);
  CHECK(found->locked_bytes == 65536);
  CHECK_FALSE(found->own_network);
  CHECK_FALSE(parse_rights("Name:\tx\nUid:\t"));
  CHECK_FALSE(parse_rights(""));
}

TEST_CASE("our own rights are what we know of ourselves") {
  auto mine = read_rights(getpid());
  REQUIRE(mine);
  CHECK(mine->user == geteuid());
  CHECK(mine->own_network == false);
  auto before = mine->locked_bytes;
  auto* memory = mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  if (syscall(SYS_mlock, memory, 8192) == 0) // sanitizers have a mlock that does nothing
    CHECK(read_rights(getpid())->locked_bytes == before + 8192);
  munmap(memory, 8192);
  CHECK_FALSE(read_rights(0));
}
