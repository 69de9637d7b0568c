#include "actors/probe_launcher.hpp"

#include "actors/launch.hpp"
#include "core/errc.hpp"

namespace duende {

exec_launcher probe_launcher(
  const services_ptr& with, const daemon_spec_ptr& spec, std::vector<std::string> more, helper_output_ptr output) {
  return [with, spec, more = std::move(more), output = std::move(output)](
           const std::vector<std::string>& command, std::function<void(exit_reason)> done) -> exec_cancel {
    if (!with->side) {
      done(exit_reason::spawn("this node has no keeper"));
      return {};
    }
    auto request = make_hook_launch(*with, *spec, {}, command, more);
    if (!request) {
      done(exit_reason::spawn(sentence(request.error())));
      return {};
    }
    (*request)->output_of = {};
    (*request)->out = output ? stdio_mode::pipe : stdio_mode::null;
    (*request)->err = output && output->with_stderr ? stdio_mode::join_stdout : stdio_mode::null;
    return with->side->launch_helper(**request, std::move(done), output);
  };
}

} // namespace duende
