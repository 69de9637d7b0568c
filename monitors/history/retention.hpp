// How many events are kept, and for how long: in small batches, so that no write waits for a large one.
#pragma once

#include "monitors/history/store.hpp"
#include "monitors/history/tables.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

namespace duende {

/// Of the writing thread alone.
class retention {
public:
  explicit retention(const history_options& options) : options_(options) {}

  /// So many events were added to the file.
  void written(std::size_t events) { count_ += static_cast<std::int64_t>(events); }
  /// Decides, now and then, whether there is something to remove.
  void look(std::size_t events);
  bool wants_more() const { return more_; }
  /// One batch, where there is one to remove. Empty, or why the file can't be written.
  std::string prune(tables& db);

private:
  const history_options& options_;
  bool counted_ = false;
  bool more_ = false;
  std::int64_t count_ = 0;
  std::size_t unchecked_ = std::numeric_limits<std::int32_t>::max(); ///< events since the last look; many at first
};

} // namespace duende
