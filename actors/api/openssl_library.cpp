#include "actors/api/openssl_library.hpp"

#include "core/errc.hpp"

#include <fmt/format.h>

#include <string>

#include <dlfcn.h>

namespace duende::api {
namespace {

constexpr const char* openssl_advice = "install OpenSSL 3 (Debian: apt-get install libssl3)";

struct loaded_openssl {
  openssl_library library;
  std::string problem; ///< empty: loaded
};

void* open_library(const char* name, std::string& problem) {
  auto file = fmt::format("lib{}.so.{}", name, OPENSSL_VERSION_MAJOR);
  void* handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr && problem.empty()) {
    const char* why = ::dlerror();
    problem = why != nullptr ? why : file;
  }
  return handle;
}

loaded_openssl load_all() {
  loaded_openssl result;
  auto& to = result.library;
  void* crypto = open_library("crypto", result.problem);
  void* ssl = open_library("ssl", result.problem);
  if (crypto == nullptr || ssl == nullptr)
    return result;
  auto find = [&](auto& function, void* from, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(from, name));
    if (function == nullptr)
      result.problem = fmt::format("it has no {}", name);
  };
  find(to.tls_server_method, ssl, "TLS_server_method");
  find(to.ctx_new, ssl, "SSL_CTX_new");
  find(to.ctx_free, ssl, "SSL_CTX_free");
  find(to.ctx_ctrl, ssl, "SSL_CTX_ctrl");
  find(to.ctx_set_options, ssl, "SSL_CTX_set_options");
  find(to.ctx_set_num_tickets, ssl, "SSL_CTX_set_num_tickets");
  find(to.ctx_set_default_passwd_cb, ssl, "SSL_CTX_set_default_passwd_cb");
  find(to.ctx_use_certificate_chain_file, ssl, "SSL_CTX_use_certificate_chain_file");
  find(to.ctx_use_private_key_file, ssl, "SSL_CTX_use_PrivateKey_file");
  find(to.ctx_check_private_key, ssl, "SSL_CTX_check_private_key");
  find(to.ctx_get0_certificate, ssl, "SSL_CTX_get0_certificate");
  find(to.ctx_load_verify_locations, ssl, "SSL_CTX_load_verify_locations");
  find(to.ctx_set_verify, ssl, "SSL_CTX_set_verify");
  find(to.ctx_set_client_ca_list, ssl, "SSL_CTX_set_client_CA_list");
  find(to.load_client_ca_file, ssl, "SSL_load_client_CA_file");
  find(to.ssl_new, ssl, "SSL_new");
  find(to.ssl_free, ssl, "SSL_free");
  find(to.set_fd, ssl, "SSL_set_fd");
  find(to.accept, ssl, "SSL_accept");
  find(to.read, ssl, "SSL_read");
  find(to.write, ssl, "SSL_write");
  find(to.shutdown, ssl, "SSL_shutdown");
  find(to.get_error, ssl, "SSL_get_error");
  find(to.err_get_error, crypto, "ERR_get_error");
  find(to.err_clear_error, crypto, "ERR_clear_error");
  find(to.err_reason_error_string, crypto, "ERR_reason_error_string");
  find(to.not_before, crypto, "X509_get0_notBefore");
  find(to.not_after, crypto, "X509_get0_notAfter");
  find(to.time_to_tm, crypto, "ASN1_TIME_to_tm");
  find(to.sha256, crypto, "EVP_sha256");
  find(to.digest, crypto, "EVP_Digest");
  find(to.constant_time_compare, crypto, "CRYPTO_memcmp");
  find(to.random_bytes, crypto, "RAND_bytes");
  return result;
}

} // namespace

caf::expected<const openssl_library*> load_openssl() {
  static const loaded_openssl loaded = load_all();
  if (!loaded.problem.empty())
    return fail(errc::unsupported, "TLS and tokens need OpenSSL: {}; {}", loaded.problem, openssl_advice);
  return &loaded.library;
}

} // namespace duende::api
