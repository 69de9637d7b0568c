// How far events were shown that the disk had not taken: a number in a file of its own, so that their ids are not given again
// even where the process is killed before the disk takes anything.
#pragma once

#include <cstdint>
#include <string>

namespace duende {

/// Twenty bytes beside the database, made while there is room: raising it needs none. Not thread-safe.
class shown_mark {
public:
  shown_mark() = default;
  /// Reads what the process before left. Where the file can't be made, `raise` refuses.
  explicit shown_mark(std::string path);
  ~shown_mark();
  shown_mark(shown_mark&& other) noexcept;
  shown_mark& operator=(shown_mark&& other) noexcept;

  std::int64_t value() const { return value_; }
  /// True where `id` may be shown: the file says at least that, or did so just now.
  bool raise(std::int64_t id);
  /// The disk took it all.
  void clear();
  /// Nothing was left behind: the file goes.
  void remove();

private:
  bool write(std::int64_t value);

  std::string path_;
  int fd_ = -1;
  std::int64_t value_ = 0;
};

} // namespace duende
