// What a supervisor must know to go on with a daemon after the node's death. Travels inside each launch and is kept by the
// keeper beside the child, so that writing it down and acting are one step.
#pragma once

#include "core/time.hpp"
#include "core/uuid.hpp"
#include "policies/breaker.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace duende {

/// What an operator had asked for when the node died; decides what the next exit means.
enum class intent : std::uint8_t { run, stop, restart };

struct life_record {
  bool ready = false;        ///< readiness was reached; the first character of the printed form
  bool post_started = false; ///< and the hooks that follow it are through
  intent wanted = intent::run;
  std::uint32_t incarnation = 1;
  std::uint64_t restarts = 0;
  std::uint32_t streak = 0;
  wall_time started_at{};
  std::vector<instant> recent; ///< restarts that count for the intensity, oldest first; the newest max_recent of them
  std::string name;
  std::optional<breaker::memory> cut; ///< of a daemon with a circuit breaker, as the launch found it

  static constexpr std::uint32_t max_recent = 16;
  bool operator==(const life_record&) const = default;
};

std::string to_text(const life_record& record);
/// None where the text is not a record.
std::optional<life_record> parse_life_record(std::string_view text);
/// Sets readiness in the printed form, in place.
void mark_ready(std::string& text);
/// Likewise, reads it.
inline bool is_ready(std::string_view text) { return text.starts_with('1') || text.starts_with('2'); }

} // namespace duende
