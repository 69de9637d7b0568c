#include "actors/api/tls.hpp"

#include "actors/api/openssl_library.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <ctime>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace duende::api {
namespace {

constexpr auto soon = std::chrono::hours{24 * 14};

/// The first reason OpenSSL has queued, and an empty queue.
std::string reason(const openssl_library& ssl) {
  const char* text = nullptr;
  for (auto code = ssl.err_get_error(); code != 0; code = ssl.err_get_error())
    if (text == nullptr)
      text = ssl.err_reason_error_string(code);
  return text != nullptr ? text : "no reason given";
}

/// OpenSSL's own words for a file that is missing are hard to understand.
caf::expected<mode_t> look_at(std::string_view what, const std::string& path) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat info {};
  if (fd < 0 || fstat(fd, &info) != 0) {
    int error = errno;
    if (fd >= 0)
      close(fd);
    return errno_error(errc::io_failure, error, fmt::format("cannot read the {} '{}'", what, path));
  }
  close(fd);
  if (!S_ISREG(info.st_mode))
    return fail(errc::invalid_config, "cannot read the {} '{}': it is no file", what, path);
  return info.st_mode;
}

caf::expected<wall_time> time_of(const openssl_library& ssl, const ASN1_TIME* time) {
  tm parts{};
  if (time == nullptr || ssl.time_to_tm(time, &parts) != 1)
    return fail(errc::invalid_config, "unreadable");
  return wall_time{std::chrono::seconds{timegm(&parts)}};
}

/// Asking the terminal for a passphrase would hold up the start for ever.
int no_passphrase(char*, int, int, void*) { return -1; }

} // namespace

struct tls_session::impl {
  const openssl_library& ssl;
  SSL* session;
  ~impl() { ssl.ssl_free(session); }
};

struct tls_identity::impl {
  const openssl_library& ssl;
  SSL_CTX* context;
  ~impl() { ssl.ctx_free(context); }
};

tls_session::tls_session(std::unique_ptr<impl> state) : impl_(std::move(state)) {}
tls_session::~tls_session() = default;

tls_step tls_session::judge(int result) {
  using state = tls_step::state;
  if (result > 0)
    return {state::moved, static_cast<std::size_t>(result)};
  int broken = errno;
  switch (impl_->ssl.get_error(impl_->session, result)) {
    case SSL_ERROR_WANT_READ: return {state::wants_read};
    case SSL_ERROR_WANT_WRITE: return {state::wants_write};
    case SSL_ERROR_ZERO_RETURN: return {state::closed};
    case SSL_ERROR_SYSCALL: return {broken == 0 ? state::closed : state::failed};
    default: break;
  }
  for (auto code = impl_->ssl.err_get_error(); code != 0; code = impl_->ssl.err_get_error())
    plain_http_ = plain_http_ || ERR_GET_REASON(code) == SSL_R_HTTP_REQUEST;
  return {state::failed};
}

tls_step tls_session::handshake() {
  impl_->ssl.err_clear_error();
  errno = 0;
  return judge(impl_->ssl.accept(impl_->session));
}

tls_step tls_session::read(char* to, std::size_t room) {
  impl_->ssl.err_clear_error();
  errno = 0;
  return judge(impl_->ssl.read(impl_->session, to, static_cast<int>(std::min<std::size_t>(room, INT_MAX))));
}

tls_step tls_session::write(const char* from, std::size_t size) {
  impl_->ssl.err_clear_error();
  errno = 0;
  return judge(impl_->ssl.write(impl_->session, from, static_cast<int>(std::min<std::size_t>(size, INT_MAX))));
}

void tls_session::close() {
  impl_->ssl.err_clear_error();
  impl_->ssl.shutdown(impl_->session);
  impl_->ssl.err_clear_error();
}

tls_identity::tls_identity(std::unique_ptr<impl> state) : impl_(std::move(state)) {}
tls_identity::~tls_identity() = default;

