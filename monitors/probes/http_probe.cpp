#include "core/errc.hpp"
#include "monitors/probes/attempt.hpp"
#include "monitors/probes/endpoint.hpp"
#include "monitors/probes/http_client.hpp"
#include "monitors/probes/resolve.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace duende {

namespace {

class http_attempt : public attempt {
public:
  http_attempt(reactor& on, http_target target, duration timeout, probe_callback done)
    : attempt(on, timeout, std::move(done)), target_(std::move(target)), timeout_(timeout) {}
  ~http_attempt() override { release(); }

protected:
  void begin() override {
    auto parts = parse_url(target_.url);
    if (!parts) {
      fail_with(sentence(parts.error()), true);
      return;
    }
    parts_ = std::move(*parts);
    if (numeric_address(parts_.host, parts_.port)) {
      get({});
      return;
    }
    lookup_ = relay<resolved>(this, &http_attempt::get_from);
    resolve(parts_.host, parts_.port, lookup_);
  }

  void release() final {
    if (lookup_) {
      lookup_->cancel();
      lookup_.reset();
    }
    call_.reset(); // takes the answer back as well
  }

  std::string what() const override { return "GET " + (parts_.shown.empty() ? target_.url : parts_.shown); }

private:
  void get_from(resolved found) {
    if (!found.error.empty()) {
      fail_with(found.error);
      return;
    }
    std::vector<std::string> addresses;
    for (auto& address : found.addresses) {
      addresses.push_back(host_text(address));
    }
    get(fmt::format("{}:{}:{}", parts_.host, parts_.port, fmt::join(addresses, ",")));
  }

  void get(std::string pinned) {
    call_ = http_get({target_.url, std::move(pinned), timeout_}, relay<http_reply>(this, &http_attempt::answered));
  }

  void answered(http_reply reply) {
    if (!reply.error.empty()) {
      fail_with(reply.error, reply.unsupported);
      return;
    }
    auto status = static_cast<int>(reply.status);
    if (std::find(target_.expect.begin(), target_.expect.end(), status) != target_.expect.end()) {
      succeed(fmt::format("{}: status {}", what(), status));
    } else {
      fail_with(fmt::format("status {}, expected {}", status, fmt::join(target_.expect, " or ")));
    }
  }

  http_target target_;
  duration timeout_;
  url_parts parts_;
  std::shared_ptr<one_shot<resolved>> lookup_;
  std::unique_ptr<http_call> call_;
};

} // namespace

probe_ptr start_http_probe(reactor& on, http_target target, duration timeout, probe_callback done) {
  return attempt::start(std::make_shared<http_attempt>(on, std::move(target), timeout, std::move(done)));
}

} // namespace duende
