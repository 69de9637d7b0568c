#include "monitors/probes/check.hpp"

#include "monitors/probes/attempt.hpp"
#include "monitors/probes/background.hpp"

#include <exception>

namespace duende {

/// What a health_question was answered.
struct call_answer {
  health_state state = health_state::unknown;
  std::string error;
};

class call_attempt : public attempt {
public:
  call_attempt(reactor& on, health_question_ptr question, duration timeout, probe_callback done)
    : attempt(on, timeout, std::move(done)), question_(std::move(question)) {}
  ~call_attempt() override { release(); }

protected:
  void begin() override {
    if (!question_ || !question_->ask_) {
      fail_with("there is nobody to ask", true);
    } else if (question_->busy_.exchange(true)) {
      fail_with("the check before this one has not returned yet");
    } else {
      answer_ = relay<call_answer>(this, &call_attempt::answered);
      if (!run_in_background("health", [question = question_, answer = answer_] { ask(*question, *answer); })) {
        question_->busy_ = false;
        fail_with("no thread to be had");
      }
    }
  }

  void release() final {
    if (answer_) {
      answer_->cancel();
      answer_.reset();
    }
  }

  std::string what() const override { return "health_check()"; }

private:
  static void ask(health_question& question, one_shot<call_answer>& to) {
    call_answer answer;
    try {
      answer.state = question.ask_();
    } catch (const std::exception& error) {
      answer.error = std::string{"threw an exception: "} + error.what();
    } catch (...) {
      answer.error = "threw an exception of unknown type";
    }
    question.busy_ = false;
    to.deliver(std::move(answer));
  }

  void answered(call_answer answer) {
    if (!answer.error.empty())
      fail_with(answer.error);
    else if (answer.state == health_state::unhealthy)
      fail_with("it says that it is unhealthy");
    else
      succeed(std::string{to_string(answer.state)});
  }

  health_question_ptr question_;
  std::shared_ptr<one_shot<call_answer>> answer_;
};

probe_ptr start_call_probe(reactor& on, health_question_ptr question, duration timeout, probe_callback done) {
  return attempt::start(std::make_shared<call_attempt>(on, std::move(question), timeout, std::move(done)));
}

probe_ptr start_check(reactor& on, const health_spec& spec, const check_means& means, probe_callback done) {
  switch (spec.type) {
    case health_type::tcp: return start_tcp_probe(on, spec.address, spec.timeout, std::move(done));
    case health_type::http: return start_http_probe(on, {spec.url, spec.expect}, spec.timeout, std::move(done));
    case health_type::exec: return start_exec_probe(on, spec.command, spec.timeout, means.launch, std::move(done));
    case health_type::grpc: return start_grpc_probe(on, spec.address, spec.service, spec.timeout, std::move(done));
    case health_type::custom: return start_call_probe(on, means.question, spec.timeout, std::move(done));
    case health_type::notify: break;
  }
  return nullptr;
}

} // namespace duende
