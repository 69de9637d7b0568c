#include "apps/duende/remote.hpp"

#include "actors/api/browser.hpp"
#include "apps/duende/context.hpp"
#include "core/config/checks.hpp"

#include <openssl/x509_vfy.h>

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace duende::cli {
namespace {

constexpr std::size_t max_token = 4096;

caf::expected<std::string> check_token(std::string text, std::string_view from) {
  auto blank = [](unsigned char c) { return c <= ' '; };
  while (!text.empty() && blank(static_cast<unsigned char>(text.back())))
    text.pop_back();
  text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), blank));
  if (text.empty())
    return fail(errc::invalid_config, "{} holds no token", from);
  bool printable_only = std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > ' ' && c < 0x7f; });
  if (text.size() > max_token || !printable_only)
    return fail(errc::invalid_config, "{} holds something else than a token", from);
  return text;
}

} // namespace

caf::expected<node_url> parse_url(std::string_view text) {
  node_url result;
  auto rest = text;
  if (rest.starts_with("https://"))
    rest.remove_prefix(8);
  else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
    result.tls = false;
  } else
    return fail(errc::unreachable, "'{}' is no address of a node: write https://HOST:PORT", text);
  if (rest.ends_with('/'))
    rest.remove_suffix(1);
  std::string authority{rest};
  auto last = authority.rfind(':');
  if (last == std::string::npos || authority.ends_with(']'))
    authority += result.tls ? ":443" : ":80";
  config::host_port parts;
  if (!config::parse_host_port(authority, parts) || parts.port == 0)
    return fail(errc::unreachable, "'{}' is no address of a node: write https://HOST:PORT", text);
  result.host = parts.host;
  result.port = parts.port;
  result.loopback = config::is_loopback(parts.host);
  return result;
}

caf::error explain_tls(const std::string& where, httplib::Error error, long verified, const credentials& mine) {
  auto trust = mine.ca_file.empty() ? std::string{"give the certificate of who signed it by --ca FILE"}
                                    : fmt::format("'{}' does not hold the certificate of who signed it", mine.ca_file);
  switch (error) {
    case httplib::Error::SSLConnection:
      return fail(
        errc::unreachable, "the node at {} breaks the TLS handshake off: does it speak TLS there{}", where,
        mine.certificate.empty() ? ", or does it want a certificate (--cert FILE)?" : "?");
    case httplib::Error::SSLLoadingCerts:
      return fail(errc::unreachable, "cannot read certificates from '{}'", mine.ca_file);
    default: break;
  }
  switch (verified) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return fail(
        errc::unreachable,
        "the certificate of {} has expired: renew it on its machine (node.tls.certificate), then send the node SIGHUP",
        where);
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return fail(
        errc::unreachable, "the certificate of {} is not valid yet: compare the clocks of both machines", where);
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return fail(
        errc::unreachable, "the certificate of {} is signed by nobody that is trusted here: {}", where, trust);
    case X509_V_OK: // httplib compares the name after that
      return fail(
        errc::unreachable, "the certificate of {} is for another name: connect by a name or address that it holds",
        where);
    default:
      return fail(
        errc::unreachable, "the certificate of {} is refused: {}", where, X509_verify_cert_error_string(verified));
  }
}

caf::expected<std::string> find_token(const std::string& file, const char* variable) {
  if (file.empty())
    return variable == nullptr || *variable == '\0' ? caf::expected<std::string>{std::string{}}
                                                    : check_token(variable, "$DUENDE_TOKEN");
  int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat info {};
  if (fd < 0 || fstat(fd, &info) != 0) {
    int code = errno;
    if (fd >= 0)
      close(fd);
    return errno_error(errc::io_failure, code, fmt::format("cannot read the token file '{}'", file));
  }
  std::string text(max_token + 1, '\0');
  auto n = read(fd, text.data(), text.size());
  close(fd);
  if (n < 0)
    return fail(errc::io_failure, "cannot read the token file '{}'", file);
  text.resize(static_cast<std::size_t>(n));
  if (S_ISREG(info.st_mode) && (info.st_mode & (S_IROTH | S_IWOTH)) != 0)
    print_error(fmt::format("others may read the token file '{}': chmod 600 it", file));
  return check_token(std::move(text), fmt::format("the token file '{}'", file));
}

} // namespace duende::cli
