#include "backends/native/protocol.hpp"

#include <cstring>
#include <type_traits>

namespace duende::protocol {
namespace {

constexpr std::uint32_t magic = 0x4b55'44; // "DUK"
constexpr std::uint8_t flag_memfd = 1;

struct writer {
  std::string& out;

  template <class T>
  void number(T value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void bytes(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    out.append(value);
    out.push_back('\0');
  }
  void operator()(const uuid& id) { out.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()); }
  void operator()(bool value) { number<std::uint8_t>(value); }
  template <class T>
  requires(std::is_integral_v<T> || std::is_enum_v<T>) void operator()(T value) { number(value); }
  template <class T>
  void choice(T value, T) {
    number(value);
  }
  void string(std::string_view value) { bytes(value); }
  void blob(std::string_view value, std::size_t) { bytes(value); }
  template <class T>
  void sequence(const std::vector<T>& values, std::size_t) {
    number(static_cast<std::uint32_t>(values.size()));
    for (auto& value : values)
      element(value);
  }
  void element(std::string_view value) { bytes(value); }
  void element(std::uint32_t value) { number(value); }
  void element(const limit& value) {
    number(value.resource);
    number(value.soft);
    number(value.hard);
  }
  void element(const path_right& value) {
    bytes(value.path);
    number(value.rights);
  }
};

struct reader {
  const char* at;
  const char* end;
  bool ok = true;

