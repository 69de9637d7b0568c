// What a daemon says in one datagram.
#include "monitors/probes/notify.hpp"
#include "tests/support/catch.hpp"

#include <rapidcheck.h>

#include <string>
#include <vector>

using namespace duende;
using namespace std::chrono_literals;

TEST_CASE("parse_notify reads every key of sd_notify(3)") {
  auto m =
    parse_notify("READY=1\nSTATUS=Serving é\nMAINPID=4711\nWATCHDOG_USEC=20000000\nEXTEND_TIMEOUT_USEC=5\n"
                 "RELOADING=1\nMONOTONIC_USEC=123\nSTOPPING=1\nERRNO=2\nBUSERROR=org.x\nWATCHDOG=1\nX_OTHER=1\n");
  CHECK(m.ready);
  CHECK(m.reloading);
  CHECK(m.stopping);
  CHECK(m.watchdog);
  CHECK_FALSE(m.watchdog_trigger);
  CHECK(m.status == "Serving é");
  CHECK(m.main_pid == 4711);
  CHECK(m.watchdog_interval == duration{20s});
  CHECK(m.extend_timeout == duration{5us});
  CHECK(m.monotonic_at == instant{123us});
  CHECK(m.error_number == 2);
  CHECK(m.bus_error == "org.x");
  CHECK(m.problems.empty());
  CHECK(parse_notify("WATCHDOG=trigger").watchdog_trigger);
  CHECK(parse_notify("STATUS=").status == "");
  CHECK(parse_notify("") == notify_message{});
  CHECK(parse_notify("\n\n") == notify_message{});
}

TEST_CASE("parse_notify reads what is said of descriptors") {
  auto m = parse_notify("FDSTORE=1\nFDNAME=conn 1\nFDPOLL=0");
  CHECK(m.fd_store);
  CHECK_FALSE(m.fd_poll);
  CHECK(m.fd_name == "conn 1");
  CHECK(m.problems.empty());
  m = parse_notify("FDSTOREREMOVE=1\nFDNAME=a");
  CHECK(m.fd_store_remove);
  CHECK_FALSE(m.fd_store);
  CHECK(m.fd_poll);
  for (auto* bad : {"FDNAME=a:b", "FDNAME=a\x7f", "FDPOLL=1", "FDSTORE=yes"})
    CHECK(parse_notify(bad).problems.size() == 1);
  CHECK(parse_notify("FDNAME=" + std::string(256, 'x')).problems.size() == 1);
}

TEST_CASE("parse_notify leaves out what is wrong, keeps the rest and says why") {
  struct row {
    const char* text;
    const char* problem;
  };
  for (auto& [text, problem] : std::vector<row>{
         {"MAINPID=x", "MAINPID='x' is not a process id"},
         {"MAINPID=0", "MAINPID='0' is not a process id"},
         {"MAINPID=-5", "MAINPID='-5' is not a process id"},
         {"MAINPID=99999999999", "MAINPID='99999999999' is not a process id"},
         {"MAINPID=12 ", "MAINPID='12 ' is not a process id"},
         {"MAINPID=", "'MAINPID' is not a process id"},
         {"WATCHDOG_USEC=18446744073709551615", "WATCHDOG_USEC='18446744073709551615' is not a number of microseconds"},
         {"EXTEND_TIMEOUT_USEC=1.5", "EXTEND_TIMEOUT_USEC='1.5' is not a number of microseconds"},
         {"MONOTONIC_USEC=-1", "MONOTONIC_USEC='-1' is not a number of microseconds"},
         {"ERRNO=abc", "ERRNO='abc' is not an error number"},
         {"READY=yes", "READY='yes' is not '1'"},
         {"nonsense", "'nonsense' is not KEY=VALUE"},
         {"=1", "'=1' is not KEY=VALUE"},
         {"STATUS=\xff\xfe", "STATUS='..' is not UTF-8"},
         {"STATUS=\xed\xa0\x80", "STATUS='...' is not UTF-8"},
       }) {
    CAPTURE(text);
    auto m = parse_notify(std::string("RELOADING=1\n") + text);
    CHECK(m.reloading);
    REQUIRE(m.problems.size() == 1);
    CHECK(m.problems.front() == problem);
    m.problems.clear();
    notify_message only;
    only.reloading = true;
    CHECK(m == only);
  }
}

TEST_CASE("parse_notify bounds what it takes") {
  CHECK(
    parse_notify("STATUS=a\x1b[31mb\x07\xc2\x9b"
                 "c")
      .status
    == "a [31mb   c");
  CHECK(parse_notify("STATUS=first\nSTATUS=second").status == "first");
  auto large = parse_notify("READY=1\nSTATUS=" + std::string(5000, 'x'));
  CHECK_FALSE(large.ready);
  CHECK(large.problems == std::vector<std::string>{"a datagram of 5015 bytes is over the limit of 4096"});
  CHECK(parse_notify("a\nb\nc\nd\ne\nf").problems.size() == 4);
}

TEST_CASE("parse_notify takes any bytes") {
  CHECK(rc::check("arbitrary datagrams", [](const std::string& text) {
    auto m = parse_notify(text);
    RC_ASSERT(m.problems.size() <= 4u);
  }));
}
