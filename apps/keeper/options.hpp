// The keeper's command line.
#pragma once

#include <string>
#include <vector>

namespace duende::keeper {

struct options {
  std::string state_dir, run_dir;
  int ready_fd = -1;
  int adopt_fd = -1;       ///< an embedding program's socket; no node is started then
  std::vector<char*> node; ///< its argv, null-terminated; empty with adopt_fd
  bool version = false;
};

/// On false `error` is a sentence.
bool parse_options(int argc, char** argv, options& out, std::string& error);

} // namespace duende::keeper
