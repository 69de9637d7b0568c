#ifdef DUENDE_WITH_BPF

#include "monitors/tracer/bpf_library.hpp"

#include "core/errc.hpp"
#include "core/shared_library.hpp"

#include <string>

namespace duende {
namespace {

loaded_functions<bpf_library> find_bpf_functions() {
  loaded_functions<bpf_library> result;
  shared_library file{"libbpf.so.1"};
  auto& to = result.library;
  file.find(to.set_print, "libbpf_set_print");
  file.find(to.get_error, "libbpf_get_error");
  file.find(to.open_mem, "bpf_object__open_mem");
  file.find(to.load, "bpf_object__load");
  file.find(to.close, "bpf_object__close");
  file.find(to.find_program, "bpf_object__find_program_by_name");
  file.find(to.find_map_fd, "bpf_object__find_map_fd_by_name");
  file.find(to.attach_raw_tracepoint, "bpf_program__attach_raw_tracepoint");
  file.find(to.destroy_link, "bpf_link__destroy");
  file.find(to.lookup, "bpf_map_lookup_elem");
  file.find(to.lookup_batch, "bpf_map_lookup_batch");
  file.find(to.update, "bpf_map_update_elem");
  file.find(to.forget, "bpf_map_delete_elem");
  file.find(to.new_ring, "ring_buffer__new");
  file.find(to.consume_ring, "ring_buffer__consume");
  file.find(to.free_ring, "ring_buffer__free");
  result.problem = file.problem();
  if (result.problem.empty())
    to.set_print(nullptr); // what goes wrong is told by the errors
  return result;
}

} // namespace

caf::expected<const bpf_library*> load_bpf() {
  static const auto once = find_bpf_functions();
  if (!once.problem.empty())
    return fail(errc::unsupported, "BPF needs libbpf: {}; install it (Debian: apt-get install libbpf1)", once.problem);
  return &once.library;
}

} // namespace duende

#endif
