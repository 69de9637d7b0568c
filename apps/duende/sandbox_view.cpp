#include "apps/duende/sandbox_view.hpp"

namespace duende::cli {
namespace {

constexpr std::size_t named_capabilities = 4;

std::string capabilities_of(const json& box) {
  const auto list = box.value("capabilities", json::array());
  if (list.empty())
    return "no capabilities";
  if (list.size() > named_capabilities)
    return fmt::format("{} capabilities", list.size());
  std::string text;
  for (const auto& each : list)
    text += (text.empty() ? "" : " ") + each.get<std::string>();
  return text;
}

std::string paths_of(const json& box, const char* key, std::string_view what) {
  const auto list = box.value(key, json{});
  return list.is_array() ? fmt::format("{} {} paths", what, list.size()) : fmt::format("{} anywhere", what);
}

} // namespace

std::string sandbox_line(const json& daemon) {
  const auto box = daemon.value("sandbox", json{});
  if (!box.is_object())
    return {};
  return fmt::format(
    "{} of 100: as user {}, {}, {}, seccomp {}, {}, {}, {}", static_cast<long>(number_of(box, "score")),
    static_cast<long>(number_of(box, "user")), capabilities_of(box),
    box.value("no_new_privileges", false) ? "no new privileges" : "may gain privileges", text_of(box, "seccomp"),
    paths_of(box, "read_paths", "reads"), paths_of(box, "write_paths", "writes"),
    box.value("network", true) ? "network" : "no network");
}

std::vector<std::string> sandbox_steps(const json& daemon) {
  std::vector<std::string> result;
  const auto box = daemon.value("sandbox", json{});
  if (box.is_object())
    for (const auto& step : box.value("next", json::array()))
      result.push_back(fmt::format("+{}  {}", static_cast<long>(number_of(step, "gain")), text_of(step, "text")));
  return result;
}

} // namespace duende::cli
