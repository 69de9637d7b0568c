#include "apps/duende/client.hpp"

#include "actors/api/http.hpp"
#include "apps/duende/remote.hpp"
#include "core/trace_context.hpp"

#include <httplib.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace duende::cli {
namespace {

/// Why nobody answers, as the system puts it.
caf::error explain_unreachable(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(errc::unreachable, "the socket path '{}' is longer than {} bytes", path, sizeof address.sun_path - 1);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int code = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
  close(fd);
  if (code == EACCES || code == EPERM)
    return fail(errc::unreachable, "no access to {}: the node belongs to another user", path);
  if (code == 0 || code == EAGAIN)
    return fail(errc::unreachable, "the node at {} broke the connection off", path);
  return fail(errc::unreachable, "no node answers at {}: start one with 'duende up'", path);
}

/// Who was started with a trace in its environment passes it on.
void add_trace(httplib::Request& to) {
  const char* parent = std::getenv("TRACEPARENT");
  const char* state = std::getenv("TRACESTATE");
  auto trace = parse_trace(parent ? parent : "", state ? state : "");
  if (!trace)
    return;
  to.headers.emplace("traceparent", to_traceparent(*trace));
  if (!trace->state.empty())
    to.headers.emplace("tracestate", trace->state);
}

errc code_of_problem(int status, const std::string& type) {
  auto kind = type.substr(std::min(type.size(), type.rfind(':') + 1));
  if (kind == "not-found")
    return errc::not_found;
  if (kind == "invalid-configuration" || status == 400 || status == 422)
    return errc::invalid_config;
  if (kind == "wrong-state")
    return errc::wrong_state;
  if (kind == "already-exists")
    return errc::already_exists;
  if (kind == "limit-reached")
    return errc::limit_reached;
  if (kind == "spawn-failed")
    return errc::spawn_failed;
  switch (status) {
    case 404: return errc::not_found;
    case 409: return errc::wrong_state;
    case 413: return errc::limit_reached;
    case 501: return errc::unsupported;
    case 504: return errc::timed_out;
    default: return errc::internal;
  }
}

credentials& own_credentials() {
  static credentials mine;
  return mine;
}

/// What the user can do about an answer that the node's own sentence does not tell.
caf::error explain_refused(int status, const std::string& detail) {
  if (status == 401)
    return own_credentials().token.empty()
             ? fail(errc::unreachable, "the node wants a token: give it by --token-file FILE or $DUENDE_TOKEN")
             : fail(
               errc::unreachable, "the node does not know this token: ask who keeps its configuration for another");
  return make_error(errc::unreachable, detail);
}

caf::error problem_to_error(int status, const std::string& body) {
  auto parsed = json::parse(body, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("detail") || !parsed["detail"].is_string())
    return fail(errc::protocol_error, "the node answered {}", status);
  auto detail = parsed["detail"].get<std::string>();
  if (status == 401 || status == 429)
    return explain_refused(status, detail);
  return make_error(code_of_problem(status, parsed.value("type", "")), detail);
}

} // namespace

struct client::impl {
  explicit impl(std::string address) : where(std::move(address)), remote(is_url(where)) {
    if (!remote) {
      http = std::make_unique<httplib::ClientImpl>(where, 80);
      http->set_address_family(AF_UNIX);
    } else if (auto to = parse_url(where); to) {
      open_remote(*to);
    } else {
      refused = to.error();
    }
    if (http) {
      http->set_connection_timeout(10);
      http->set_write_timeout(30);
    }
  }

  void open_remote(const node_url& to) {
    const auto& mine = own_credentials();
    if (!to.tls) {
      if (!to.loopback)
        refused = fail(errc::unreachable, "{} is not encrypted: use https://{}", where, where.substr(7));
      else
        http = std::make_unique<httplib::ClientImpl>(to.host, to.port);
      return;
    }
    auto secure = std::make_unique<httplib::SSLClient>(to.host, to.port, mine.certificate, mine.certificate);
    if (!secure->is_valid()) {
      refused = fail(
        errc::unreachable, "cannot use the certificate '{}': it needs certificate and key in PEM", mine.certificate);
      return;
    }
    secure->enable_server_certificate_verification(true);
    if (!mine.ca_file.empty())
      secure->set_ca_cert_path(mine.ca_file);
    tls = secure.get();
    http = std::move(secure);
  }

