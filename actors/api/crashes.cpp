// /v1/daemons/{name}/crashes: the reports of abnormal ends, as they lie on disk.
#include "actors/api/crashes.hpp"

#include "actors/api/json.hpp"
#include "actors/api/routes.hpp"
#include "monitors/crashes/crash_store.hpp"

#include <nlohmann/json.hpp>

namespace duende::api {
namespace {

/// What a list shows of a report.
void write_summary(json_writer& out, const std::string& dir, const std::string& daemon, const std::string& id) {
  auto text = read_crash(dir, daemon, id);
  auto report = text ? nlohmann::json::parse(*text, nullptr, false) : nlohmann::json{};
  auto word = [&](const char* key) {
    auto found = report.is_object() ? report.find(key) : report.end();
    return report.is_object() && found != report.end() && found->is_string() ? std::optional{found->get<std::string>()}
                                                                             : std::nullopt;
  };
  auto number = [&](const char* key) {
    auto found = report.is_object() ? report.find(key) : report.end();
    return report.is_object() && found != report.end() && found->is_number_integer()
             ? std::optional{found->get<std::int64_t>()}
             : std::nullopt;
  };
  out.begin_object();
  out.member("id", id).member("path", crash_path(dir, daemon, id)).member("at", word("at"));
  out.member("incarnation", number("incarnation")).member("text", word("text")).member("gave_up", word("gave_up"));
  out.member("left_out", number("left_out"));
  out.end_object();
}

} // namespace

void write_last_crash(json_writer& out, control& node, const std::string& daemon) {
  auto dir = node.crash_dir();
  auto ids = dir.empty() ? std::vector<std::string>{} : list_crashes(dir, daemon);
  out.key("last_crash");
  if (ids.empty())
    out.null();
  else
    write_summary(out, dir, daemon, ids.back());
}

http_response list_crashes_of(const api_context& context, const http_request&, const std::string& name) {
  if (auto known = context.node.daemon(name); !known)
    return problem(known.error());
  auto dir = context.node.crash_dir();
  std::string body;
  json_writer out{body};
  out.begin_array();
  if (!dir.empty())
    for (auto& id : list_crashes(dir, name))
      write_summary(out, dir, name, id);
  out.end_array();
  return json_response(200, std::move(body));
}

http_response show_crash(const api_context& context, const http_request& request, const std::string& id) {
  const auto& name = request.segments[2];
  if (auto known = context.node.daemon(name); !known)
    return problem(known.error());
  auto dir = context.node.crash_dir();
  auto text = dir.empty() ? caf::expected<std::string>{fail(errc::not_found, "this node writes no crash reports")}
                          : read_crash(dir, name, id);
  if (!text)
    return problem(text.error());
  http_response response;
  response.body = std::move(*text);
  return response;
}

} // namespace duende::api
