// What a process that is killed in the middle of a write leaves to its successor: which file, how long it was before, and how
// the bytes got there.
#pragma once

#include "core/errc.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace duende::logs {

/// Lives in shared memory of a file, so every store survives a SIGKILL. It says nothing about a crash of the machine, and does
/// not need to: the pipes are gone then. Not thread-safe.
class journal {
public:
  enum class way : std::uint32_t {
    written = 1, ///< then moved from their pipe to the stage
    staged = 2,  ///< moved to the stage, from there to the file
  };
  struct step {
    way how = way::written;
    std::string path;
    std::uint64_t inode = 0;
    std::uint64_t offset = 0; ///< size of the file before the write
  };

  journal() = default;
  journal(journal&& other) noexcept;
  journal& operator=(journal&& other) noexcept;
  ~journal();

  /// `stage` identifies the pipe it belongs to: what was noted with another one is dropped. Space is allocated now, so that a
  /// full disk is an error here and not a SIGBUS later. Errors: io_failure.
  static caf::expected<journal> open(const std::string& path, std::uint64_t stage);

  /// Notes a write that is about to happen. Does nothing without a file.
  void begin(way how, std::string_view path, std::uint64_t inode, std::uint64_t offset);
  void finish();
  /// False: notes are not kept, a successor will know nothing.
  explicit operator bool() const { return page_ != nullptr; }
  /// The write that was begun and not finished.
  std::optional<step> pending() const;

private:
  struct page;
  page* page_ = nullptr;
};

} // namespace duende::logs
