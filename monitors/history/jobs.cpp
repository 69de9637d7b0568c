#include "monitors/history/jobs.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_set>

namespace duende {

std::vector<history_job> to_try_again(std::vector<history_job> failed, std::vector<history_job> newer) {
  std::erase_if(failed, [](const auto& job) { return static_cast<bool>(job.done); });
  bool has_stack = false;
  std::unordered_set<uuid> decided;
  // From the newest to the oldest. What is awaited always stays, its caller wants an answer; and it may fail, so it replaces nothing.
  auto replaced = [&](const history_job& job) {
    if (job.done)
      return false;
    switch (job.what) {
      case history_job::kind::stack: return std::exchange(has_stack, true);
      case history_job::kind::desired: return !decided.insert(job.id).second;
      case history_job::kind::remove: decided.insert(job.id); break;
    }
    return false;
  };
  std::vector<history_job> result;
  for (auto* jobs : {&newer, &failed})
    for (auto job = jobs->rbegin(); job != jobs->rend(); ++job)
      if (!replaced(*job))
        result.push_back(std::move(*job));
  std::reverse(result.begin(), result.end());
  return result;
}

} // namespace duende
