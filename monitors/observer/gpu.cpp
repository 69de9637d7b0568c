#include "monitors/observer/gpu.hpp"

#include <array>

namespace duende {

gpu_library::gpu_library(const char* name) : library_(name) {
  library_.find(init_, "nvmlInit_v2");
  library_.find(shutdown_, "nvmlShutdown");
  library_.find(count_, "nvmlDeviceGetCount_v2");
  library_.find(handle_, "nvmlDeviceGetHandleByIndex_v2");
  library_.find(utilization_, "nvmlDeviceGetUtilizationRates");
  library_.find(memory_, "nvmlDeviceGetMemoryInfo");
  const bool complete = library_.problem().empty();
  library_.find(processes_, "nvmlDeviceGetComputeRunningProcesses_v3"); // younger drivers alone
  ready_ = complete && init_() == 0;
}

gpu_library::~gpu_library() {
  if (ready_)
    shutdown_();
}

std::vector<gpu_figures> gpu_library::read(pid_t pid) {
  std::vector<gpu_figures> result;
  unsigned count = 0;
  if (!ready_ || count_(&count) != 0)
    return result;
  for (unsigned i = 0; i < count; ++i) {
    device gpu = nullptr;
    if (handle_(i, &gpu) != 0)
      continue;
    auto& figures = result.emplace_back();
    figures.index = i;
    if (utilization busy{}; utilization_(gpu, &busy) == 0)
      figures.busy_percent = busy.gpu;
    if (memory held{}; memory_(gpu, &held) == 0) {
      figures.memory_used_bytes = held.used;
      figures.memory_total_bytes = held.total;
    }
    std::array<process, 256> users{};
    auto known = static_cast<unsigned>(users.size());
    if (processes_ == nullptr || processes_(gpu, &known, users.data()) != 0)
      continue;
    for (unsigned j = 0; j < known && j < users.size(); ++j)
      if (users[j].pid == static_cast<unsigned>(pid) && users[j].used != ~0ULL) // all ones: the driver does not tell
        figures.process_memory_bytes = users[j].used;
  }
  return result;
}

} // namespace duende
