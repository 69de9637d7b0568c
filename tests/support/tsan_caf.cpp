// Tells ThreadSanitizer what it can't see: how the atomics of libcaf_core.so, which is not instrumented, order things.
// With that known, the state of our actors is watched like any other memory, and there are no false reports.
//
// The functions below stand in front of CAF's own of the same symbol: an executable's definition wins over a library's.
// CAF 0.17; where a later version names them otherwise, false reports say so at once.
#include <cstddef>
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

namespace {

/// CAF's own function behind ours.
template <class Function>
Function* next(Function*, const char* symbol) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, symbol));
}

} // namespace

#define BEHIND(function, symbol) static const auto behind = next(&function, symbol)

#define SCHEDULED_ENQUEUE                                                                                              \
  "_ZN3caf15scheduled_actor7enqueueESt10unique_ptrINS_15mailbox_elementENS_6detail8disposerEEPNS_14execution_unitE"
#define BLOCKING_ENQUEUE                                                                                               \
  "_ZN3caf14blocking_actor7enqueueESt10unique_ptrINS_15mailbox_elementENS_6detail8disposerEEPNS_14execution_unitE"
#define SCHEDULED_VISIT "_ZN3caf15scheduled_actor15mailbox_visitorclERNS_15mailbox_elementE"
#define BLOCKING_VISIT "_ZN3caf14blocking_actor15mailbox_visitorclERNS_15mailbox_elementE"
#define ACTIVATE "_ZN3caf15scheduled_actor8activateEPNS_14execution_unitE"
#define LAUNCH "_ZN3caf15scheduled_actor6launchEPNS_14execution_unitEbb"
#define RESUME "_ZN3caf15scheduled_actor6resumeEPNS_14execution_unitEm"
// The same through the vtable of its second base class, `resumable`, which lies 160 bytes into it.
#define RESUME_THUNK "_ZThn160_N3caf15scheduled_actor6resumeEPNS_14execution_unitEm"
#define CLOCK_PUSH "_ZN3caf6detail23thread_safe_actor_clock4pushEPNS0_18simple_actor_clock5eventE"
#define CLOCK_TAKE                                                                                                     \
  "_ZN3caf6detail10ringbufferISt10unique_ptrINS0_18simple_actor_clock5eventESt14default_deleteIS4_EELm64EE7get_allI"   \
  "PS7_EET_SB_"
#define DEREF "_ZNK3caf11ref_counted5derefEv"
#define RELEASE "_ZN3caf21intrusive_ptr_releaseEPNS_19actor_control_blockE"
#define RELEASE_WEAK "_ZN3caf26intrusive_ptr_release_weakEPNS_19actor_control_blockE"

extern "C" {

// A message: sent before it is handled. A unique_ptr that is an argument comes as its address.
void scheduled_enqueue(void* actor, void** element, void* unit) __asm__(SCHEDULED_ENQUEUE);
void scheduled_enqueue(void* actor, void** element, void* unit) {
  BEHIND(scheduled_enqueue, SCHEDULED_ENQUEUE);
  __tsan_release(*element);
  behind(actor, element, unit);
}

void blocking_enqueue(void* actor, void** element, void* unit) __asm__(BLOCKING_ENQUEUE);
void blocking_enqueue(void* actor, void** element, void* unit) {
  BEHIND(blocking_enqueue, BLOCKING_ENQUEUE);
  __tsan_release(*element);
  behind(actor, element, unit);
}

int scheduled_visit(void* visitor, void* element) __asm__(SCHEDULED_VISIT);
int scheduled_visit(void* visitor, void* element) {
  BEHIND(scheduled_visit, SCHEDULED_VISIT);
  __tsan_acquire(element);
  const int result = behind(visitor, element);
  __tsan_release(*static_cast<void**>(visitor)); // the actor: another thread may run it before `resume` returns
  return result;
}

int blocking_visit(void* visitor, void* element) __asm__(BLOCKING_VISIT);
int blocking_visit(void* visitor, void* element) {
  BEHIND(blocking_visit, BLOCKING_VISIT);
  __tsan_acquire(element);
  return behind(visitor, element);
}

// What the clock's thread is told, in one order: the ring of its tasks is written under a lock, but read without.
char clock_order;

void clock_push(void* clock, void* event) __asm__(CLOCK_PUSH);
void clock_push(void* clock, void* event) {
  BEHIND(clock_push, CLOCK_PUSH);
  __tsan_release(&clock_order);
  behind(clock, event);
}

void* clock_take(void* ring, void* into) __asm__(CLOCK_TAKE);
void* clock_take(void* ring, void* into) {
  BEHIND(clock_take, CLOCK_TAKE);
  void* const end = behind(ring, into);
  __tsan_acquire(&clock_order);
  return end;
}

// An actor: made before its first turn, each turn before the next.
void launch(void* actor, void* unit, bool lazy, bool hide) __asm__(LAUNCH);
void launch(void* actor, void* unit, bool lazy, bool hide) {
  BEHIND(launch, LAUNCH);
  __tsan_release(actor);
  behind(actor, unit, lazy, hide);
}

bool activate(void* actor, void* unit) __asm__(ACTIVATE);
bool activate(void* actor, void* unit) {
  BEHIND(activate, ACTIVATE);
  const bool result = behind(actor, unit);
  __tsan_release(actor);
  return result;
}

int resume(char* actor, void* unit, std::size_t throughput) __asm__(RESUME);
int resume(char* actor, void* unit, std::size_t throughput) {
  BEHIND(resume, RESUME);
  __tsan_acquire(actor);
  const int result = behind(actor, unit, throughput);
  __tsan_release(actor);
  return result;
}

int resume_thunk(char* base, void* unit, std::size_t throughput) __asm__(RESUME_THUNK);
int resume_thunk(char* base, void* unit, std::size_t throughput) { return resume(base - 160, unit, throughput); }

// A reference: all of them before the last, which deletes.
void deref(void* object) __asm__(DEREF);
void deref(void* object) {
  BEHIND(deref, DEREF);
  __tsan_release(object);
  __tsan_acquire(object);
  behind(object);
}

void release(void* control_block) __asm__(RELEASE);
void release(void* control_block) {
  BEHIND(release, RELEASE);
  __tsan_release(control_block);
  __tsan_acquire(control_block);
  behind(control_block);
}

// All strong ones hold a weak one; the last of these frees the memory.
void release_weak(void* control_block) __asm__(RELEASE_WEAK);
void release_weak(void* control_block) {
  BEHIND(release_weak, RELEASE_WEAK);
  __tsan_release(control_block);
  __tsan_acquire(control_block);
  behind(control_block);
}
}