  std::size_t left() const { return static_cast<std::size_t>(end - at); }
  template <class T>
  void number(T& value) {
    if (!ok || left() < sizeof value) {
      ok = false;
      return;
    }
    std::memcpy(&value, at, sizeof value);
    at += sizeof value;
  }
  void bytes(std::string_view& value, std::size_t limit) {
    std::uint32_t size = 0;
    number(size);
    if (!ok || size > limit || left() < std::size_t{size} + 1 || at[size] != '\0') {
      ok = false;
      return;
    }
    value = {at, size};
    at += size + 1;
  }
  void operator()(uuid& id) { number(id.bytes); }
  void operator()(bool& value) {
    std::uint8_t raw = 0;
    number(raw);
    ok = ok && raw <= 1;
    value = raw == 1;
  }
  template <class T>
  requires(std::is_integral_v<T>) void operator()(T& value) { number(value); }
  /// An enumeration with the values 0 to `last`.
  template <class T>
  void choice(T& value, T last) {
    std::underlying_type_t<T> raw{};
    number(raw);
    ok = ok && raw <= static_cast<std::underlying_type_t<T>>(last);
    if (ok)
      value = static_cast<T>(raw);
  }
  void string(std::string_view& value) {
    bytes(value, max_request);
    ok = ok && (value.empty() || std::memchr(value.data(), 0, value.size()) == nullptr);
  }
  void blob(std::string_view& value, std::size_t limit) { bytes(value, limit); }
  template <class T>
  void sequence(std::vector<T>& values, std::size_t limit) {
    std::uint32_t size = 0;
    number(size);
    constexpr std::size_t smallest = std::is_same_v<T, text> ? 5 : 4;
    values.clear();
    if (!ok || size > limit || size > left() / smallest) { // no reservation that the packet can't fill
      ok = false;
      return;
    }
    values.resize(size);
    for (auto& value : values)
      element(value);
  }
  void element(std::string_view& value) { string(value); }
  void element(std::uint32_t& value) { number(value); }
  void element(limit& value) {
    number(value.resource);
    number(value.soft);
    number(value.hard);
  }
  void element(path_right& value) {
    string(value.path);
    number(value.rights);
  }
};

template <class F, class S>
void sandbox_fields(F& f, S& s) {
  f(s.parts), f(s.optional), f(s.capabilities), f(s.restricted), f.sequence(s.paths, max_path_rights);
  f(s.names_calls), f.blob(s.filter, max_filter);
}

// One list of fields per message serves both directions. `m` is const when writing.
template <class F, class M>
void fields(F& f, M& m) {
  using message = std::remove_const_t<M>;
  constexpr bool empty =
    std::is_same_v<message, list> || std::is_same_v<message, list_end> || std::is_same_v<message, healthy>;
  if constexpr (requires { m.id; })
    f(m.id);
  if constexpr (requires { m.incarnation; })
    f(m.incarnation);
  if constexpr (std::is_same_v<message, hello>) {
    f(m.version), f(m.pid);
  } else if constexpr (std::is_same_v<message, spawn>) {
    f.string(m.path), f.sequence(m.argv, max_request), f.sequence(m.env, max_request), f.string(m.working_dir);
    f(m.change_user), f(m.uid), f(m.gid), f.sequence(m.groups, max_groups), f.sequence(m.limits, max_rlimits);
    f.string(m.cgroup), f(m.no_new_privileges), sandbox_fields(f, m.sandbox), f.choice(m.out, stdio::join_stdout);
    f.choice(m.err, stdio::join_stdout), f(m.output_of), f.string(m.notify_path), f(m.ready_fd);
    f.sequence(m.sockets, max_sockets), f.sequence(m.socket_names, max_sockets), f.blob(m.record, max_record);
  } else if constexpr (std::is_same_v<message, signal>) {
    f(m.number), f.choice(m.scope, scope::group);
  } else if constexpr (std::is_same_v<message, set_record>) {
    f.blob(m.record, max_record);
  } else if constexpr (std::is_same_v<message, main_pid>) {
    f(m.pid);
  } else if constexpr (std::is_same_v<message, adopt_orphan>) {
    f.string(m.cgroup), f.string(m.notify_path), f.sequence(m.sockets, max_sockets), f.blob(m.record, max_record);
  } else if constexpr (std::is_same_v<message, retain_sockets>) {
    f.sequence(m.sockets, max_retained);
  } else if constexpr (std::is_same_v<message, upgrade>) {
    f(m.patience_ms);
  } else if constexpr (std::is_same_v<message, store_fd>) {
    f(m.most), f(m.poll), f.string(m.name);
  } else if constexpr (std::is_same_v<message, drop_fds>) {
    f.string(m.name);
  } else if constexpr (std::is_same_v<message, end_orphan>) {
    f(m.number);
  } else if constexpr (std::is_same_v<message, finish>) {
    f(m.code);
  } else if constexpr (std::is_same_v<message, ping> || std::is_same_v<message, pong>) {
    f(m.token);
  } else if constexpr (std::is_same_v<message, welcome>) {
    f(m.version), f(m.keeper_pid), f(m.generation);
  } else if constexpr (std::is_same_v<message, channels>) {
    f(m.mask);
  } else if constexpr (std::is_same_v<message, spawned> || std::is_same_v<message, orphan>) {
    f(m.pid), f(m.start_time);
  } else if constexpr (std::is_same_v<message, spawn_failed>) {
    f.choice(m.step, step::exec), f(m.error), f.string(m.subject);
  } else if constexpr (std::is_same_v<message, exited>) {
    f(m.pid), f(m.status), f(m.user), f(m.system), f(m.max_rss_bytes);
    f(m.started), f(m.ended), f(m.ended_wall_ms), f(m.refused_call), f(m.call_arch);
  } else if constexpr (std::is_same_v<message, run_changed>) {
    f(m.stopped);
  } else if constexpr (std::is_same_v<message, held>) {
    fields(f, m.process), f(m.start_time), f(m.running), f(m.stopped), f(m.mask), f.blob(m.record, max_record);
  } else if constexpr (std::is_same_v<message, refused>) {
    f.choice(m.request, kind::pong), f.choice(m.why, refusal::store_full), f(m.detail);
  } else {
    static_assert(empty || std::is_same_v<message, forget>, "a message without its fields");
  }
}

void put_header(std::string& out, kind what, std::uint8_t flags) {
  writer put{out};
  put.number(magic | std::uint32_t{version} << 24);
  put.number(what);
  put.number<std::uint16_t>(flags);
}

} // namespace

bool read_header(std::string_view packet, header& out) {
  reader take{packet.data(), packet.data() + packet.size()};
  std::uint32_t first = 0;
  std::uint16_t flags = 0;
  take.number(first);
  take.number(out.kind);
  take.number(flags);
  out.version = static_cast<std::uint8_t>(first >> 24);
  out.in_memfd = (flags & flag_memfd) != 0;
  return take.ok && (first & 0xff'ffff) == magic;
}

std::string memfd_announcement(kind what, const uuid& id, std::uint32_t incarnation) {
  std::string out;
  put_header(out, what, flag_memfd);
  writer put{out};
  put(id);
  put.number(incarnation);
  return out;
}

bool read_subject(std::string_view packet, uuid& id, std::uint32_t& incarnation) {
  if (packet.size() < header_size)
    return false;
  reader take{packet.data() + header_size, packet.data() + packet.size()};
  take(id);
  take.number(incarnation);
  return take.ok;
}

template <class Message>
void encode(std::string& out, const Message& message) {
  out.clear();
  put_header(out, Message::type, 0);
  writer put{out};
  fields(put, message);
}

template <class Message>
bool decode(std::string_view packet, Message& message) {
  header head;
  if (!read_header(packet, head) || head.kind != Message::type || head.version != version || head.in_memfd)
    return false;
  reader take{packet.data() + header_size, packet.data() + packet.size()};
  fields(take, message);
  return take.ok && take.at == take.end;
}

// NOLINTBEGIN(bugprone-macro-parentheses): it is the name of a type
#define DUENDE_MESSAGE(type)                                                                                           \
  template void encode(std::string&, const type&);                                                                     \
  template bool decode(std::string_view, type&);
// NOLINTEND(bugprone-macro-parentheses)
DUENDE_MESSAGE(hello)
DUENDE_MESSAGE(list)
DUENDE_MESSAGE(spawn)
DUENDE_MESSAGE(signal)
DUENDE_MESSAGE(forget)
DUENDE_MESSAGE(set_record)
DUENDE_MESSAGE(main_pid)
DUENDE_MESSAGE(adopt_orphan)
DUENDE_MESSAGE(end_orphan)
DUENDE_MESSAGE(finish)
DUENDE_MESSAGE(ping)
DUENDE_MESSAGE(retain_sockets)
DUENDE_MESSAGE(upgrade)
DUENDE_MESSAGE(healthy)
DUENDE_MESSAGE(store_fd)
DUENDE_MESSAGE(drop_fds)
DUENDE_MESSAGE(welcome)
DUENDE_MESSAGE(channels)
DUENDE_MESSAGE(spawned)
DUENDE_MESSAGE(spawn_failed)
DUENDE_MESSAGE(exited)
DUENDE_MESSAGE(run_changed)
DUENDE_MESSAGE(held)
DUENDE_MESSAGE(orphan)
DUENDE_MESSAGE(list_end)
DUENDE_MESSAGE(refused)
DUENDE_MESSAGE(pong)
#undef DUENDE_MESSAGE

} // namespace duende::protocol
