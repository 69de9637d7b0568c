#include "tests/system/tls_peer.hpp"

#include "tests/support/catch.hpp"

#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <ctime>
#include <filesystem>

namespace duende::test {

struct tls_peer::impl {
  int fd = -1;
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL* session = nullptr;
  bool connected = false, ended = false;

  ~impl() {
    SSL_free(session);
    SSL_CTX_free(context);
    if (fd >= 0)
      close(fd);
  }
  void set_timeout(double seconds) const {
    timeval time{static_cast<time_t>(seconds), static_cast<suseconds_t>(std::fmod(seconds, 1.0) * 1e6)};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  }
};

tls_peer::tls_peer(int port, const std::string& source, bool handshake) : impl_(std::make_unique<impl>()) {
  signal(SIGPIPE, SIG_IGN); // OpenSSL writes to sockets that the node has closed
  auto& own = *impl_;
  own.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in from{}, to{};
  from.sin_family = to.sin_family = AF_INET;
  inet_pton(AF_INET, source.c_str(), &from.sin_addr);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  own.set_timeout(10);
  if (
    bind(own.fd, reinterpret_cast<sockaddr*>(&from), sizeof from) != 0
    || connect(own.fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
    return;
  own.connected = true;
  if (!handshake)
    return;
  own.session = SSL_new(own.context);
  SSL_set_fd(own.session, own.fd);
  own.connected = SSL_connect(own.session) == 1;
}

tls_peer::~tls_peer() = default;
bool tls_peer::connected() const { return impl_->connected; }
bool tls_peer::ended() const { return impl_->ended; }

bool tls_peer::send(std::string_view text) {
  return impl_->connected && impl_->session
         && SSL_write(impl_->session, text.data(), static_cast<int>(text.size())) == static_cast<int>(text.size());
}

bool tls_peer::send_plain(std::string_view text) {
  return ::send(impl_->fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

std::string tls_peer::receive(std::string_view until, double seconds) {
  auto& own = *impl_;
  std::string all;
  char bytes[16384];
  auto end = monotonic_ns() + static_cast<std::int64_t>(seconds * 1e9);
  while (until.empty() || all.find(until) == std::string::npos) {
    auto left = static_cast<double>(end - monotonic_ns()) / 1e9;
    if (left <= 0)
      break;
    own.set_timeout(std::max(left, 0.001));
    auto n =
      own.session ? SSL_read(own.session, bytes, sizeof bytes) : static_cast<int>(read(own.fd, bytes, sizeof bytes));
    if (n <= 0) {
      bool waits = own.session ? SSL_get_error(own.session, n) == SSL_ERROR_WANT_READ
                               : n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
      own.ended = !waits;
      break;
    }
    all.append(bytes, static_cast<std::size_t>(n));
  }
  return all;
}

response parse_answer(const std::string& text) {
  response result;
  auto end = text.find("\r\n\r\n");
  if (text.size() < 12 || text.compare(0, 5, "HTTP/") != 0 || end == std::string::npos)
    return result;
  result.status = std::atoi(text.c_str() + 9);
  result.head = text.substr(0, end + 2);
  result.body = text.substr(end + 4);
  return result;
}

response https(
  int port, std::string_view method, std::string_view path, std::string_view token, std::string_view body,
  const std::string& source) {
  tls_peer peer{port, source};
  auto text = std::string{method} + " " + std::string{path} + " HTTP/1.1\r\nHost: localhost\r\n";
  if (!token.empty())
    text += "Authorization: Bearer " + std::string{token} + "\r\n";
  if (!body.empty())
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  peer.send(text + "\r\n" + std::string{body});
  return parse_answer(peer.receive());
}

void make_certificate(
  const std::string& dir, const std::string& name, const std::string& names, int days, int seconds) {
  auto openssl = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "openssl");
    auto done = run(words);
    INFO(done.err);
    REQUIRE(done.status == 0);
  };
  auto file = [&](const std::string& base) { return dir + "/" + base; };
  if (!std::filesystem::exists(file("CA.pem")))
    openssl(
      {"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", file("CA.key"),
       "-out", file("CA.pem"), "-days", "3650", "-subj", "/CN=test authority"});
  openssl(
    {"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", file(name + ".key"), "-out",
     file(name + ".csr"), "-subj", "/CN=" + name});
  write_file(
    file("ca.cnf"), "[ca]\ndefault_ca=it\n[it]\ndatabase=" + file("index") + "\nnew_certs_dir=" + dir
                      + "\nserial=" + file("serial")
                      + "\ndefault_md=sha256\npolicy=any\nunique_subject=no\nx509_extensions=more\n[any]\ncommonName="
                        "supplied\n[more]\nsubjectAltName="
                      + names + "\n");
  write_file(file("index"), "");
  write_file(file("serial"), "01\n");
  auto begin = days < 0 ? "20200101000000Z" : "20240101000000Z";
  std::vector<std::string> words = {
    "ca",       "-batch",       "-config", file("ca.cnf"),      "-cert", file("CA.pem"),
    "-keyfile", file("CA.key"), "-in",     file(name + ".csr"), "-out",  file(name + ".pem"),
    "-notext",  "-startdate",   begin};
  char end[] = "20210101000000Z";
  if (days >= 0) {
    const auto at = std::time(nullptr) + days * 86'400L + seconds;
    std::tm parts{};
    std::strftime(end, sizeof end, "%Y%m%d%H%M%SZ", gmtime_r(&at, &parts));
  }
  words.insert(words.end(), {"-enddate", end});
  openssl(words);
}

made_token make_token(const std::string& name, const std::string& access) {
  auto made = run({program("duende"), "token", "--name", name, "--access", access});
  REQUIRE(made.status == 0);
  auto toml = made.err.find("[[node.token]]");
  REQUIRE(toml != std::string::npos);
  return {made.out.substr(0, made.out.find('\n')), made.err.substr(toml)};
}

} // namespace duende::test
