// Rows of [daemon.resources] that a control group carries out.
#include "core/config/fields.hpp"

#include <array>

namespace duende::config {
namespace {

/// Where all limits are lifted there is no box: both ways to say "not limited" are one value.
template <auto Member>
void set_limit(context& c, const rule& r, const value& v) {
  auto& box = c.as<daemon_spec>().limits;
  auto limits = box ? *box : limits_spec{};
  assign(c, r, v, limits.*Member);
  if (limits == limits_spec{})
    box.reset();
  else
    box.obtain() = limits;
}

template <auto Member>
nlohmann::json get_limit(const rule& r, const void* object) {
  const auto& box = static_cast<const daemon_spec*>(object)->limits;
  using content = std::remove_cvref_t<decltype((*box).*Member)>;
  return box && (*box).*Member != content{} ? emit(r, (*box).*Member) : nlohmann::json();
}

template <auto Member>
constexpr rule limit(std::string_view key, shape type, std::string_view doc, double high) {
  return within({"daemon.resources", key, type, doc, &set_limit<Member>, &get_limit<Member>}, 0, high);
}

using l = limits_spec;

const auto of_limits = std::to_array<rule>({
  limit<&l::memory_bytes>("memory_bytes", shape::size, "Memory; past it a process is killed. 0 = not limited.", 9.2e18),
  limit<&l::memory_swap_bytes>("memory_swap_bytes", shape::size, "Memory and swap together; 0 = not limited.", 9.2e18),
  limit<&l::cpu_quota_percent>("cpu_quota_percent", shape::number, "CPU time; 100 = one core, 0 = not limited.", 1e6),
  limit<&l::cpu_shares>(
    "cpu_shares", shape::integer, "Weight among neighbours when the CPU is short; 1024 is the usual one, 0 = that.",
    262'144),
  limit<&l::io_read_bps>("io_read_bps", shape::size, "Bytes a second read from each disk; 0 = not limited.", 9.2e18),
  limit<&l::io_write_bps>("io_write_bps", shape::size, "Bytes a second written to each disk; 0 = not limited.", 9.2e18),
  limit<&l::pids_max>("pids_max", shape::integer, "Processes and threads; 0 = not limited.", 4'194'304),
});

} // namespace

std::span<const rule> limit_rules() { return of_limits; }

} // namespace duende::config
