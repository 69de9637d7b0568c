// libbpf, loaded when first needed: a node that never traces does not pay for it.
#pragma once

#include <caf/expected.hpp>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

namespace duende {

/// The functions used, with the types of the headers.
struct bpf_library {
  decltype(&::libbpf_set_print) set_print = nullptr;
  decltype(&::libbpf_get_error) get_error = nullptr;
  decltype(&::bpf_object__open_mem) open_mem = nullptr;
  decltype(&::bpf_object__load) load = nullptr;
  decltype(&::bpf_object__close) close = nullptr;
  decltype(&::bpf_object__find_program_by_name) find_program = nullptr;
  decltype(&::bpf_object__find_map_fd_by_name) find_map_fd = nullptr;
  decltype(&::bpf_program__attach_raw_tracepoint) attach_raw_tracepoint = nullptr;
  decltype(&::bpf_link__destroy) destroy_link = nullptr;
  decltype(&::bpf_map_lookup_elem) lookup = nullptr;
  decltype(&::bpf_map_lookup_batch) lookup_batch = nullptr;
  decltype(&::bpf_map_update_elem) update = nullptr;
  decltype(&::bpf_map_delete_elem) forget = nullptr;
  decltype(&::ring_buffer__new) new_ring = nullptr;
  decltype(&::ring_buffer__consume) consume_ring = nullptr;
  decltype(&::ring_buffer__free) free_ring = nullptr;
};

/// Loads it at the first call; never unloaded. Thread-safe. Errors: unsupported, with how to get it.
caf::expected<const bpf_library*> load_bpf();

} // namespace duende
