#include "monitors/tracer/call_sites.hpp"

#include "core/errc.hpp"

#include <algorithm>

namespace duende {

call_sites::call_sites() {
  auto opened = stack_reader::open();
  if (opened)
    stacks_ = std::move(*opened);
  else
    problem_ = sentence(opened.error());
}

bool call_sites::keep(std::vector<traced_call>& among, duration took) {
  if (among.size() < most_slow)
    return true;
  return took > among.back().took;
}

void call_sites::add(const trace_sample& sample, const std::string& call, instant begun, wall_time begun_at) {
  const duration took{static_cast<std::int64_t>(sample.took)};
  auto& list = is_idle_call(call) ? idle_ : slow_;
  const bool slow = keep(list, took);
  auto& unwound = unwound_of_[call];
  std::vector<stack_frame> stack;
  bool has_stack = false;
  if (stacks_ && unwound_ < stacks_of_a_window && (slow || unwound < stacks_of_a_call)) {
    ++unwound_;
    ++unwound;
    has_stack = true;
    stack = stacks_->read(sample);
  }
  if (has_stack && !stack.empty() && sites_.size() < most_sites) {
    std::vector<std::uint64_t> key{sample.process};
    for (const auto& frame : stack)
      key.push_back(frame.address);
    auto& site = sites_[{call, std::move(key)}];
    if (site.samples++ == 0) {
      site.call = call;
      site.stack = stack;
    }
    site.time += took;
  }
  if (!slow)
    return;
  traced_call one;
  one.call = call;
  one.process = static_cast<std::int32_t>(sample.process);
  one.thread = static_cast<std::int32_t>(sample.thread);
  const instant at{duration{static_cast<std::int64_t>(sample.at)}};
  one.at = begun_at + std::chrono::duration_cast<std::chrono::milliseconds>(at - begun);
  one.took = took;
  one.result = sample.result;
  constexpr trace_register order[] = {TRACE_DI, TRACE_SI, TRACE_DX, TRACE_R10, TRACE_R8, TRACE_R9};
  for (std::size_t i = 0; i < std::size(order); ++i)
    one.arguments[i] = sample.registers[order[i]];
  one.stack = std::move(stack);
  const auto place =
    std::find_if(list.begin(), list.end(), [&](const traced_call& other) { return other.took < took; });
  list.insert(place, std::move(one));
  if (list.size() > most_slow)
    list.pop_back();
}

std::vector<traced_call> call_sites::slowest() const { return slow_.empty() ? idle_ : slow_; }

std::vector<call_site> call_sites::sites() const {
  std::vector<call_site> result;
  for (const auto& [key, site] : sites_)
    result.push_back(site);
  std::stable_sort(
    result.begin(), result.end(), [](const call_site& a, const call_site& b) { return a.samples > b.samples; });
  return result;
}

} // namespace duende
