// What is to be written down besides events and rows: desired states, the stack and removals.
#pragma once

#include "monitors/history/store.hpp"

#include <functional>
#include <string>
#include <vector>

namespace duende {

/// A change that somebody waits for, or a removal. Kept in the order of the calls.
struct history_job {
  enum class kind : std::uint8_t { desired, stack, remove } what;
  uuid id;
  std::string text; ///< the daemon's name, or the stack
  desired_state desired = desired_state::down;
  history::done_handler done;
  std::function<std::string()> make_text{}; ///< where it is not `text`
};

/// What is to be tried after the disk refused `failed`, with the calls made meanwhile behind it. Who waited for an answer got it,
/// and it was "not changed"; of the rest nothing is lost, but what a newer call replaces: an older stack, an older wish for the
/// same daemon, all wishes for one that is removed.
std::vector<history_job> to_try_again(std::vector<history_job> failed, std::vector<history_job> newer);

} // namespace duende
