// How much a daemon could do if it were taken over, as a figure, and what would lessen it most.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace duende {

/// What is in force for a daemon.
struct hardening_facts {
  bool root = false;              ///< runs as user 0
  std::uint64_t capabilities = 0; ///< it has or can gain, by number
  bool no_new_privileges = false;
  bool calls_filtered = false;   ///< seccomp
  bool reads_restricted = false; ///< landlock
  bool writes_restricted = false;
  bool own_network = false;
};

struct hardening_step {
  int gain = 0;     ///< of the score
  std::string text; ///< what to write, and why: "user = \"NAME\": it runs as root"
};

struct hardening {
  int score = 0;                     ///< 0: anything root can do; 100: its own files and no more
  std::vector<hardening_step> steps; ///< the most useful first, at most three
};

/// The score is the sum of what is in force, each weighed by what it keeps an intruder from.
hardening rate(const hardening_facts& facts);

} // namespace duende
