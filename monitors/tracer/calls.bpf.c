/* Counts and times the system calls of some processes, in the kernel. Needs no BTF of the kernel: what it reads of it are the
   arguments of two raw tracepoints and struct pt_regs, which user space knows, too. See bpf(2), bpf-helpers(7). */
#include "shared.h"

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct trace_control);
} control SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, TRACE_FLAGS);
  __type(key, __u32);
  __type(value, __u8);
} flags SEC(".maps");

/* One more than the arguments that a call takes, 0 for unknown: the registers behind them hold anything. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, TRACE_CALLS);
  __type(key, __u32);
  __type(value, __u8);
} arity SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u32);
  __type(value, __u8);
} processes SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u32);
  __type(value, struct trace_thread);
} threads SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 32768);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct trace_key);
  __type(value, struct trace_calls);
} calls SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4096);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct trace_error);
  __type(value, __u64);
} errors SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 2 * 1024 * 1024);
} samples SEC(".maps");

#define MIX 0x9e3779b97f4a7c15ULL

static __always_inline __u64 current_ids(const struct trace_control* with) {
  struct bpf_pidns_info ids = {};
  if (with->namespace_inode == 0)
    return bpf_get_current_pid_tgid();
  if (bpf_get_ns_current_pid_tgid(with->namespace_device, with->namespace_inode, &ids, sizeof ids) != 0)
    return 0;
  return (__u64)ids.tgid << 32 | ids.pid;
}

static __always_inline int may_be_traced(__u32 process) {
  __u32 at = process & (TRACE_FLAGS - 1);
  __u8* flag = bpf_map_lookup_elem(&flags, &at);
  return flag && *flag;
}

static __always_inline __u32 slot_of(__u64 ns) {
  __u32 slot = 0;
  if (ns >> 32) {
    ns >>= 32;
    slot = 32;
  }
  if (ns >> 16) {
    ns >>= 16;
    slot += 16;
  }
  if (ns >> 8) {
    ns >>= 8;
    slot += 8;
  }
  if (ns >> 4) {
    ns >>= 4;
    slot += 4;
  }
  if (ns >> 2) {
    ns >>= 2;
    slot += 2;
  }
  slot += ns >> 1;
  return slot < TRACE_SLOTS ? slot : TRACE_SLOTS - 1;
}

SEC("raw_tp/sys_enter")
int on_enter(struct bpf_raw_tracepoint_args* context) {
  __u32 zero = 0;
  struct trace_control* with = bpf_map_lookup_elem(&control, &zero);
  if (!with)
    return 0;
  __u64 ids = current_ids(with);
  __u32 process = ids >> 32, thread = (__u32)ids;
  if (!may_be_traced(process))
    return 0;
  __u32 call = context->args[1];
  struct trace_thread* known = bpf_map_lookup_elem(&threads, &thread);
  if (!known || known->process != process) {
    if (!bpf_map_lookup_elem(&processes, &process))
      return 0;
    struct trace_thread fresh = {.since = bpf_ktime_get_ns(), .process = process, .call = call};
    if (bpf_map_update_elem(&threads, &thread, &fresh, BPF_ANY) != 0)
      __sync_fetch_and_add(&with->lost_calls, 1);
    return 0;
  }
  if ((__s32)call == with->last_calls[0] || (__s32)call == with->last_calls[1]) {
    bpf_map_delete_elem(&threads, &thread);
    return 0;
  }
  known->call = call;
  known->since = bpf_ktime_get_ns();
  return 0;
}

static __always_inline void take_sample(
  struct trace_control* with, const void* registers, const struct trace_thread* of, __u32 thread, __u64 now, __u64 took,
  __s64 result) {
  struct trace_sample* sample = bpf_ringbuf_reserve(&samples, sizeof *sample, 0);
  if (!sample) {
    __sync_fetch_and_add(&with->lost_samples, 1);
    return;
  }
  sample->at = now;
  sample->took = took;
  sample->result = result;
  sample->process = of->process;
  sample->thread = thread;
  sample->call = of->call;
  sample->stack_bytes = 0;
  if (bpf_probe_read_kernel(sample->registers, sizeof sample->registers, registers) == 0) {
    const void* from = (const void*)sample->registers[TRACE_SP];
    if (bpf_probe_read_user(sample->stack, TRACE_STACK, from) == 0)
      sample->stack_bytes = TRACE_STACK;
    else if (bpf_probe_read_user(sample->stack, TRACE_STACK / 4, from) == 0)
      sample->stack_bytes = TRACE_STACK / 4;
    else if (bpf_probe_read_user(sample->stack, TRACE_STACK / 16, from) == 0)
      sample->stack_bytes = TRACE_STACK / 16;
  }
  bpf_ringbuf_submit(sample, BPF_RB_NO_WAKEUP);
}

/* The call before had the same number and result. The arguments of a run's first call are not known: they are taken for the second's. */
static __always_inline void
count_same(struct trace_thread* me, struct trace_calls* sum, const char* registers, __u64 since, __u64 now) {
  __u64 some[TRACE_ORIG_AX - TRACE_R10] = {};
  bpf_probe_read_kernel(some, sizeof some, registers + TRACE_R10 * sizeof(__u64));
  __u32 call = me->same_call;
  __u8* known_arity = bpf_map_lookup_elem(&arity, &call);
  __u32 takes = known_arity && *known_arity ? *known_arity - 1 : 6;
  __u64 hash = 1;
  hash = hash * MIX + (takes > 0 ? some[TRACE_DI - TRACE_R10] : 0);
  hash = hash * MIX + (takes > 1 ? some[TRACE_SI - TRACE_R10] : 0);
  hash = hash * MIX + (takes > 2 ? some[TRACE_DX - TRACE_R10] : 0);
  hash = hash * MIX + (takes > 3 ? some[0] : 0);
  hash = hash * MIX + (takes > 4 ? some[TRACE_R8 - TRACE_R10] : 0);
  hash = hash * MIX + (takes > 5 ? some[TRACE_R9 - TRACE_R10] : 0);
  if (me->same_hash == 0 || hash == me->same_hash) {
    me->same_hash = hash;
    me->same += 1;
    if (me->same > sum->same) {
      sum->same = me->same;
      sum->same_time = now - me->same_since;
      sum->same_result = me->same_result;
    }
  } else {
    me->same_hash = hash;
    me->same = 1;
    me->same_since = since;
  }
}

