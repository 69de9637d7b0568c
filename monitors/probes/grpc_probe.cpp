#include "core/errc.hpp"
#include "monitors/probes/attempt.hpp"
#include "monitors/probes/check.hpp"
#include "monitors/probes/endpoint.hpp"
#include "monitors/probes/grpc_message.hpp"
#include "monitors/probes/http_client.hpp"
#include "monitors/probes/resolve.hpp"

#include <fmt/format.h>

namespace duende {

namespace {

class grpc_attempt : public attempt {
public:
  grpc_attempt(reactor& on, std::string address, std::string service, duration timeout, probe_callback done)
    : attempt(on, timeout, std::move(done)), address_(std::move(address)), service_(std::move(service)),
      timeout_(timeout) {}
  ~grpc_attempt() override { release(); }

protected:
  void begin() override {
    auto target = parse_endpoint(address_);
    if (!target) {
      fail_with(sentence(target.error()), true);
      return;
    }
    target_ = std::move(*target);
    if (!target_.path.empty() || numeric_address(target_.host, target_.port)) {
      call({});
      return;
    }
    lookup_ = relay<resolved>(this, &grpc_attempt::call_at);
    resolve(target_.host, target_.port, lookup_);
  }

  void release() final {
    if (lookup_) {
      lookup_->cancel();
      lookup_.reset();
    }
    call_.reset();
  }

  std::string what() const override {
    return service_.empty() ? fmt::format("grpc health of {}", address_)
                            : fmt::format("grpc health of '{}' at {}", service_, address_);
  }

private:
  void call_at(resolved found) {
    if (!found.error.empty()) {
      fail_with(found.error);
      return;
    }
    std::vector<std::string> addresses;
    for (auto& address : found.addresses)
      addresses.push_back(host_text(address));
    call(fmt::format("{}:{}:{}", target_.host, target_.port, fmt::join(addresses, ",")));
  }

  void call(std::string pinned) {
    const bool v6 = target_.host.find(':') != std::string::npos;
    auto authority = !target_.path.empty()
                       ? std::string{"localhost"}
                       : fmt::format(fmt::runtime(v6 ? "[{}]:{}" : "{}:{}"), target_.host, target_.port);
    http_request request{"http://" + authority + "/grpc.health.v1.Health/Check", std::move(pinned), timeout_};
    request.post = grpc_health_request(service_);
    request.http2 = true;
    request.headers = {"content-type: application/grpc", "te: trailers", "expect:"};
    request.unix_socket = target_.path;
    call_ = http_get(std::move(request), relay<http_reply>(this, &grpc_attempt::answered));
  }

  void answered(http_reply reply) {
    if (!reply.error.empty()) {
      fail_with(reply.error, reply.unsupported);
      return;
    }
    if (auto problem = grpc_health_problem(reply.status, reply.headers, reply.body); !problem.empty())
      fail_with(problem);
    else
      succeed(what() + ": SERVING");
  }

  std::string address_, service_;
  duration timeout_;
  endpoint target_;
  std::shared_ptr<one_shot<resolved>> lookup_;
  std::unique_ptr<http_call> call_;
};

} // namespace

probe_ptr
start_grpc_probe(reactor& on, std::string address, std::string service, duration timeout, probe_callback done) {
  return attempt::start(
    std::make_shared<grpc_attempt>(on, std::move(address), std::move(service), timeout, std::move(done)));
}

} // namespace duende
