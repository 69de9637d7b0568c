// Numbers in a line of text of ours, one after another with a blank between.
#pragma once

#include <algorithm>
#include <charconv>
#include <string_view>

namespace duende {

/// Takes the number up to the next blank, and the blank, off the front of `text`; false, and nothing taken, at its end or before
/// anything that is no number of this type.
template <class Integer>
bool take_number(std::string_view& text, Integer& value) {
  auto blank = std::min(text.find(' '), text.size());
  auto [end, error] = std::from_chars(text.data(), text.data() + blank, value);
  if (error != std::errc{} || end != text.data() + blank)
    return false;
  text.remove_prefix(std::min(blank + 1, text.size()));
  return true;
}

} // namespace duende
