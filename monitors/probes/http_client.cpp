#include "monitors/probes/http_client.hpp"

#include "core/errc.hpp"
#include "monitors/probes/background.hpp"
#include "monitors/probes/curl_library.hpp"
#include "monitors/probes/http_transfer.hpp"

#include <condition_variable>
#include <cstdlib>
#include <list>
#include <mutex>
#include <optional>
#include <vector>

namespace duende {

namespace {

/// The thread goes when it had nothing to do for this long.
constexpr int linger_ms = 10'000;
constexpr int longest_poll_ms = 3'600'000;
constexpr const char* library_path = "libcurl.so.4";

class client {
public:
  void submit(http_request_ptr request) {
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

  void cancel(const http_request_ptr& request) {
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

  void begin(CURLM* multi, http_request_ptr request) {
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

  std::list<http_transfer>::iterator drop(CURLM* multi, std::list<http_transfer>::iterator it) {
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
  std::vector<http_request_ptr> incoming_;
  bool has_cancelled_ = false;
  bool running_ = false;
  bool exiting_ = false;
  CURLM* multi_ = nullptr;
  std::optional<curl_library> curl_;
  std::list<http_transfer> transfers_; ///< the thread's own
};

class call_handle : public http_call {
public:
  explicit call_handle(http_request_ptr request) : request_(std::move(request)) {}
  ~call_handle() override {
    if (request_->answer->wanted()) {
      client::instance().cancel(request_);
    }
  }

private:
  http_request_ptr request_;
};

} // namespace

std::unique_ptr<http_call> http_get(http_request request, std::shared_ptr<one_shot<http_reply>> answer) {
  auto state = std::make_shared<http_request_state>(http_request_state{std::move(request), std::move(answer)});
  client::instance().submit(state);
  return std::make_unique<call_handle>(state);
}

} // namespace duende
