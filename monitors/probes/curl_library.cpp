#include "monitors/probes/curl_library.hpp"

#include "core/errc.hpp"

#include <dlfcn.h>

namespace duende {

namespace {

constexpr const char* advice = "install libcurl 7.68 or later (Debian: apt-get install libcurl4)";

} // namespace

caf::expected<curl_library> load_curl(const char* path) {
  void* library = ::dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = ::dlerror();
    return fail(errc::unsupported, "HTTP checks need libcurl: {}; {}", why != nullptr ? why : path, advice);
  }
  curl_library curl;
  const char* missing = nullptr;
  auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
    if (function == nullptr) {
      missing = name;
    }
  };
  find(curl.global_init, "curl_global_init");
  find(curl.easy_init, "curl_easy_init");
  find(curl.easy_cleanup, "curl_easy_cleanup");
  find(curl.easy_setopt, "curl_easy_setopt");
  find(curl.easy_getinfo, "curl_easy_getinfo");
  find(curl.easy_strerror, "curl_easy_strerror");
  find(curl.multi_init, "curl_multi_init");
  find(curl.multi_cleanup, "curl_multi_cleanup");
  find(curl.multi_add_handle, "curl_multi_add_handle");
  find(curl.multi_remove_handle, "curl_multi_remove_handle");
  find(curl.multi_perform, "curl_multi_perform");
  find(curl.multi_info_read, "curl_multi_info_read");
  find(curl.multi_poll, "curl_multi_poll");
  find(curl.multi_wakeup, "curl_multi_wakeup");
  find(curl.slist_append, "curl_slist_append");
  find(curl.slist_free_all, "curl_slist_free_all");
  if (missing != nullptr) {
    ::dlclose(library);
    return fail(errc::unsupported, "HTTP checks need libcurl: '{}' has no {}; {}", path, missing, advice);
  }
  if (curl.global_init(CURL_GLOBAL_ALL) != CURLE_OK) {
    return fail(errc::unsupported, "HTTP checks need libcurl: '{}' does not initialise", path);
  }
  return curl;
}

} // namespace duende
