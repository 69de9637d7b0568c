// duende.toml(5).
#pragma once

#include <string>

namespace duende {

/// The page in man(7)'s macros, made of the table of keys that the loader reads by.
std::string config_man_page();

} // namespace duende
