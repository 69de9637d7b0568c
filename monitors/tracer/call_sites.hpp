// Single calls of a trace: the slowest, and where calls come from.
#pragma once

#include "monitors/tracer/stack_reader.hpp"
#include "policies/trace.hpp"

#include <map>

namespace duende {

/// Takes samples and keeps a bounded number of results. Not thread-safe.
class call_sites {
public:
  call_sites();

  void add(const trace_sample& sample, const std::string& call, instant begun, wall_time begun_at);
  void next_window() { unwound_ = 0; }

  /// The slowest first; calls that only wait for work are left out unless there is no other.
  std::vector<traced_call> slowest() const;
  /// The most frequent first, by call.
  std::vector<call_site> sites() const;
  /// Why there are no stacks; empty: there are.
  const std::string& problem() const { return problem_; }

private:
  static constexpr std::size_t most_slow = 16, stacks_of_a_call = 200, stacks_of_a_window = 100, most_sites = 400;

  static bool keep(std::vector<traced_call>& among, duration took);

  std::unique_ptr<stack_reader> stacks_;
  std::string problem_;
  std::vector<traced_call> slow_, idle_; ///< sorted, the slowest first
  std::map<std::string, std::size_t, std::less<>> unwound_of_;
  std::size_t unwound_ = 0; ///< in this window
  std::map<std::pair<std::string, std::vector<std::uint64_t>>, call_site> sites_;
};

} // namespace duende
