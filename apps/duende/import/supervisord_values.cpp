#include "apps/duende/import/supervisord.hpp"

#include "core/config/file.hpp"

#include <algorithm>

namespace duende::porting {

supervisord_values::supervisord_values(const std::string& path, const surroundings& around)
  : around_(around), here_(config::folder_of(path)), problems_(path) {}

void supervisord_values::fault(const ini_key& key, std::string text) {
  problems_.put(key.file, key.line, 0, fmt::format("'{}': {}", key.key, text));
}

std::optional<std::string> supervisord_values::expand(const ini_key& key, const variables& names) {
  std::string result;
  const auto& text = key.value;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    if (i + 1 < text.size() && text[i + 1] == '%') {
      result += text[++i];
      continue;
    }
    auto close = text.find(')', i);
    auto type = close == std::string::npos ? close : text.find_first_not_of("0123456789", close + 1);
    if (
      i + 1 >= text.size() || text[i + 1] != '(' || type == std::string::npos
      || (text[type] != 's' && text[type] != 'd')) {
      fault(key, fmt::format("'{}' is no '%(name)s'; a percent sign is written '%%'", text.substr(i, 30)));
      return std::nullopt;
    }
    auto name = text.substr(i + 2, close - i - 2);
    auto value = look_up(name, names);
    if (!value) {
      fault(
        key, name.starts_with("ENV_") ? fmt::format(
               "%({})s: '{}' is not set in this environment: set it and import again", name, name.substr(4))
                                      : fmt::format("there is no '%({})s' here", name));
      return std::nullopt;
    }
    auto format = text.substr(close + 1, type - close - 1);
    auto width = static_cast<std::size_t>(to_number(format.empty() ? "0" : format, 0, 64).value_or(0));
    if (value->size() < width)
      value->insert(0, width - value->size(), format[0] == '0' && text[type] == 'd' ? '0' : ' ');
    result += *value;
    i = type;
  }
  return result;
}

std::optional<std::string> supervisord_values::look_up(const std::string& name, const variables& names) const {
  if (auto found = names.find(name); found != names.end())
    return found->second;
  if (name == "here")
    return here_;
  if (name == "host_node_name")
    return around_.host_name;
  if (name.starts_with("ENV_"))
    return around_.variable(name.substr(4));
  return std::nullopt;
}

supervisord_values::variables supervisord_values::read_environment(const ini_key& key, const variables& names) {
  variables result;
  auto text = expand(key, names).value_or("");
  std::size_t at = 0;
  auto skip = [&](std::string_view set) { at = std::min(text.find_first_not_of(set, at), text.size()); };
  for (skip(" \t\r\n,"); at < text.size(); skip(" \t\r\n,")) {
    auto equals = text.find('=', at);
    auto name = equals == std::string::npos ? std::string_view{} : trim(std::string_view{text}.substr(at, equals - at));
    if (name.empty() || name.find_first_of(", \t\n\"'") != std::string_view::npos) {
      fault(key, fmt::format("'{}' is no KEY=\"value\"", std::string_view{text}.substr(at, 40)));
      return {};
    }
    at = equals + 1;
    skip(" \t\r\n");
    std::string value;
    if (at < text.size() && (text[at] == '"' || text[at] == '\'')) {
      auto close = text.find(text[at], at + 1);
      if (close == std::string::npos) {
        fault(key, fmt::format("the quote of '{}' is not closed", name));
        return {};
      }
      value = text.substr(at + 1, close - at - 1);
      at = close + 1;
    } else {
      auto end = std::min(text.find(',', at), text.size());
      value = trim(std::string_view{text}.substr(at, end - at));
      at = end;
    }
    result[std::string{name}] = std::move(value);
  }
  return result;
}

long long supervisord_values::number(
  const ini_section& section, std::string_view name, long long otherwise, long long low, long long high) {
  auto* key = section.find(name);
  if (key == nullptr)
    return otherwise;
  auto value = to_number(key->value, low, high);
  if (!value)
    fault(*key, fmt::format("'{}' is no number from {} to {}", key->value.substr(0, 30), low, high));
  return value.value_or(otherwise);
}

} // namespace duende::porting
