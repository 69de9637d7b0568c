// Every type that may cross nodes arrives as it was sent: an unregistered one would arrive empty, with success reported.
#include "core/messages.hpp"
#include "tests/support/catch.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <caf/message.hpp>

#include <rapidcheck.h>

using namespace duende;

namespace {

struct wire {
  wire() { config.add_message_types<caf::id_block::duende>(); }
  caf::actor_system_config config;
  caf::actor_system system{config};

  template <class T>
  T there_and_back(const T& sent) {
    std::vector<char> bytes;
    caf::binary_serializer out{system, bytes};
    if (auto error = out(sent))
      throw std::runtime_error("not written");
    T arrived{};
    caf::binary_deserializer in{system, bytes};
    if (auto error = in(arrived))
      throw std::runtime_error("not read");
    if (in.remaining() != 0)
      throw std::runtime_error("read in part");
    return arrived;
  }

  /// As a message travels: by the type's registration.
  template <class T>
  T in_a_message(const T& sent) {
    auto back = there_and_back(caf::make_message(sent));
    if (back.size() != 1 || !back.template match_element<T>(0))
      throw std::runtime_error("the message arrived without its value");
    return back.template get_as<T>(0);
  }
};

template <class T, class Same>
void check(wire& w, const T& sent, Same same) {
  CHECK(same(w.there_and_back(sent), sent));
  CHECK(same(w.in_a_message(sent), sent));
}

auto equal = [](const auto& a, const auto& b) { return a == b; };

} // namespace

TEST_CASE("wire types arrive as they were sent", "[messages]") {
  wire w;
  SECTION("uuid") {
    check(w, uuid{}, equal);
    check(w, uuid::random(), equal);
  }
  SECTION("exit_cause") {
    for (int i = 0; i < exit_cause_count; ++i)
      check(w, static_cast<exit_cause>(i), equal);
  }
  SECTION("exit_reason") {
    check(w, exit_reason{}, equal);
    check(w, exit_reason::signal(11, true), equal);
    check(w, exit_reason::timeout("not ready within 30s"), equal);
    check(w, exit_reason::code(-1), equal);
  }
  SECTION("milestone") {
    for (auto each : {milestone::down, milestone::started, milestone::ready, milestone::completed})
      check(w, each, equal);
  }
  SECTION("milestone_note") {
    auto same = [](const auto& a, const auto& b) { return a.name == b.name && a.reached == b.reached; };
    check(w, milestone_note{}, same);
    check(w, milestone_note{"db", milestone::completed}, same);
  }
}

TEST_CASE("any exit reason arrives as it was sent", "[messages]") {
  wire w;
  REQUIRE(rc::check("exit_reason", [&] {
    exit_reason sent;
    sent.cause = static_cast<exit_cause>(*rc::gen::inRange(0, exit_cause_count));
    sent.value = *rc::gen::arbitrary<std::int32_t>();
    sent.core_dumped = *rc::gen::arbitrary<bool>();
    sent.detail = *rc::gen::arbitrary<std::string>();
    RC_ASSERT(w.in_a_message(sent) == sent);
  }));
}
