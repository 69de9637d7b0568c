// The node's side of TLS, over sockets that never block.
#pragma once

#include "core/errc.hpp"
#include "core/spec.hpp"
#include "core/time.hpp"

#include <cstddef>
#include <memory>
#include <string>

namespace duende::api {

/// What became of one attempt: bytes moved, or why none were.
struct tls_step {
  enum class state : std::uint8_t { moved, wants_read, wants_write, closed, failed };
  state what = state::failed;
  std::size_t bytes = 0;
};

/// TLS on one accepted socket. Owned by one thread at a time.
class tls_session {
public:
  ~tls_session();
  tls_session(const tls_session&) = delete;
  tls_session& operator=(const tls_session&) = delete;

  /// `moved` once it is done.
  tls_step handshake();
  tls_step read(char* to, std::size_t room);
  tls_step write(const char* from, std::size_t size);
  /// Says goodbye, so that the peer knows that nothing was cut off. Does not wait.
  void close();
  /// The handshake failed because the peer speaks HTTP without TLS.
  bool met_plain_http() const { return plain_http_; }

private:
  friend class tls_identity;
  struct impl;
  explicit tls_session(std::unique_ptr<impl> state);
  tls_step judge(int result);

  std::unique_ptr<impl> impl_;
  bool plain_http_ = false;
};

/// A certificate with its key, checked. TLS 1.2 or later; no renegotiation, no session is kept. Thread-safe.
class tls_identity {
public:
  /// Reads the files of `spec`. Errors name the file: io_failure where it can't be read, invalid_config where it is no
  /// certificate, no key, has a passphrase, does not fit the other one, is not valid yet or has expired at `now`.
  static caf::expected<std::shared_ptr<const tls_identity>> load(const tls_spec& spec, wall_time now);
  ~tls_identity();
  tls_identity(const tls_identity&) = delete;
  tls_identity& operator=(const tls_identity&) = delete;

  wall_time expires() const { return expires_; }
  /// What somebody should look at soon: it expires within 14 days of `now`, others may read the key. Empty: nothing.
  std::string warning(wall_time now) const;
  /// When warning() may say something else: 14 days before it expires, then once a day.
  wall_time look_again(wall_time now) const;
  /// A session on an accepted, non-blocking socket, which must outlive it.
  caf::expected<std::unique_ptr<tls_session>> accept(int fd) const;

private:
  struct impl;
  explicit tls_identity(std::unique_ptr<impl> state);
  std::unique_ptr<impl> impl_;
  tls_spec spec_;
  wall_time expires_{};
  bool key_is_open_ = false;
};

} // namespace duende::api
