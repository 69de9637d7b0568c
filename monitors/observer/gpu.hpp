// GPU figures by NVIDIA's NVML, which is loaded when it is first asked for. A machine without it has none, and that is no error.
#pragma once

#include "core/shared_library.hpp"

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace duende {

struct gpu_figures {
  std::uint32_t index = 0;
  std::optional<std::uint32_t> busy_percent; ///< of the last sample period of the driver
  std::optional<std::uint64_t> memory_used_bytes, memory_total_bytes;
  std::optional<std::uint64_t>
    process_memory_bytes; ///< of the process that was asked about; none: it does not use this GPU
};

/// Not thread-safe.
class gpu_library {
public:
  /// `name` as dlopen(3) takes it. Initialises the driver, which may take a second where there is one.
  explicit gpu_library(const char* name = "libnvidia-ml.so.1");
  ~gpu_library();
  gpu_library(const gpu_library&) = delete;
  gpu_library& operator=(const gpu_library&) = delete;

  bool available() const { return ready_; }
  /// One entry for each GPU; empty where there is none.
  std::vector<gpu_figures> read(pid_t pid);

private:
  // As nvml.h has them; https://docs.nvidia.com/deploy/nvml-api/
  struct utilization {
    unsigned gpu, memory;
  };
  struct memory {
    unsigned long long total, free, used;
  };
  struct process {
    unsigned pid;
    unsigned long long used;
    unsigned gpu_instance, compute_instance;
  };
  using device = void*;

  shared_library library_;
  int (*init_)() = nullptr;
  int (*shutdown_)() = nullptr;
  int (*count_)(unsigned*) = nullptr;
  int (*handle_)(unsigned, device*) = nullptr;
  int (*utilization_)(device, utilization*) = nullptr;
  int (*memory_)(device, memory*) = nullptr;
  int (*processes_)(device, unsigned*, process*) = nullptr;
  bool ready_ = false;
};

} // namespace duende