  void set_patience(duration patience) {
    auto seconds = std::chrono::ceil<std::chrono::seconds>(patience).count();
    http->set_read_timeout(static_cast<time_t>(std::clamp<long long>(seconds, 1, 1'000'000)));
  }

  httplib::Request prepare(const request& what) const {
    httplib::Request result;
    result.method = what.method;
    result.path = what.target;
    result.body = what.body;
    for (const auto& [name, value] : what.headers)
      result.headers.emplace(name, value);
    add_trace(result);
    if (!what.body.empty() || what.method == "POST")
      result.headers.emplace("Content-Type", what.content_type);
    if (!remote)
      result.headers.emplace("Host", "localhost");
    else if (!own_credentials().token.empty())
      result.headers.emplace("Authorization", "Bearer " + own_credentials().token);
    return result;
  }

  caf::error explain(httplib::Error error) const {
    if (!remote && (where.size() >= sizeof(sockaddr_un::sun_path) || error == httplib::Error::Connection))
      return explain_unreachable(where);
    if (error == httplib::Error::Connection)
      return fail(
        errc::unreachable, "no node answers at {}: is 'node.api' set there, and does a firewall let it through?",
        where);
    if (error == httplib::Error::Read)
      return fail(errc::unreachable, "the node at {} broke the connection off or did not answer in time", where);
    if (tls != nullptr)
      return explain_tls(where, error, tls->get_openssl_verify_result(), own_credentials());
    return fail(errc::unreachable, "the request to the node at {} failed: {}", where, httplib::to_string(error));
  }

  std::string where;
  bool remote;
  caf::error refused; ///< why no request can be made
  std::unique_ptr<httplib::ClientImpl> http;
  httplib::SSLClient* tls = nullptr;
};

void use_credentials(credentials mine) { own_credentials() = std::move(mine); }
bool is_url(std::string_view address) { return address.find("://") != std::string_view::npos; }

client::client(std::string address) : impl_(std::make_unique<impl>(std::move(address))) {}
client::~client() = default;
void client::cancel() {
  if (impl_->http)
    impl_->http->stop();
}

caf::expected<std::string> client::send(const request& what) {
  if (impl_->refused)
    return impl_->refused;
  impl_->set_patience(what.patience);
  auto result = impl_->http->send(impl_->prepare(what));
  if (!result)
    return impl_->explain(result.error());
  if (result->status < 200 || result->status > 299)
    return problem_to_error(result->status, result->body);
  return std::move(result->body);
}

caf::expected<json> client::send_json(const request& what) {
  auto body = send(what);
  if (!body)
    return body.error();
  auto parsed = json::parse(*body, nullptr, false);
  if (parsed.is_discarded())
    return fail(errc::protocol_error, "the node's answer to {} {} is no JSON", what.method, what.target);
  return parsed;
}

caf::expected<void> client::stream(const request& what, const std::function<bool(std::string_view)>& on_data) {
  if (impl_->refused)
    return impl_->refused;
  impl_->set_patience(std::chrono::hours{240});
  auto sent = impl_->prepare(what);
  int status = 0;
  bool ended = false;
  std::string refusal;
  sent.response_handler = [&](const httplib::Response& response) {
    status = response.status;
    return true;
  };
  sent.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
    if (status < 200 || status > 299) {
      refusal.append(data, size);
      return refusal.size() < 1024 * 1024;
    }
    ended = !on_data({data, size});
    return !ended;
  };
  auto result = impl_->http->send(sent);
  if (status > 299)
    return problem_to_error(status, refusal);
  if (ended || result || status != 0) // a stream that breaks off has ended too
    return {};
  return impl_->explain(result.error());
}

std::string api_encode(std::string_view text) { return api::percent_encode(text); }

std::string daemon_target(std::string_view name, std::string_view suffix) {
  return fmt::format("/v1/daemons/{}{}", api::percent_encode(name), suffix);
}

} // namespace duende::cli
