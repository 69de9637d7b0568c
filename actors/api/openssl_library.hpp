// OpenSSL, loaded when first needed: a node without TLS and tokens does not pay for it in memory (4 MiB measured).
#pragma once

#include <caf/expected.hpp>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace duende::api {

/// The functions used, with the types of the headers.
struct openssl_library {
  decltype(&::TLS_server_method) tls_server_method = nullptr;
  decltype(&::SSL_CTX_new) ctx_new = nullptr;
  decltype(&::SSL_CTX_free) ctx_free = nullptr;
  decltype(&::SSL_CTX_ctrl) ctx_ctrl = nullptr;
  decltype(&::SSL_CTX_set_options) ctx_set_options = nullptr;
  decltype(&::SSL_CTX_set_num_tickets) ctx_set_num_tickets = nullptr;
  decltype(&::SSL_CTX_set_default_passwd_cb) ctx_set_default_passwd_cb = nullptr;
  decltype(&::SSL_CTX_use_certificate_chain_file) ctx_use_certificate_chain_file = nullptr;
  decltype(&::SSL_CTX_use_PrivateKey_file) ctx_use_private_key_file = nullptr;
  decltype(&::SSL_CTX_check_private_key) ctx_check_private_key = nullptr;
  decltype(&::SSL_CTX_get0_certificate) ctx_get0_certificate = nullptr;
  decltype(&::SSL_CTX_load_verify_locations) ctx_load_verify_locations = nullptr;
  decltype(&::SSL_CTX_set_verify) ctx_set_verify = nullptr;
  decltype(&::SSL_CTX_set_client_CA_list) ctx_set_client_ca_list = nullptr;
  decltype(&::SSL_load_client_CA_file) load_client_ca_file = nullptr;
  decltype(&::SSL_new) ssl_new = nullptr;
  decltype(&::SSL_free) ssl_free = nullptr;
  decltype(&::SSL_set_fd) set_fd = nullptr;
  decltype(&::SSL_accept) accept = nullptr;
  decltype(&::SSL_read) read = nullptr;
  decltype(&::SSL_write) write = nullptr;
  decltype(&::SSL_shutdown) shutdown = nullptr;
  decltype(&::SSL_get_error) get_error = nullptr;
  decltype(&::ERR_get_error) err_get_error = nullptr;
  decltype(&::ERR_clear_error) err_clear_error = nullptr;
  decltype(&::ERR_reason_error_string) err_reason_error_string = nullptr;
  decltype(&::X509_get0_notBefore) not_before = nullptr;
  decltype(&::X509_get0_notAfter) not_after = nullptr;
  decltype(&::ASN1_TIME_to_tm) time_to_tm = nullptr;
  decltype(&::EVP_sha256) sha256 = nullptr;
  decltype(&::EVP_Digest) digest = nullptr;
  decltype(&::CRYPTO_memcmp) constant_time_compare = nullptr;
  decltype(&::RAND_bytes) random_bytes = nullptr;
};

/// Loads libssl and libcrypto with dlopen(3) at the first call; never unloads them. Thread-safe. Errors: unsupported, with what
/// is missing and how to get it.
caf::expected<const openssl_library*> load_openssl();

} // namespace duende::api
