#include "policies/schedule.hpp"

#include "core/fields.hpp"
#include "core/units.hpp"
#include "policies/backoff.hpp"

#include <fmt/format.h>

namespace duende {
namespace {

namespace ch = std::chrono;

constexpr auto resume_grace = ch::minutes{1};

std::string schedule_name(const schedule_spec& spec) {
  return spec.calendar.empty() ? format_duration(spec.every) : spec.calendar;
}

std::int64_t millis_of(const std::optional<wall_time>& at) { return at ? at->time_since_epoch().count() : 0; }

std::optional<wall_time> moment_of(std::int64_t count) {
  return count > 0 ? std::optional{wall_time{ch::milliseconds{count}}} : std::nullopt;
}

/// From 0 to `most`, the same for the same run.
ch::milliseconds share_of(duration most, std::uint64_t seed, wall_time run) {
  auto x = seed ^ (static_cast<std::uint64_t>(run.time_since_epoch().count()) * 0x9e37'79b9'7f4a'7c15u);
  x = (x ^ x >> 30) * 0xbf58'476d'1ce4'e5b9u; // splitmix64
  x = (x ^ x >> 27) * 0x94d0'49bb'1331'11ebu;
  x ^= x >> 31;
  auto width = static_cast<std::uint64_t>(ch::floor<ch::milliseconds>(most).count()) + 1;
  return ch::milliseconds{static_cast<std::int64_t>(x % width)};
}

} // namespace

std::string to_text(const schedule_memory& memory, const schedule_spec& of) {
  return fmt::format(
    "1 {} {} {} {}", millis_of(memory.last), millis_of(memory.next), memory.skipped, schedule_name(of));
}

schedule_memory parse_schedule_memory(std::string_view text, const schedule_spec& of) {
  schedule_memory memory;
  int version = 0;
  std::int64_t last = 0, next = 0;
  std::uint64_t skipped = 0;
  if (
    !take_number(text, version) || version != 1 || !take_number(text, last) || !take_number(text, next)
    || !take_number(text, skipped))
    return memory;
  memory.last = moment_of(last);
  memory.skipped = skipped;
  if (text == schedule_name(of))
    memory.next = moment_of(next);
  return memory;
}

schedule_rule::schedule_rule(schedule_spec spec, std::optional<calendar> when, time_zone zone)
  : spec_(std::move(spec)), when_(std::move(when)), zone_(std::move(zone)) {}

caf::expected<schedule_rule> schedule_rule::make(const schedule_spec& spec) {
  if (spec.calendar.empty())
    return schedule_rule{spec, std::nullopt, {}};
  auto when = calendar::parse(spec.calendar);
  if (!when)
    return when.error();
  auto zone = time_zone::named(when->zone());
  if (!zone)
    return zone.error();
  return schedule_rule{spec, std::move(*when), std::move(*zone)};
}

std::optional<wall_time> schedule_rule::grid(const schedule_memory& memory, wall_time now) const {
  if (when_)
    return when_->next(now, zone_);
  auto every = ch::ceil<ch::milliseconds>(spec_.every);
  if (!memory.last || *memory.last > now)
    return now + every;
  return *memory.last + every * ((now - *memory.last) / every + 1);
}

std::optional<wall_time> schedule_rule::next(const schedule_memory& memory, wall_time now, std::uint64_t seed) const {
  auto at = grid(memory, now);
  if (at && spec_.jitter > duration{})
    *at += share_of(spec_.jitter, seed, *at);
  // What was announced stands, unless the clock went back.
  if (memory.next && *memory.next > now && at && *memory.next <= *at)
    return memory.next;
  return at;
}

bool schedule_rule::missed(const schedule_memory& memory, wall_time now) const {
  return memory.next && *memory.next <= now && (spec_.catch_up || now - *memory.next < resume_grace);
}

} // namespace duende
