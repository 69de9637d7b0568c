/* What the program in the kernel (calls.bpf.c) and its reader (call_probe.cpp) have in common. Times are of CLOCK_MONOTONIC, in ns. */
#ifndef DUENDE_TRACER_SHARED_H
#define DUENDE_TRACER_SHARED_H

#include <linux/types.h>

#define TRACE_FLAGS 65536 /* by the low 16 bits of a process id: most are let go without a look into a hash */
#define TRACE_SLOTS 40
#define TRACE_STACK 4096
#define TRACE_CALLS 1024 /* numbers below are known by what they take */

enum trace_register { /* of struct pt_regs on x86-64, in words */
                      TRACE_R15,
                      TRACE_R14,
                      TRACE_R13,
                      TRACE_R12,
                      TRACE_BP,
                      TRACE_BX,
                      TRACE_R11,
                      TRACE_R10,
                      TRACE_R9,
                      TRACE_R8,
                      TRACE_AX,
                      TRACE_CX,
                      TRACE_DX,
                      TRACE_SI,
                      TRACE_DI,
                      TRACE_ORIG_AX,
                      TRACE_IP,
                      TRACE_CS,
                      TRACE_FLAGS_REGISTER,
                      TRACE_SP,
                      TRACE_REGISTERS
};

struct trace_control {
  __u64 namespace_device,
    namespace_inode; /* of the reader's pid namespace; 0: the first one, whose numbers come for free */
  __u64 sample_gap;  /* between two stacks of one call in one thread */
  __u64 lost_samples, lost_calls;
  __s32 fork_calls[4]; /* a result above 0 is a process that is traced, too */
  __s32 last_calls[2]; /* they do not return */
};

struct trace_key {
  __u32 thread, call;
};

struct trace_calls {
  __u64 count, errors, zeros; /* results: below zero, zero */
  __u64 time, longest;
  __u64 same,
    same_time; /* the longest run of calls with the same arguments and the same result, nothing else between */
  __s64 same_result;
  __u64 sampled_at;
  __u32 slots[TRACE_SLOTS]; /* by the binary logarithm of ns */
};

struct trace_thread {
  __u64 since; /* 0: not in a call */
  __u32 process, call;
  __u64 partial;     /* the call began before it was listened to: its time counts, it does not */
  __s64 same_result; /* of the call before, as its number is */
  __u64 same_hash, same, same_since;
  __u64 same_call;
};

struct trace_error {
  __u32 call, number;
};

struct trace_sample {
  __u64 at, took;
  __s64 result;
  __u32 process, thread, call, stack_bytes;
  __u64 registers[TRACE_REGISTERS];
  __u8 stack[TRACE_STACK]; /* from the stack pointer up */
};

#endif
