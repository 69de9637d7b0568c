// duende(1), made of the same description of commands and options that the arguments are read by.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace duende::cli {

/// The page in man(7)'s macros.
std::string man_page(const CLI::App& app);

} // namespace duende::cli
