// The command splitter: any bytes give words or an error, and words that were joined split into the same again.
#include "core/words.hpp"

#include <cstdint>
#include <cstdlib>

using namespace duende;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto words = split_words({reinterpret_cast<const char*>(data), size});
  if (!words)
    return 0;
  auto again = split_words(join_words(*words));
  // Quoting makes a text longer, so only a short one is sure to stay within the bounds.
  if (size < max_command_bytes / 8 && (!again || *again != *words))
    std::abort();
  return 0;
}
