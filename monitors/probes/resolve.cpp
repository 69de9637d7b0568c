#include "monitors/probes/resolve.hpp"

#include "monitors/probes/background.hpp"

#include <arpa/inet.h>
#include <cstring>
#include <deque>
#include <fmt/format.h>
#include <map>
#include <mutex>
#include <netdb.h>
#include <netinet/in.h>
#include <system_error>

namespace duende {

namespace {

constexpr std::size_t max_threads = 64;
constexpr std::size_t max_addresses = 8;

void set_port(socket_address& address, std::uint16_t port) {
  if (address.storage.ss_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6&>(address.storage).sin6_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in&>(address.storage).sin_port = htons(port);
  }
}

resolved look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  resolved result;
  if (int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); error != 0) {
    auto why = error == EAI_SYSTEM ? std::generic_category().message(errno) : std::string(::gai_strerror(error));
    result.error = fmt::format("cannot resolve '{}': {}", host, why);
    return result;
  }
  for (auto* entry = found; entry != nullptr && result.addresses.size() < max_addresses; entry = entry->ai_next) {
    if (entry->ai_family == AF_INET || entry->ai_family == AF_INET6) {
      auto& address = result.addresses.emplace_back();
      std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
      address.size = entry->ai_addrlen;
    }
  }
  ::freeaddrinfo(found);
  if (result.addresses.empty()) {
    result.error = fmt::format("cannot resolve '{}': it has no address", host);
  }
  return result;
}

struct waiter {
  std::uint16_t port;
  std::shared_ptr<one_shot<resolved>> answer;
};

class directory {
public:
  void ask(const std::string& host, waiter who) {
    std::unique_lock lock(mutex_);
    auto [entry, is_new] = waiting_.try_emplace(host);
    entry->second.push_back(std::move(who));
    if (!is_new) {
      return;
    }
    queue_.push_back(host);
    if (threads_ == max_threads) {
      return;
    }
    ++threads_;
    lock.unlock();
    if (!run_in_background("resolve", [this] { work(); })) {
      lock.lock();
      --threads_;
      refuse_all_queued(lock);
    }
  }

private:
  void work() {
    std::unique_lock lock(mutex_);
    while (!queue_.empty()) {
      auto host = std::move(queue_.front());
      queue_.pop_front();
      if (nobody_waits(host)) {
        waiting_.erase(host);
        continue;
      }
      lock.unlock();
      auto found = look_up(host);
      lock.lock();
      answer(lock, host, found);
    }
    --threads_;
  }

  void answer(std::unique_lock<std::mutex>& lock, const std::string& host, const resolved& found) {
    auto entry = waiting_.extract(host);
    lock.unlock();
    for (auto& who : entry.mapped()) {
      auto copy = found;
      for (auto& address : copy.addresses) {
        set_port(address, who.port);
      }
      who.answer->deliver(std::move(copy));
    }
    lock.lock();
  }

  bool nobody_waits(const std::string& host) const {
    for (auto& who : waiting_.at(host)) {
      if (who.answer->wanted()) {
        return false;
      }
    }
    return true;
  }

  void refuse_all_queued(std::unique_lock<std::mutex>& lock) {
    if (threads_ > 0) {
      return; // those will come to it
    }
    while (!queue_.empty()) {
      auto host = std::move(queue_.front());
      queue_.pop_front();
      answer(lock, host, {{}, fmt::format("cannot resolve '{}': no thread to be had", host)});
    }
  }

  std::mutex mutex_;
  std::size_t threads_ = 0;
  std::deque<std::string> queue_;                      ///< not yet begun
  std::map<std::string, std::vector<waiter>> waiting_; ///< queued or under way
};

} // namespace

void resolve(const std::string& host, std::uint16_t port, std::shared_ptr<one_shot<resolved>> answer) {
  // Never destroyed: a look-up may outlast main.
  static auto* all = new directory;
  all->ask(host, {port, std::move(answer)});
}

} // namespace duende
