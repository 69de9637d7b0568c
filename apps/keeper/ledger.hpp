// <state_dir>/keeper.ledger: which processes are ours, so that the next keeper finds them if this one is killed.
// A child writes its own entry before it executes anything, so no process of ours ever runs unwritten.
#pragma once

#include "core/uuid.hpp"

#include <sys/types.h>

#include <cstdint>

namespace duende::keeper {

struct ledger_entry {
  uuid id;
  std::uint64_t start_time; ///< the earliest; written before `pid`, like `span`
  std::int32_t pid;         ///< 0: free
  std::uint32_t span;       ///< the true start time is at most so many ticks later
};
static_assert(sizeof(ledger_entry) == 32);

class ledger {
public:
  /// As many children as one keeper can hold.
  static constexpr std::uint32_t capacity = 16384;

  /// Opens, locks and maps it; entries of an earlier boot or another pid namespace are cleared. On false `error` is a sentence.
  bool open(const char* state_dir, char* error, std::size_t error_size);
  /// The lock's descriptor: a child closes its copy once it has written its entry.
  int fd() const { return fd_; }
  /// Gives the pages back that nobody will look at soon; their content stays.
  void trim();
  ledger_entry& operator[](std::uint32_t index);

private:
  struct head;
  head* head_ = nullptr;
  int fd_ = -1;
};

} // namespace duende::keeper