caf::expected<std::shared_ptr<const tls_identity>> tls_identity::load(const tls_spec& spec, wall_time now) {
  auto library = load_openssl();
  if (!library)
    return library.error();
  const auto& ssl = **library;
  auto certificate_mode = look_at("certificate", spec.certificate);
  auto key_mode = look_at("key", spec.key);
  if (!certificate_mode || !key_mode)
    return certificate_mode ? key_mode.error() : certificate_mode.error();
  if (!spec.client_ca.empty())
    if (auto mode = look_at("client_ca", spec.client_ca); !mode)
      return mode.error();
  ssl.err_clear_error();
  auto* context = ssl.ctx_new(ssl.tls_server_method());
  if (context == nullptr)
    return fail(errc::unsupported, "OpenSSL does not start: {}", reason(ssl));
  std::shared_ptr<tls_identity> made{new tls_identity{std::unique_ptr<impl>{new impl{ssl, context}}}};
  made->spec_ = spec;
  made->key_is_open_ = (*key_mode & (S_IWGRP | S_IROTH | S_IWOTH)) != 0;

  ssl.ctx_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, nullptr);
  ssl.ctx_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, nullptr);
  ssl.ctx_ctrl(
    context, SSL_CTRL_MODE,
    SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS, nullptr);
  ssl.ctx_set_options(
    context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  ssl.ctx_set_num_tickets(context, 0);
  ssl.ctx_set_default_passwd_cb(context, &no_passphrase);

  if (ssl.ctx_use_certificate_chain_file(context, spec.certificate.c_str()) != 1)
    return fail(errc::invalid_config, "'{}' is no certificate in PEM: {}", spec.certificate, reason(ssl));
  if (ssl.ctx_use_private_key_file(context, spec.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    auto why = reason(ssl);
    if (why.find("mismatch") != std::string::npos)
      return fail(
        errc::invalid_config, "the key '{}' does not belong to the certificate '{}'", spec.key, spec.certificate);
    return fail(errc::invalid_config, "'{}' is no private key in PEM without a passphrase: {}", spec.key, why);
  }
  if (ssl.ctx_check_private_key(context) != 1) {
    reason(ssl);
    return fail(
      errc::invalid_config, "the key '{}' does not belong to the certificate '{}'", spec.key, spec.certificate);
  }
  const auto* certificate = ssl.ctx_get0_certificate(context);
  auto begins = time_of(ssl, ssl.not_before(certificate)), ends = time_of(ssl, ssl.not_after(certificate));
  if (!begins || !ends)
    return fail(
      errc::invalid_config, "the certificate '{}' says in no readable way how long it is valid", spec.certificate);
  if (*begins > now)
    return fail(
      errc::invalid_config, "the certificate '{}' is valid from {} on only: check the clock, or wait", spec.certificate,
      to_rfc3339(*begins));
  if (*ends <= now)
    return fail(
      errc::invalid_config, "the certificate '{}' has expired at {}: renew it", spec.certificate, to_rfc3339(*ends));
  made->expires_ = *ends;
  if (!spec.client_ca.empty()) {
    auto* names = ssl.load_client_ca_file(spec.client_ca.c_str());
    if (names == nullptr || ssl.ctx_load_verify_locations(context, spec.client_ca.c_str(), nullptr) != 1)
      return fail(errc::invalid_config, "'{}' holds no certificate in PEM: {}", spec.client_ca, reason(ssl));
    ssl.ctx_set_client_ca_list(context, names);
    ssl.ctx_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return std::shared_ptr<const tls_identity>{std::move(made)};
}

std::string tls_identity::warning(wall_time now) const {
  if (expires_ <= now)
    return fmt::format("the certificate '{}' has expired at {}: renew it", spec_.certificate, to_rfc3339(expires_));
  if (expires_ - now < soon)
    return fmt::format("the certificate '{}' expires at {}: renew it", spec_.certificate, to_rfc3339(expires_));
  if (key_is_open_)
    return fmt::format("others may read the key '{}': chmod 600 it", spec_.key);
  return {};
}

wall_time tls_identity::look_again(wall_time now) const {
  const auto first = expires_ - soon;
  return first > now ? first : now + std::chrono::hours{24};
}

caf::expected<std::unique_ptr<tls_session>> tls_identity::accept(int fd) const {
  const auto& ssl = impl_->ssl;
  auto* session = ssl.ssl_new(impl_->context);
  if (session == nullptr)
    return fail(errc::io_failure, "OpenSSL has no memory for a connection");
  std::unique_ptr<tls_session> made{
    new tls_session{std::unique_ptr<tls_session::impl>{new tls_session::impl{ssl, session}}}};
  if (ssl.set_fd(session, fd) != 1)
    return fail(errc::io_failure, "OpenSSL has no memory for a connection");
  return made;
}

} // namespace duende::api
