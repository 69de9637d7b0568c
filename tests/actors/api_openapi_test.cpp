// The description and the routes that are really served, compared in both directions.
#include "tests/support/api_fixture.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <random>
#include <set>

using namespace duende;
using namespace duende::test;
using nlohmann::json;

namespace {

const std::vector<std::string> methods = {"GET", "POST", "DELETE", "PATCH", "PUT"};

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

/// The path with names that exist where `real`.
std::string filled(std::string path) {
  for (auto at = path.find('{'); at != std::string::npos; at = path.find('{'))
    path.replace(at, path.find('}') - at + 1, "db");
  return path;
}

std::set<std::string> allowed_by(const raw_response& answer) {
  std::set<std::string> result;
  auto at = answer.head.find("Allow: ");
  if (at == std::string::npos)
    return result;
  auto line = answer.head.substr(at + 7, answer.head.find("\r\n", at) - at - 7) + ", ";
  for (std::size_t comma; (comma = line.find(", ")) != std::string::npos; line.erase(0, comma + 2))
    result.insert(line.substr(0, comma));
  return result;
}

} // namespace

TEST_CASE("the description holds the routes that are served, and no other", "[api]") {
  api_fixture api;
  auto answer = api.get("/v1/openapi.json");
  REQUIRE(answer.status == 200);
  auto whole = json::parse(answer.body);
  CHECK(whole["openapi"] == "3.1.0");
  CHECK(whole["info"]["version"] == DUENDE_VERSION);
  CHECK(whole["security"] == json::parse(R"([{"token":[]}])"));
  const auto& paths = whole["paths"];
  for (const char* path : {"/", "/page/{version}/{file}", "/healthz", "/v1/openapi.json", "/v1/daemons/{name}/scale"})
    CHECK(paths.contains(path));
  for (const auto& [path, operations] : paths.items()) {
    INFO(path);
    std::set<std::string> described;
    for (const auto& [method, operation] : operations.items()) {
      described.insert(upper(method));
      if (method == "get")
        described.insert("HEAD");
    }
    // A method that nobody has is answered with those that there are.
    auto refused = ask(api.socket, "BREW", filled(path));
    CHECK(refused.status == 405);
    CHECK(allowed_by(refused) == described);
    for (const auto& method : methods) {
      if (described.contains(method) || path == "/v1/node/stop")
        continue;
      CHECK(ask(api.socket, method, filled(path)).status == 405);
    }
  }
  // What is not described is not served: neighbours of what is.
  std::mt19937 random{7};
  std::set<std::string> words = {"v1", "x"};
  for (const auto& [path, operations] : paths.items())
    for (std::size_t from = 1, slash; from < path.size(); from = slash + 1) {
      slash = std::min(path.find('/', from), path.size());
      words.insert(path.substr(from, slash - from));
    }
  std::vector<std::string> parts{words.begin(), words.end()};
  auto matches = [&](const std::string& path) {
    return std::any_of(paths.items().begin(), paths.items().end(), [&](const auto& entry) {
      const std::string& known = entry.key();
      std::size_t a = 0, b = 0;
      while (a < known.size() && b < path.size()) {
        if (known[a] == '{') {
          a = known.find('}', a) + 1;
          b = std::min(path.find('/', b), path.size());
        } else if (known[a++] != path[b++]) {
          return false;
        }
      }
      return a == known.size() && b == path.size();
    });
  };
  for (int i = 0; i < 1000; ++i) {
    std::string path;
    for (auto depth = 1 + random() % 4; depth > 0; --depth)
      path += "/" + filled(parts[random() % parts.size()]);
    INFO(path);
    CHECK((ask(api.socket, "BREW", path).status == 405) == matches(path));
  }
}

TEST_CASE("what is described about an operation holds", "[api]") {
  api_fixture api;
  auto whole = json::parse(api.get("/v1/openapi.json").body);
  for (const auto& [path, operations] : whole["paths"].items())
    for (const auto& [method, operation] : operations.items()) {
      INFO(method << " " << path);
      CHECK_FALSE(operation["summary"].get<std::string>().empty());
      const auto& answers = operation["responses"];
      CHECK(answers.contains("default"));
      std::set<std::string> in_path;
      for (const auto& parameter : operation.value("parameters", json::array())) {
        auto name = parameter["name"].get<std::string>();
        if (parameter["in"] == "path")
          in_path.insert(name);
        if (parameter["in"] != "query")
          continue;
        CHECK_FALSE(parameter["description"].get<std::string>().empty());
        const auto& schema = parameter["schema"];
        if (
          answers.contains("501")
          || (!schema.contains("enum") && !schema.contains("pattern") && schema["type"] != "integer"))
          continue;
        auto wrong = ask(api.socket, upper(method), filled(path) + "?" + name + "=nonsense", "{}");
        INFO(name);
        CHECK(wrong.status == 400); // it is read, and judged as described
      }
      for (std::size_t at = 0; (at = path.find('{', at)) != std::string::npos; ++at)
        CHECK(in_path.erase(path.substr(at + 1, path.find('}', at) - at - 1)) == 1);
      CHECK(in_path.empty());
      if (method != "get" || path == "/page/{version}/{file}" || path.ends_with("{id}")) // there is none
        continue;
      auto answer = api.get(filled(path));
      REQUIRE(answers.contains(std::to_string(answer.status)));
      auto type = answer.head.substr(answer.head.find("Content-Type: ") + 14);
      type = type.substr(0, type.find_first_of(";\r"));
      if (answer.status == 200)
        CHECK(answers["200"]["content"].contains(type));
      if (answer.status != 200 || type != "application/json")
        continue;
      auto body = json::parse(answer.body);
      const auto& content = answers["200"]["content"][type];
      if (!content.contains("schema"))
        continue;
      auto schema_name = content["schema"]["$ref"].get<std::string>();
      auto schema = whole["components"]["schemas"][schema_name.substr(schema_name.rfind('/') + 1)];
      if (schema["type"] == "array") {
        REQUIRE(body.is_array());
        REQUIRE_FALSE(body.empty());
        body = json(body[0]);
        schema_name = schema["items"]["$ref"].get<std::string>();
        schema = json(whole["components"]["schemas"][schema_name.substr(schema_name.rfind('/') + 1)]);
      }
      for (const auto& member : schema.value("required", json::array()))
        CHECK(body.contains(member.get<std::string>()));
      for (const auto& [member, of] : schema["properties"].items()) {
        INFO(member);
        REQUIRE(body.contains(member));
        if (of.contains("enum"))
          CHECK(std::find(of["enum"].begin(), of["enum"].end(), body[member]) != of["enum"].end());
      }
    }
}