SEC("raw_tp/sys_exit")
int on_exit(struct bpf_raw_tracepoint_args* context) {
  __u32 zero = 0;
  struct trace_control* with = bpf_map_lookup_elem(&control, &zero);
  if (!with)
    return 0;
  __u64 ids = current_ids(with);
  __u32 process = ids >> 32;
  struct trace_key key = {.thread = (__u32)ids};
  if (!may_be_traced(process))
    return 0;
  struct trace_thread* me = bpf_map_lookup_elem(&threads, &key.thread);
  if (!me || me->since == 0 || me->process != process)
    return 0;
  __u64 now = bpf_ktime_get_ns(), since = me->since, took = now - since;
  __s64 result = context->args[1];
  key.call = me->call;
  me->since = 0;

  struct trace_calls* sum = bpf_map_lookup_elem(&calls, &key);
  if (!sum) {
    struct trace_calls none = {};
    bpf_map_update_elem(&calls, &key, &none, BPF_NOEXIST);
    sum = bpf_map_lookup_elem(&calls, &key);
    if (!sum) {
      __sync_fetch_and_add(&with->lost_calls, 1);
      return 0;
    }
  }
  sum->time += took; /* one thread alone writes here */
  if (me->partial) {
    me->partial = 0;
    return 0;
  }
  sum->count += 1;
  sum->slots[slot_of(took)] += 1;
  if (result == 0) {
    sum->zeros += 1;
  } else if (result < 0 && result > -4096) {
    sum->errors += 1;
    struct trace_error error = {.call = key.call, .number = (__u32)-result};
    __u64* known = bpf_map_lookup_elem(&errors, &error);
    if (known) {
      __sync_fetch_and_add(known, 1);
    } else {
      __u64 one = 1;
      bpf_map_update_elem(&errors, &error, &one, BPF_ANY);
    }
  } else if (
    (__s32)key.call == with->fork_calls[0] || (__s32)key.call == with->fork_calls[1]
    || (__s32)key.call == with->fork_calls[2] || (__s32)key.call == with->fork_calls[3]) {
    __u32 child = (__u32)result, at = child & (TRACE_FLAGS - 1); /* a thread's number does no harm */
    __u8 one = 1;
    bpf_map_update_elem(&processes, &child, &one, BPF_ANY);
    bpf_map_update_elem(&flags, &at, &one, BPF_ANY);
  }

  const void* registers = (const void*)context->args[0];
  if (key.call != me->same_call || result != me->same_result) { /* most calls: their arguments need no look */
    me->same_call = key.call;
    me->same_result = result;
    me->same_hash = 0;
    me->same = 1;
    me->same_since = since;
  } else {
    count_same(me, sum, registers, since, now);
  }

  if (took > sum->longest || now - sum->sampled_at >= with->sample_gap) {
    if (took > sum->longest)
      sum->longest = took;
    sum->sampled_at = now;
    take_sample(with, registers, me, key.thread, now, took, result);
  }
  return 0;
}

const char terms[] SEC("license") = "GPL";
