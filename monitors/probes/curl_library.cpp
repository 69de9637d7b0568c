#include "monitors/probes/curl_library.hpp"

#include "core/errc.hpp"
#include "core/shared_library.hpp"

namespace duende {

namespace {

constexpr const char* advice = "install libcurl 7.68 or later (Debian: apt-get install libcurl4)";

} // namespace

caf::expected<curl_library> load_curl(const char* path) {
  shared_library library{path};
  curl_library curl;
  library.find(curl.global_init, "curl_global_init");
  library.find(curl.easy_init, "curl_easy_init");
  library.find(curl.easy_cleanup, "curl_easy_cleanup");
  library.find(curl.easy_setopt, "curl_easy_setopt");
  library.find(curl.easy_getinfo, "curl_easy_getinfo");
  library.find(curl.easy_strerror, "curl_easy_strerror");
  library.find(curl.multi_init, "curl_multi_init");
  library.find(curl.multi_cleanup, "curl_multi_cleanup");
  library.find(curl.multi_add_handle, "curl_multi_add_handle");
  library.find(curl.multi_remove_handle, "curl_multi_remove_handle");
  library.find(curl.multi_perform, "curl_multi_perform");
  library.find(curl.multi_info_read, "curl_multi_info_read");
  library.find(curl.multi_poll, "curl_multi_poll");
  library.find(curl.multi_wakeup, "curl_multi_wakeup");
  library.find(curl.slist_append, "curl_slist_append");
  library.find(curl.slist_free_all, "curl_slist_free_all");
  if (!library.problem().empty())
    return fail(errc::unsupported, "HTTP checks need libcurl: {}; {}", library.problem(), advice);
  if (curl.global_init(CURL_GLOBAL_ALL) != CURLE_OK)
    return fail(errc::unsupported, "HTTP checks need libcurl: '{}' does not initialise", path);
  return curl;
}

} // namespace duende
