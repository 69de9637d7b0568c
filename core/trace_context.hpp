// W3C Trace Context: which operation something belongs to, across processes and machines. https://www.w3.org/TR/trace-context-1/
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace duende {

struct trace_context {
  std::array<std::uint8_t, 16> trace_id{}; ///< of the whole; never all zeros in one that was parsed or made
  std::array<std::uint8_t, 8> span_id{};   ///< of the operation within; likewise
  std::uint8_t flags = 0;
  std::string state; ///< tracestate, as it is to be passed on; of vendors, nothing of ours is in it

  static constexpr std::uint8_t sampled_flag = 1;
  /// Whoever began the trace records it, and so should we.
  bool sampled() const { return (flags & sampled_flag) != 0; }
  bool operator==(const trace_context&) const = default;
};
/// Goes with orders: null where an operation belongs to no trace.
using trace_ptr = std::shared_ptr<const trace_context>;

/// A traceparent of version 00 strictly, of later versions by their first four fields (section 4.3); blanks around it are no fault.
/// None: to be ignored, tracestate too.
std::optional<trace_context> parse_traceparent(std::string_view text);

/// Whether `text` is a list of at most 32 members with keys and values as in section 3.3, no key twice. May be empty.
bool is_tracestate(std::string_view text);

/// Both headers; a tracestate that is broken is dropped. None where `traceparent` does not parse.
std::optional<trace_context> parse_trace(std::string_view traceparent, std::string_view tracestate);

/// Version 00: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".
std::string to_traceparent(const trace_context& context);

/// A trace that begins here, sampled. Random by getrandom(2).
trace_context new_trace();
/// A new operation in the trace of `parent`.
trace_context child_of(const trace_context& parent);
/// Likewise; a new trace where there is none.
trace_context child_of(const trace_ptr& parent);

/// The identifiers in lower-case hexadecimal digits.
std::string hex_text(const std::array<std::uint8_t, 16>& id);
std::string hex_text(const std::array<std::uint8_t, 8>& id);

} // namespace duende
