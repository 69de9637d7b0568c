// The headers of W3C Trace Context, by the examples of its specification and the cases of its test suite.
#include "core/trace_context.hpp"

#include "tests/support/catch.hpp"

#include <rapidcheck.h>

#include <algorithm>
#include <set>

using namespace duende;

namespace {

const std::string trace = "12345678901234567890123456789012";
const std::string parent = "1234567890123456";

} // namespace

TEST_CASE("a traceparent is read: the specification's examples", "[F050]") {
  auto context = parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  REQUIRE(context);
  CHECK(hex_text(context->trace_id) == "4bf92f3577b34da6a3ce929d0e0e4736");
  CHECK(hex_text(context->span_id) == "00f067aa0ba902b7");
  CHECK(context->sampled());
  CHECK(to_traceparent(*context) == "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  context = parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
  REQUIRE(context);
  CHECK_FALSE(context->sampled());
}

TEST_CASE("a traceparent that is valid", "[F050]") {
  for (const auto& text : {
         "00-" + trace + "-" + parent + "-01",
         "00-" + trace + "-" + parent + "-ff", // unknown flags are no fault
         " 00-" + trace + "-" + parent + "-01",
         "\t00-" + trace + "-" + parent + "-01 \t",
         "cc-" + trace + "-" + parent + "-01", // a later version
         "cc-" + trace + "-" + parent + "-01-what-the-future-will-be-like",
         "fe-" + trace + "-" + parent + "-01-",
       }) {
    INFO("'" << text << "'");
    auto context = parse_traceparent(text);
    REQUIRE(context);
    CHECK(to_traceparent(*context) == "00-" + trace + "-" + parent + "-01"); // what is not known is not passed on
  }
}

TEST_CASE("a traceparent that is invalid", "[F050]") {
  for (const auto& text : {
         std::string{},
         std::string{"00"},
         std::string{"not a traceparent"},
         "00-" + trace + "-" + parent,
         "00-" + trace + "-" + parent + "-",
         "00-" + trace + "-" + parent + "-1",
         "00-" + trace + "-" + parent + "-001",
         "00-" + trace + "-" + parent + "-.0",
         "00-" + trace + "-" + parent + "-0.",
         "00-" + trace + "-" + parent + "-01.",
         "00-" + trace + "-" + parent + "-01-",
         "00-" + trace + "-" + parent + "-01-what-the-future-will-be-like",
         "cc-" + trace + "-" + parent + "-01.what-the-future-will-be-like",
         "ff-" + trace + "-" + parent + "-01",
         ".0-" + trace + "-" + parent + "-01",
         "0.-" + trace + "-" + parent + "-01",
         "FE-" + trace + "-" + parent + "-01",
         "0-" + trace + "-" + parent + "-01",
         "000-" + trace + "-" + parent + "-01",
         "0000-" + trace + "-" + parent + "-01",
         "00-00000000000000000000000000000000-" + parent + "-01",
         "00-.2345678901234567890123456789012-" + parent + "-01",
         "00-1234567890123456789012345678901.-" + parent + "-01",
         "00-123456789012345678901234567890123-" + parent + "-01",
         "00-1234567890123456789012345678901-" + parent + "-01",
         "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + parent + "-01",
         "00-" + trace + "-0000000000000000-01",
         "00-" + trace + "-.234567890123456-01",
         "00-" + trace + "-123456789012345.-01",
         "00-" + trace + "-12345678901234567-01",
         "00-" + trace + "-123456789012345-01",
         "00-" + trace + "-00F067AA0BA902B7-01",
         "00 " + trace + "-" + parent + "-01",
         "00-" + trace + "_" + parent + "-01",
         // two headers, joined as HTTP joins them
         "00-" + trace + "-" + parent + "-01, 00-" + trace + "-" + parent + "-01",
       }) {
    INFO("'" << text << "'");
    CHECK_FALSE(parse_traceparent(text));
    CHECK_FALSE(parse_trace(text, "foo=1")); // and its tracestate is nothing either
  }
}

TEST_CASE("a tracestate", "[F050]") {
  std::string members = "bar01=01";
  for (int i = 2; i <= 32; ++i)
    members += ",bar" + std::to_string(i) + "=" + std::to_string(i);
  const std::string z(256, 'z'), tenant(241, 't'), system(14, 'v');
  for (const auto& text :
       {std::string{}, std::string{"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"}, std::string{"congo=t61rcWkgMzE"},
        std::string{"foo=1 \t , \t bar=2, \t baz=3"}, std::string{"foo=1,"}, std::string{"foo=1,,,bar=2"},
        std::string{"foo=1\t"}, std::string{"fw529a3039@dt=FfAvAXQJnNBzWBB2sAbVZM"}, std::string{"0tenant@system=x"},
        std::string{"f-o*o/b_r=1"}, std::string{"foo= !\"#$%&'()*+-./0123456789:;<>?@ABC[\\]^_`{|}~"}, z + "=1",
        "foo=" + z, tenant + "@" + system + "=1", members}) {
    INFO("'" << text << "'");
    CHECK(is_tracestate(text));
  }
  for (const auto& text :
       {std::string{"foo"},
        std::string{"foo="},
        std::string{"=1"},
        std::string{"foo =1"},
        std::string{"FOO=1"},
        std::string{"foo.bar=1"},
        std::string{"1foo=1"},
        std::string{"foo@=1,bar=2"},
        std::string{"@foo=1,bar=2"},
        std::string{"foo@@bar=1,bar=2"},
        std::string{"foo@bar@baz=1,bar=2"},
        std::string{"foo@1bar=1"},
        std::string{"foo=bar=baz"},
        std::string{"foo=,bar=3"},
        std::string{"foo=1;bar=2"} + "=3",
        std::string{"foo=1\x7f"},
        std::string{"foo=\xc3\xa4"},
        std::string{"foo=1,foo=2"},
        std::string{"foo=1,bar=2,foo=1"},
        std::string{"no members at all"},
        z + "z=1",
        "foo=" + z + "z",
        tenant + "t@v=1",
        "t@" + system + "v=1",
        members + ",foo=33"}) {
    INFO("'" << text << "'");
    CHECK_FALSE(is_tracestate(text));
    auto context = parse_trace("00-" + trace + "-" + parent + "-01", text);
    REQUIRE(context); // the trace goes on without it
    CHECK(context->state.empty());
  }
  CHECK(parse_trace("00-" + trace + "-" + parent + "-01", " rojo=1, congo=2 ")->state == "rojo=1, congo=2");
}

TEST_CASE("a traceparent that is made fits the grammar", "[F051]") {
  CHECK(rc::check("new traces and operations below them", [](bool sampled, const std::string&) {
    auto root = new_trace();
    root.flags = sampled ? trace_context::sampled_flag : 0;
    for (const auto& each : {root, child_of(root), child_of(child_of(root))}) {
      const auto text = to_traceparent(each);
      RC_ASSERT(text.size() == 55u);
      for (std::size_t i = 0; i < text.size(); ++i) {
        const bool dash = i == 2 || i == 35 || i == 52;
        const char c = text[i];
        const bool fits = dash ? c == '-' : (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        RC_ASSERT(fits);
      }
      RC_ASSERT(text.starts_with("00-"));
      RC_ASSERT(text.substr(3, 32) != std::string(32, '0'));
      RC_ASSERT(text.substr(36, 16) != std::string(16, '0'));
      RC_ASSERT(text.ends_with(sampled ? "-01" : "-00"));
      RC_ASSERT(parse_traceparent(text) == each);
      RC_ASSERT(each.trace_id == root.trace_id);
    }
  }));
  std::set<std::string> seen;
  const auto root = new_trace();
  for (int i = 0; i < 1000; ++i) {
    CHECK(seen.insert(hex_text(new_trace().trace_id)).second);
    CHECK(seen.insert(hex_text(child_of(root).span_id)).second);
  }
}

TEST_CASE("whatever comes as a header, reading it says yes or no", "[F050]") {
  CHECK(rc::check("any text", [](const std::string& text) {
    auto context = parse_trace(text, text);
    RC_ASSERT(!context || parse_traceparent(to_traceparent(*context)));
    RC_ASSERT(!is_tracestate(text) || text.size() <= 32 * (256 + 1 + 256 + 1) + text.size());
  }));
  CHECK(rc::check("one character changed", [] {
    auto text = to_traceparent(new_trace());
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
    text[at] = *rc::gen::arbitrary<char>();
    if (auto context = parse_traceparent(text); context && text.starts_with("00"))
      RC_ASSERT(to_traceparent(*context).substr(0, 53) == text.substr(0, 53));
  }));
}
