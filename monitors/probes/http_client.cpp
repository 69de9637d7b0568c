#include "monitors/probes/http_client.hpp"

#include "core/errc.hpp"
#include "monitors/probes/background.hpp"
#include "monitors/probes/curl_library.hpp"

#include <array>
#include <condition_variable>
#include <cstdlib>
#include <list>
#include <mutex>
#include <optional>
#include <vector>

namespace duende {

namespace {

constexpr std::size_t max_body = 64 * 1024;
/// The thread goes when it had nothing to do for this long.
constexpr int linger_ms = 10'000;
constexpr int longest_poll_ms = 3'600'000;
constexpr const char* library_path = "libcurl.so.4";

struct request_state {
  http_request request;
  std::shared_ptr<one_shot<http_reply>> answer;
};
using request_ptr = std::shared_ptr<request_state>;

/// One libcurl handle and what it points to.
struct transfer {
  const curl_library& curl;
  request_ptr what;
  CURL* easy = nullptr;
  curl_slist* pinned = nullptr;
  std::size_t received = 0;
  std::array<char, CURL_ERROR_SIZE> error{};

  transfer(const curl_library& library, request_ptr request) : curl(library), what(std::move(request)) {}
  transfer(const transfer&) = delete;
  transfer& operator=(const transfer&) = delete;
  ~transfer() {
    if (easy != nullptr) {
      curl.easy_cleanup(easy);
    }
    curl.slist_free_all(pinned);
  }

  static std::size_t discard(char*, std::size_t size, std::size_t count, void* self) {
    auto& received = static_cast<transfer*>(self)->received;
    received += size * count;
    return received > max_body ? 0 : size * count; // 0 ends the transfer
  }

  bool prepare() {
    easy = curl.easy_init();
    if (easy == nullptr) {
      return false;
    }
    // Whoever asked has a timer; this is for one that forgot.
    auto limit = std::chrono::ceil<std::chrono::milliseconds>(what->request.timeout) + std::chrono::seconds(1);
    bool ok = set(CURLOPT_URL, what->request.url.c_str());
    ok = ok && set(CURLOPT_FOLLOWLOCATION, 0L);
    ok = ok && set(CURLOPT_TIMEOUT_MS, static_cast<long>(limit.count()));
    ok = ok && set(CURLOPT_NOSIGNAL, 1L);
    ok = ok && set(CURLOPT_PROXY, ""); // the node's http_proxy is not meant for its own daemons
    ok = ok && set(CURLOPT_FRESH_CONNECT, 1L);
    ok = ok && set(CURLOPT_FORBID_REUSE, 1L);
    ok = ok && set(CURLOPT_BUFFERSIZE, static_cast<long>(max_body));
    ok = ok && set(CURLOPT_USERAGENT, "duende/" DUENDE_VERSION);
    ok = ok && set(CURLOPT_WRITEFUNCTION, &discard);
    ok = ok && set(CURLOPT_WRITEDATA, this);
    ok = ok && set(CURLOPT_PRIVATE, this);
    ok = ok && set(CURLOPT_ERRORBUFFER, error.data());
    if (!what->request.pinned.empty()) {
      pinned = curl.slist_append(nullptr, what->request.pinned.c_str());
      ok = ok && pinned != nullptr && set(CURLOPT_RESOLVE, pinned);
    }
    return ok;
  }

  template <class T>
  bool set(CURLoption option, T value) {
    return curl.easy_setopt(easy, option, value) == CURLE_OK;
  }

  http_reply reply(CURLcode code) {
    http_reply result;
    bool cut_off_by_us = code == CURLE_WRITE_ERROR && received > max_body;
    if (code == CURLE_OK || cut_off_by_us) {
      curl.easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &result.status);
    } else {
      result.error = error[0] != '\0' ? error.data() : curl.easy_strerror(code);
    }
    return result;
  }
};

class client {
public:
  void submit(request_ptr request) {
    std::unique_lock lock(mutex_);
    incoming_.push_back(request);
    if (running_) {
      wake();
      return;
    }
    running_ = true;
    lock.unlock();
    if (!run_in_background("http", [this] { run(); })) {
      lock.lock();
      ended(lock, {0, "no thread to be had", false});
    }
  }

  void cancel(const request_ptr& request) {
    request->answer->cancel();
    std::unique_lock lock(mutex_);
    has_cancelled_ = true;
    wake();
  }

private:
  /// Needs the lock: the handle lives while it is set.
  void wake() {
    if (multi_ != nullptr) {
      curl_->multi_wakeup(multi_);
    }
  }

