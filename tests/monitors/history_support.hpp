// What the tests of the history share.
#pragma once

#include "monitors/history/store.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/waiting.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace duende::test {

/// An event of the daemon 'db'.
inline event about_db(std::string text) {
  event e;
  e.daemon = "db";
  e.text = std::move(text);
  return e;
}

/// One with every field set.
inline event exit_of(std::string daemon, std::string text = "something") {
  event e;
  e.kind = event_kind::exit;
  e.daemon = std::move(daemon);
  e.supervisor = "shop";
  e.incarnation = 3;
  e.cause = exit_cause::signal;
  e.text = std::move(text);
  return e;
}

inline std::unique_ptr<history> must_open(const std::string& path, history_options options = {}) {
  auto opened = history::open(path, std::move(options));
  INFO((opened ? std::string{} : sentence(opened.error())));
  REQUIRE(opened);
  return std::move(*opened);
}

inline std::vector<event> events_of(history& h, event_query query = {}) {
  auto found = h.events(query);
  REQUIRE(found);
  return *found;
}

inline std::vector<std::int64_t> ids_of(const std::vector<event>& events) {
  std::vector<std::int64_t> ids;
  for (const auto& e : events)
    ids.push_back(e.id);
  return ids;
}

} // namespace duende::test
