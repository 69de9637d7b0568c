#include "core/instances.hpp"

#include <fmt/format.h>

#include <charconv>

namespace duende {
namespace {

/// Logs that would go to one folder go to one for each.
void rename(daemon_spec& spec, std::string name) {
  auto own = "/" + spec.name;
  if (!spec.logs.dir.empty() && !spec.instance_of.empty() && spec.logs.dir.ends_with(own))
    spec.logs.dir.resize(spec.logs.dir.size() - own.size());
  spec.instance_of = group_name(spec);
  if (!spec.logs.dir.empty())
    spec.logs.dir += "/" + name;
  spec.name = std::move(name);
}

} // namespace

const std::string& group_name(const daemon_spec& spec) {
  return spec.instance_of.empty() ? spec.name : spec.instance_of;
}

std::vector<daemon_spec> make_instances(const daemon_spec& base, std::uint32_t count) {
  std::vector<daemon_spec> result;
  for (std::uint32_t i = 1; i <= count; ++i) {
    auto& one = result.emplace_back(base);
    rename(one, fmt::format("{}-{}", group_name(base), i));
  }
  return result;
}

daemon_spec make_surge(const daemon_spec& instance) {
  auto surge = instance;
  rename(surge, group_name(instance) + "-surge");
  surge.pid_file.clear();
  surge.restart = restart_policy::never();
  surge.autostart = true;
  return surge;
}

std::uint32_t instance_number(const daemon_spec& spec) {
  std::uint32_t number = 0;
  if (spec.name.size() <= spec.instance_of.size() + 1)
    return 0;
  auto digits = std::string_view{spec.name}.substr(spec.instance_of.size() + 1);
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc{} && end == digits.data() + digits.size() ? number : 0;
}

} // namespace duende
