#include "actors/api/openssl_library.hpp"

#include "core/errc.hpp"
#include "core/shared_library.hpp"

#include <fmt/format.h>

#include <string>

namespace duende::api {
namespace {

constexpr const char* openssl_advice = "install OpenSSL 3 (Debian: apt-get install libssl3)";

loaded_functions<openssl_library> find_openssl_functions() {
  loaded_functions<openssl_library> result;
  auto& to = result.library;
  shared_library crypto{fmt::format("libcrypto.so.{}", OPENSSL_VERSION_MAJOR).c_str()};
  shared_library ssl{fmt::format("libssl.so.{}", OPENSSL_VERSION_MAJOR).c_str()};
  ssl.find(to.tls_server_method, "TLS_server_method");
  ssl.find(to.ctx_new, "SSL_CTX_new");
  ssl.find(to.ctx_free, "SSL_CTX_free");
  ssl.find(to.ctx_ctrl, "SSL_CTX_ctrl");
  ssl.find(to.ctx_set_options, "SSL_CTX_set_options");
  ssl.find(to.ctx_set_num_tickets, "SSL_CTX_set_num_tickets");
  ssl.find(to.ctx_set_default_passwd_cb, "SSL_CTX_set_default_passwd_cb");
  ssl.find(to.ctx_use_certificate_chain_file, "SSL_CTX_use_certificate_chain_file");
  ssl.find(to.ctx_use_private_key_file, "SSL_CTX_use_PrivateKey_file");
  ssl.find(to.ctx_check_private_key, "SSL_CTX_check_private_key");
  ssl.find(to.ctx_get0_certificate, "SSL_CTX_get0_certificate");
  ssl.find(to.ctx_load_verify_locations, "SSL_CTX_load_verify_locations");
  ssl.find(to.ctx_set_verify, "SSL_CTX_set_verify");
  ssl.find(to.ctx_set_client_ca_list, "SSL_CTX_set_client_CA_list");
  ssl.find(to.load_client_ca_file, "SSL_load_client_CA_file");
  ssl.find(to.ssl_new, "SSL_new");
  ssl.find(to.ssl_free, "SSL_free");
  ssl.find(to.set_fd, "SSL_set_fd");
  ssl.find(to.accept, "SSL_accept");
  ssl.find(to.read, "SSL_read");
  ssl.find(to.write, "SSL_write");
  ssl.find(to.shutdown, "SSL_shutdown");
  ssl.find(to.get_error, "SSL_get_error");
  crypto.find(to.err_get_error, "ERR_get_error");
  crypto.find(to.err_clear_error, "ERR_clear_error");
  crypto.find(to.err_reason_error_string, "ERR_reason_error_string");
  crypto.find(to.not_before, "X509_get0_notBefore");
  crypto.find(to.not_after, "X509_get0_notAfter");
  crypto.find(to.time_to_tm, "ASN1_TIME_to_tm");
  crypto.find(to.sha256, "EVP_sha256");
  crypto.find(to.digest, "EVP_Digest");
  crypto.find(to.constant_time_compare, "CRYPTO_memcmp");
  crypto.find(to.random_bytes, "RAND_bytes");
  result.problem = crypto.problem().empty() ? ssl.problem() : crypto.problem();
  return result;
}

} // namespace

caf::expected<const openssl_library*> load_openssl() {
  static const auto loaded = find_openssl_functions();
  if (!loaded.problem.empty())
    return fail(errc::unsupported, "TLS and tokens need OpenSSL: {}; {}", loaded.problem, openssl_advice);
  return &loaded.library;
}

} // namespace duende::api
