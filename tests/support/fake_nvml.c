/* A stand-in for NVIDIA's library with two GPUs, the second of which tells little: what duende makes of the answers can be tested
 * without one. It decides nothing about real GPUs. */
#include <unistd.h>

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

static int gpus[2] = {0, 1};

int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = 2;
  return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  *device = &gpus[index];
  return 0;
}
int nvmlDeviceGetUtilizationRates(void* device, struct utilization* out) {
  out->gpu = 42;
  out->memory = 7;
  return *(int*)device == 0 ? 0 : 3; /* not supported */
}
int nvmlDeviceGetMemoryInfo(void* device, struct memory* out) {
  (void)device;
  out->total = 16ULL << 30;
  out->used = 3ULL << 30;
  out->free = out->total - out->used;
  return 0;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void* device, unsigned* count, struct process* out) {
  if (*(int*)device != 0)
    return 3;
  out[0] = (struct process){1, 5, 0, 0};
  out[1] = (struct process){(unsigned)getpid(), 1ULL << 30, 0, 0};
  *count = 2;
  return 0;
}
