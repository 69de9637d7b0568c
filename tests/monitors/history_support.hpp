// What the tests of the history share.
#pragma once

#include "monitors/history/store.hpp"

#include <string>
#include <utility>

namespace duende::test {

/// An event of the daemon 'db'.
inline event about_db(std::string text) {
  event e;
  e.daemon = "db";
  e.text = std::move(text);
  return e;
}

} // namespace duende::test
