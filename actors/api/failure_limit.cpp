#include "actors/api/failure_limit.hpp"

#include <algorithm>

#include <arpa/inet.h>

namespace duende::api {

double failure_limit::left_at(const entry& from, instant now) {
  auto passed = std::chrono::duration<double>(now - from.at) / std::chrono::duration<double>(refill);
  return std::min(burst, from.left + std::max(0.0, passed));
}

duration failure_limit::wait_of(const std::string& address, instant now) const {
  auto found = entries_.find(address);
  if (found == entries_.end())
    return duration::zero();
  auto missing = 1.0 - left_at(found->second, now);
  return missing <= 0 ? duration::zero()
                      : std::chrono::duration_cast<duration>(missing * std::chrono::duration<double>(refill));
}

void failure_limit::failed(const std::string& address, instant now) {
  auto found = entries_.find(address);
  if (found == entries_.end()) {
    if (entries_.size() >= max_addresses) {
      std::erase_if(entries_, [&](const auto& x) { return left_at(x.second, now) >= burst; });
      if (entries_.size() >= max_addresses)
        entries_.erase(std::min_element(
          entries_.begin(), entries_.end(), [](const auto& a, const auto& b) { return a.second.at < b.second.at; }));
    }
    found = entries_.emplace(address, entry{burst, now}).first;
  }
  found->second = {std::max(0.0, left_at(found->second, now) - 1), now};
}

std::string limited_address(const std::string& peer) {
  in6_addr v6{};
  if (inet_pton(AF_INET6, peer.c_str(), &v6) != 1)
    return peer;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) // one of a listener on [::]
    return peer.substr(peer.rfind(':') + 1);
  std::fill(v6.s6_addr + 8, v6.s6_addr + 16, 0);
  char text[INET6_ADDRSTRLEN];
  return std::string{inet_ntop(AF_INET6, &v6, text, sizeof text)} + "/64";
}

} // namespace duende::api
