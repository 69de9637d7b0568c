// Every decoder against any bytes; what decodes is encoded again to the very same packet.
#include "backends/native/protocol.hpp"

#include <cstdlib>

using namespace duende::protocol;

namespace {

template <class Message>
void check(std::string_view packet) {
  Message message;
  if (!decode(packet, message))
    return;
  std::string again;
  encode(again, message);
  header head;
  // The header has reserved bits that a reader ignores; the rest is canonical.
  if (!read_header(packet, head) || packet.substr(header_size) != std::string_view{again}.substr(header_size))
    std::abort();
}

template <class... Messages>
void check_all(std::string_view packet) {
  (check<Messages>(packet), ...);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0)
    return 0;
  // The first byte names the kind, so that the fuzzer need not guess the header.
  std::string packet;
  encode(packet, ping{});
  packet.resize(header_size);
  packet[4] = static_cast<char>(data[0]);
  packet.append(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string_view raw{reinterpret_cast<const char*>(data), size};
  for (auto text : {raw, std::string_view{packet}})
    check_all<
      hello, list, spawn, duende::protocol::signal, forget, set_record, main_pid, adopt_orphan, end_orphan, finish,
      ping, welcome, channels, spawned, spawn_failed, exited, run_changed, held, orphan, list_end, refused, pong>(text);
  return 0;
}