  void run() {
    std::unique_lock lock(mutex_);
    if (!curl_) {
      lock.unlock();
      auto loaded = load_curl(library_path);
      if (loaded) {
        // TLS libraries tear themselves down at exit: the thread must be gone by then.
        std::atexit([] { instance().shut_down(); });
      }
      lock.lock();
      if (!loaded) {
        ended(lock, {0, sentence(loaded.error()), true});
        return;
      }
      curl_ = *loaded;
    }
    auto* multi = curl_->multi_init();
    multi_ = multi;
    if (multi == nullptr) {
      ended(lock, {0, "libcurl gives no handle", false});
      return;
    }
    while (serve(lock, multi)) {
    }
    multi_ = nullptr;
    lock.unlock();
    drop_transfers(multi);
    curl_->multi_cleanup(multi);
    lock.lock();
    if (!incoming_.empty() && !exiting_) { // they came meanwhile and woke nobody
      lock.unlock();
      run();
      return;
    }
    ended(lock, {0, "the program ends", false});
  }

  /// One turn. False: nothing to do for long enough, or the program ends.
  bool serve(std::unique_lock<std::mutex>& lock, CURLM* multi) {
    auto fresh = std::exchange(incoming_, {});
    bool some_cancelled = std::exchange(has_cancelled_, false);
    if (exiting_) {
      return false;
    }
    lock.unlock();
    for (auto& request : fresh) {
      begin(multi, std::move(request));
    }
    if (some_cancelled) {
      drop_unwanted(multi);
    }
    int running = 0;
    curl_->multi_perform(multi, &running);
    finish_done(multi);
    int events = 0;
    auto before = monotonic_now();
    curl_->multi_poll(multi, nullptr, 0, transfers_.empty() ? linger_ms : longest_poll_ms, &events);
    bool lingered = monotonic_now() - before >= std::chrono::milliseconds(linger_ms - 1);
    lock.lock();
    return !transfers_.empty() || !incoming_.empty() || !lingered;
  }

  void begin(CURLM* multi, request_ptr request) {
    if (!request->answer->wanted()) {
      return;
    }
    auto& entry = transfers_.emplace_back(*curl_, std::move(request));
    if (!entry.prepare() || curl_->multi_add_handle(multi, entry.easy) != CURLM_OK) {
      entry.what->answer->deliver({0, "libcurl does not take the request", false});
      transfers_.pop_back();
    }
  }

  void finish_done(CURLM* multi) {
    int left = 0;
    while (auto* message = curl_->multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) {
        continue;
      }
      auto* easy = message->easy_handle;
      auto code = message->data.result; // the message goes with the handle
      for (auto it = transfers_.begin(); it != transfers_.end(); ++it) {
        if (it->easy == easy) {
          it->what->answer->deliver(it->reply(code));
          drop(multi, it);
          break;
        }
      }
    }
  }

  void drop_unwanted(CURLM* multi) {
    for (auto it = transfers_.begin(); it != transfers_.end();) {
      it = it->what->answer->wanted() ? std::next(it) : drop(multi, it);
    }
  }

  void drop_transfers(CURLM* multi) {
    for (auto it = transfers_.begin(); it != transfers_.end();) {
      it = drop(multi, it);
    }
  }

  std::list<transfer>::iterator drop(CURLM* multi, std::list<transfer>::iterator it) {
    curl_->multi_remove_handle(multi, it->easy);
    return transfers_.erase(it);
  }

  /// The thread is over, or never was.
  void ended(std::unique_lock<std::mutex>& lock, const http_reply& verdict) {
    running_ = false;
    auto refused = std::exchange(incoming_, {});
    stopped_.notify_all();
    lock.unlock();
    for (auto& request : refused) {
      request->answer->deliver(verdict);
    }
  }

  void shut_down() {
    std::unique_lock lock(mutex_);
    exiting_ = true;
    wake();
    stopped_.wait_for(lock, std::chrono::seconds(2), [this] { return !running_; });
  }

public:
  /// Never destroyed: probes may be dropped late.
  static client& instance() {
    static auto* all = new client;
    return *all;
  }

private:
  std::mutex mutex_;
  std::condition_variable stopped_;
  std::vector<request_ptr> incoming_;
  bool has_cancelled_ = false;
  bool running_ = false;
  bool exiting_ = false;
  CURLM* multi_ = nullptr;
  std::optional<curl_library> curl_;
  std::list<transfer> transfers_; ///< the thread's own
};

class call_handle : public http_call {
public:
  explicit call_handle(request_ptr request) : request_(std::move(request)) {}
  ~call_handle() override {
    if (request_->answer->wanted()) {
      client::instance().cancel(request_);
    }
  }

private:
  request_ptr request_;
};

} // namespace

std::unique_ptr<http_call> http_get(http_request request, std::shared_ptr<one_shot<http_reply>> answer) {
  auto state = std::make_shared<request_state>(request_state{std::move(request), std::move(answer)});
  client::instance().submit(state);
  return std::make_unique<call_handle>(state);
}

} // namespace duende
