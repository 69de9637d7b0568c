#include "backends/native/protocol.hpp"

#include "tests/support/catch.hpp"

#include <rapidcheck.h>

using namespace duende;
using namespace duende::protocol;

namespace {

std::string text_of(const std::string& any) {
  std::string result = any;
  for (auto& byte : result)
    if (byte == '\0')
      byte = '?';
  return result;
}

uuid any_id() {
  uuid id;
  for (auto& byte : id.bytes)
    byte = *rc::gen::arbitrary<std::uint8_t>();
  return id;
}

} // namespace

TEST_CASE("a spawn request survives its packet, and a packet cut or prolonged is refused") {
  CHECK(rc::check([](const std::string& a, const std::vector<std::string>& raw, std::uint32_t number, bool flag) {
    std::vector<std::string> words;
    for (auto& word : raw)
      words.push_back(text_of(word));
    auto path = text_of(a);
    protocol::spawn sent;
    sent.id = any_id();
    sent.incarnation = number;
    sent.path = path;
    sent.argv.assign(words.begin(), words.end());
    sent.env.assign(words.rbegin(), words.rend());
    sent.change_user = flag;
    sent.uid = number;
    sent.groups = {1, number};
    sent.limits = {{7, number, ~std::uint64_t{0}}};
    sent.err = stdio::join_stdout;
    sent.sandbox.parts = number;
    sent.sandbox.paths = {{path, number}, {"/usr", 7}};
    sent.sandbox.names_calls = flag;
    sent.sandbox.filter = a; // any bytes
    sent.record = a;         // any bytes
    std::string packet;
    encode(packet, sent);
    protocol::spawn got;
    RC_ASSERT(decode(packet, got));
    RC_ASSERT(got.id == sent.id);
    RC_ASSERT(got.incarnation == number);
    RC_ASSERT(got.path == path);
    RC_ASSERT(got.path.data()[got.path.size()] == '\0');
    RC_ASSERT(got.argv == sent.argv);
    RC_ASSERT(got.env == sent.env);
    RC_ASSERT(got.change_user == flag);
    RC_ASSERT(got.groups == sent.groups);
    RC_ASSERT(got.limits == sent.limits);
    RC_ASSERT(got.sandbox.parts == number);
    RC_ASSERT(got.sandbox.paths == sent.sandbox.paths);
    RC_ASSERT(got.sandbox.names_calls == flag);
    RC_ASSERT(got.sandbox.filter == a);
    RC_ASSERT(got.record == a);
    auto cut = *rc::gen::inRange<std::size_t>(0, packet.size());
    RC_ASSERT(!decode(std::string_view{packet}.substr(0, cut), got));
    RC_ASSERT(!decode(packet + "x", got));
  }));
}

TEST_CASE("a held child survives its packet") {
  CHECK(rc::check([](std::int32_t number, std::uint64_t time, bool flag, const std::string& record) {
    held sent;
    sent.process = {any_id(), 3, number, number, time, time, time, time, time, time};
    sent.start_time = time;
    sent.running = flag;
    sent.stopped = !flag;
    sent.mask = 5;
    sent.record = record;
    std::string packet, again;
    encode(packet, sent);
    held got;
    RC_ASSERT(decode(packet, got));
    encode(again, got);
    RC_ASSERT(again == packet);
    RC_ASSERT(got.process.ended_wall_ms == time);
    RC_ASSERT(got.record == record);
  }));
}

TEST_CASE("limits of the protocol hold") {
  std::string packet;
  std::string large(max_record + 1, 'x');
  set_record message;
  message.record = large;
  encode(packet, message);
  set_record got;
  CHECK(!decode(packet, got));
  protocol::spawn request;
  request.limits.resize(max_rlimits + 1);
  encode(packet, request);
  protocol::spawn other;
  CHECK(!decode(packet, other));
  using namespace std::string_view_literals;
  protocol::spawn zero;
  zero.path = "a\0b"sv; // would end early for execve
  encode(packet, zero);
  CHECK(!decode(packet, other));
}

TEST_CASE("another version and another kind are told from ours") {
  std::string packet;
  encode(packet, ping{7});
  header head;
  REQUIRE(read_header(packet, head));
  CHECK(head.kind == kind::ping);
  CHECK(head.version == version);
  pong wrong;
  CHECK(!decode(packet, wrong));
  packet[3] = version + 1;
  ping got;
  CHECK(!decode(packet, got));
  CHECK(read_header(memfd_announcement(kind::spawn), head));
  CHECK(head.in_memfd);
  CHECK(!read_header("DUK", head));
}
