// Requests made of the API's own description, thousands of them: whatever is asked, the node answers and lives.
#include "tests/support/catch.hpp"
#include "tests/system/node.hpp"

#include <algorithm>
#include <random>

using namespace duende::test;

namespace {

/// Makes requests from the description: mostly what it allows, with something odd now and then.
class maker {
public:
  maker(json description, unsigned seed) : random_(seed), description_(std::move(description)) {
    for (const auto& [path, operations] : description_["paths"].items())
      for (const auto& [method, operation] : operations.items())
        if (!path.starts_with("/v1/node/")) // these end the node as they should
          all_.push_back({path, method, operation});
  }

  struct made {
    std::string method, target, head, body;
    const json* operation;
    bool odd = false; ///< not as described
  };

  made next() {
    const auto& [path, method, operation] = all_[below(all_.size())];
    made result{method, {}, {}, {}, &operation, one_in(20)};
    std::transform(
      method.begin(), method.end(), result.method.begin(), [](unsigned char c) { return std::toupper(c); });
    if (result.odd)
      result.method = pick({"PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW", "get", "X"});
    if (result.method != "GET" && path.starts_with("/v1/node/"))
      result.method = "GET";
    for (std::size_t at = 0; at < path.size(); ++at) {
      if (path[at] != '{') {
        result.target += path[at];
        continue;
      }
      result.target += one_in(3) ? odd_text() : pick({"web", "web", "batch", "nosuch"});
      at = path.find('}', at);
    }
    if (one_in(30))
      result.target += pick({"/", "//", "/..", "/%2e%2e", "%", "%zz", "?", "#x", "%00"});
    char separator = '?';
    for (const auto& parameter : operation.value("parameters", json::array())) {
      if (parameter["in"] == "header" && one_in(2))
        result.head += parameter["name"].get<std::string>() + ": " + value_of(parameter["schema"]) + "\r\n";
      if (parameter["in"] != "query" || !one_in(2))
        continue;
      auto name = parameter["name"].get<std::string>();
      auto value = name == "timeout" ? pick({"50ms", "1s", "0s", "-1s", "x"}) : value_of(parameter["schema"]);
      result.target += separator + (one_in(20) ? odd_text() : name) + "=" + value;
      separator = '&';
    }
    if (result.target.find("timeout=") == std::string::npos && result.method != "GET")
      result.target += separator + std::string{"timeout=2s"};
    if (operation.contains("requestBody") || one_in(10))
      result.body = body();
    for (auto headers = below(3); headers > 0; --headers)
      result.head +=
        pick(
          {"Accept: application/json", "Accept: application/x-ndjson", "Accept: */*", "Content-Type: application/toml",
           "Content-Type: application/json", "Content-Type: \xff", "Range: bytes=0-1", "If-None-Match: *",
           "Authorization: Bearer x", "Cookie: a=b", "X: " + std::string(below(3000), 'x'), "Origin: null",
           "Expect: 100-continue", "TE: trailers", "Upgrade: h2c", "Content-Encoding: gzip"})
        + "\r\n";
    return result;
  }

private:
  std::size_t below(std::size_t count) { return std::uniform_int_distribution<std::size_t>{0, count - 1}(random_); }
  bool one_in(std::size_t count) { return below(count) == 0; }
  std::string pick(std::vector<std::string> from) { return from[below(from.size())]; }
  std::string odd_text() {
    return pick(
      {"%20", "%F0%9F%92%A9", "..", "a%2Fb", "%00", std::string(300, 'n'), "-1", "null", "%27%3B--", "%FF", "1e9", "*",
       "18446744073709551616", "web%0d%0aX:%20y", ""});
  }
  std::string value_of(const json& schema) {
    if (one_in(4))
      return odd_text();
    if (schema.contains("enum"))
      return schema["enum"][below(schema["enum"].size())].get<std::string>();
    if (schema["type"] == "integer")
      return pick({"0", "1", "5", "100", "99999999"});
    return pick({"5m", "2026-01-31T12:00:00Z", "web", "exit,running", "/tmp", "1s"});
  }
  std::string body() {
    return pick(
      {"{}",
       "[]",
       "null",
       "true",
       "\"\"",
       "{",
       std::string(2000, '['),
       "\xff\xfe",
       "[[daemon]]",
       "[node]\napi = 1",
       R"({"signal":"USR1"})",
       R"({"signal":9})",
       R"({"signal":[]})",
       R"({"signal":-1})",
       R"({"instances":2})",
       R"({"instances":-1})",
       R"({"instances":1e30})",
       R"({"instances":"2"})",
       R"({"name":"q)" + std::to_string(below(5)) + R"(","command":"sleep 100"})",
       R"({"name":"q","binary_path":"/nonexistent"})",
       R"({"name":1})",
       R"({"name":"","command":""})",
       R"({"daemon":[{}]})",
       R"({"daemon":[{"name":"web","command":"sleep 9"}]})",
       "[[daemon]]\nname = \"web\"\ncommand = \"sleep 1000\"\n",
       std::string(100'000, 'x'),
       std::string(1000, '\0')});
  }

  std::mt19937 random_;
  json description_;
  struct operation_at {
    std::string path, method;
    json operation;
  };
  std::vector<operation_at> all_;
};

/// The answer behind a "100 Continue".
response final_answer(response answer) {
  while (answer.status == 100) {
    auto end = std::min(answer.body.find("\r\n\r\n"), answer.body.size());
    answer.status = answer.body.size() > 12 ? std::atoi(answer.body.c_str() + 9) : 0;
    answer.head = answer.body.substr(0, end);
    answer.body.erase(0, end + 4);
  }
  return answer;
}

} // namespace

TEST_CASE("random requests of the description never make the node fail") {
  node n{
    "[[daemon]]\nname = \"web\"\ncommand = \"@WORKER@ @DIR@/web\"\n[[daemon]]\nname = \"batch\"\ncommand = \"sleep "
    "1000\"\n"};
  auto pid = n.pid_of("duended");
  auto description = n.get("/v1/openapi.json").parsed();
  REQUIRE(description.is_object());
  maker make{description, 20'261'123};
  std::map<int, int> seen;
  for (int i = 0; i < 5000; ++i) {
    auto request = make.next();
    auto text = request.method + " " + request.target + " HTTP/1.1\r\nHost: localhost\r\n" + request.head;
    if (!request.body.empty())
      text += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
    // A stream that follows ends with our patience.
    bool follows = request.target.find("follow") != std::string::npos;
    auto answer = final_answer(http_raw(n.socket(), text + "\r\n" + request.body, follows ? 0.1 : 20));
    INFO(
      i << ": " << request.method << " " << request.target << " -> " << answer.status << " "
        << answer.body.substr(0, 300));
    ++seen[answer.status];
    bool known = (answer.status >= 200 && answer.status < 500) || answer.status == 501 || answer.status == 504
                 || (answer.status == 503 && request.target.starts_with("/readyz"));
    REQUIRE(known);
    if (answer.status >= 400 && answer.status != 503 && request.method != "HEAD") {
      auto problem = json::parse(answer.body, nullptr, false);
      REQUIRE(problem.is_object());
      REQUIRE(problem.value("status", 0) == answer.status);
    } else if (answer.status < 300 && !request.odd) {
      REQUIRE((*request.operation)["responses"].contains(std::to_string(answer.status)));
    }
  }
  CHECK(seen[200] > 500);
  CHECK(n.pid_of("duended") == pid);
  CHECK(n.get("/v1/daemons").status == 200);
}
