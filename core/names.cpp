#include "core/names.hpp"

#include "core/errc.hpp"

#include <algorithm>

namespace duende {
namespace {

bool alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

} // namespace

bool valid_name(std::string_view name) {
  return !name.empty() && name.size() <= max_name_bytes && alphanumeric(name.front())
         && std::all_of(
           name.begin(), name.end(), [](char c) { return alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

caf::expected<void> check_name(std::string_view name) {
  if (valid_name(name))
    return caf::unit;
  return fail(
    errc::invalid_config, "'{}' is no name: 1 to {} of A-Z a-z 0-9 . _ - with a letter or digit first",
    name.substr(0, 100), max_name_bytes);
}

} // namespace duende
