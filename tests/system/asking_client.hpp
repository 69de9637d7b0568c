// A client that never stops asking, for tests that nobody is refused.
#pragma once

#include "tests/system/node.hpp"

#include <atomic>
#include <string>
#include <thread>

namespace duende::test {

/// Asks for / again and again from a thread of its own; `failed` counts what was not answered with 200.
class asking_client {
public:
  explicit asking_client(std::string address)
    : thread_([this, address] {
        while (!over_)
          ++(http(address, "GET", "/").status == 200 ? answered : failed);
      }) {}
  ~asking_client() { end(); }
  void end() {
    over_ = true;
    if (thread_.joinable())
      thread_.join();
  }
  std::atomic<int> answered = 0, failed = 0;

private:
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

} // namespace duende::test
