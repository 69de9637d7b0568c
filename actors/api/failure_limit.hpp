// How often an address may fail before it has to wait. A decision over values: the caller brings the time.
#pragma once

#include "core/time.hpp"

#include <map>
#include <string>

namespace duende::api {

/// Each address has `burst` failures at once and gets one back every `refill`. Not thread-safe. Bounded: of more than
/// `max_addresses` the one that failed longest ago is forgotten.
class failure_limit {
public:
  static constexpr double burst = 10;
  static constexpr duration refill = std::chrono::seconds{6};
  static constexpr std::size_t max_addresses = 1024;

  /// How long `address` has to wait; zero where it may try.
  duration wait_of(const std::string& address, instant now) const;
  void failed(const std::string& address, instant now);
  std::size_t size() const { return entries_.size(); }

private:
  struct entry {
    double left = burst;
    instant at;
  };
  static double left_at(const entry& from, instant now);

  std::map<std::string, entry> entries_;
};

/// What counts as one address: an IPv4 address, or the /64 of an IPv6 one, which is one customer's.
std::string limited_address(const std::string& peer);

} // namespace duende::api
