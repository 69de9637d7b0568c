// Prints the JSON Schema of duende.toml; run by the build, so that the shipped file is the table the loader reads by.
#include "core/config/load.hpp"

#include <cstdio>

int main() {
  auto text = duende::schema_json();
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0 ? 0 : 1;
}
