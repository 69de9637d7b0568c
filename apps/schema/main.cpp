// Prints the JSON Schema of duende.toml, or its manual page where asked for "man"; run by the build, so that what is shipped is
// the table the loader reads by.
#include "apps/schema/man.hpp"
#include "core/config/load.hpp"

#include <cstdio>
#include <string_view>

int main(int argc, char** argv) {
  auto text = argc > 1 && std::string_view{argv[1]} == "man" ? duende::config_man_page() : duende::schema_json();
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0 ? 0 : 1;
}
