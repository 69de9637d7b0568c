// Datagrams of sd_notify: any bytes give a message whose texts can go to a terminal and into JSON.
#include "monitors/probes/notify.hpp"

#include <cstdint>
#include <cstdlib>

using namespace duende;

namespace {

void must(bool holds) {
  if (!holds) {
    std::abort();
  }
}

void must_be_printable(const std::optional<std::string>& text) {
  for (unsigned char c : text.value_or("")) {
    must(c >= 0x20 && c != 0x7F);
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto message = parse_notify({reinterpret_cast<const char*>(data), size});
  must(size <= notify_max_bytes || message.problems.size() == 1);
  must(message.problems.size() <= 4);
  must_be_printable(message.status);
  must_be_printable(message.bus_error);
  for (auto& problem : message.problems) {
    must_be_printable(problem);
    must(problem.size() < 200);
  }
  must(!message.main_pid || *message.main_pid > 0);
  must(!message.watchdog_interval || message.watchdog_interval->count() >= 0);
  must(!message.extend_timeout || message.extend_timeout->count() >= 0);
  return 0;
}
