// [node]: its listeners, and who may use them.
#include "core/config/special.hpp"

#include "core/config/checks.hpp"
#include "core/hex.hpp"

#include <algorithm>

namespace duende::config {
namespace {

constexpr std::string_view hash_prefix = "sha256:";
constexpr std::size_t hash_digits = 64;

nlohmann::json listener_or_off(const std::string& address) { return address.empty() ? "off" : address; }

} // namespace

void set_metrics(context& c, const rule& r, const value& v) {
  std::string address;
  assign(c, r, v, address);
  c.as<node_spec>().metrics = address == "off" ? "" : address;
}

nlohmann::json get_metrics(const rule&, const void* object) {
  return listener_or_off(static_cast<const node_spec*>(object)->metrics);
}

void set_api(context& c, const rule& r, const value& v) {
  std::string address;
  assign(c, r, v, address);
  c.as<node_spec>().api = address == "off" ? "" : address;
}

nlohmann::json get_api(const rule&, const void* object) {
  return listener_or_off(static_cast<const node_spec*>(object)->api);
}

void set_sample_interval(context& c, const rule& r, const value& v) {
  auto& node = c.as<node_spec>();
  const auto before = node.sample_interval;
  assign(c, r, v, node.sample_interval);
  if (node.sample_interval > duration{} && node.sample_interval < std::chrono::milliseconds{10}) {
    c.error(v.at, "'{}{}': {} is too short; the shortest is 10ms, and \"0s\" is off", c.path, r.key, v.text);
    node.sample_interval = before;
  }
}

void check_listener_safety(context& c, const value& table) {
  const auto& node = c.as<node_spec>();
  const auto* tls = table.find("tls");
  if (tls != nullptr && tls->type == kind::table) {
    auto has = [&](std::string_view key) { return tls->find(key) != nullptr; };
    if (!has("certificate") || !has("key"))
      c.error(tls->at, "'{}tls' needs both 'certificate' and 'key'", c.path);
  }
  const auto* api = table.find("api");
  host_port parts;
  if (api == nullptr || !parse_host_port(node.api, parts) || is_loopback(parts.host))
    return;
  const auto* tokens = table.find("token");
  bool without_token = tokens == nullptr || (tokens->type == kind::array && tokens->items.empty());
  if (tls != nullptr && !without_token)
    return; // what is wrong with these is told where they stand
  c.error(
    api->at, "'{}api': '{}' is not on loopback: it needs {}{}{}; for this machine alone use 127.0.0.1:{}", c.path,
    node.api, tls == nullptr ? "a certificate and a key in [node.tls]" : "",
    tls == nullptr && without_token ? ", and " : "",
    without_token ? "at least one [[node.token]] (duende token makes one)" : "", parts.port);
}

void set_tokens(context& c, const rule& r, const value& v) {
  auto& node = c.as<node_spec>();
  for (const auto& item : v.items) {
    if (item.type != kind::table) {
      c.error(item.at, "'{}{}': expected a table, found {}", c.path, r.key, name_of(item.type));
      continue;
    }
    token_spec token;
    context inner{c.errors, c.file, c.dir, &token, c.notes, c.path + "token."};
    read_section(inner, "node.token", item);
    for (std::string_view key : {"name", "hash"})
      if (item.find(key) == nullptr)
        c.error(item.at, "'{}{}': a token without '{}'", c.path, r.key, key);
    if (node.tokens.size() == max_tokens)
      return c.error(item.at, "'{}{}': more than {} tokens", c.path, r.key, max_tokens);
    for (const auto& other : node.tokens) {
      if (!token.name.empty() && other.name == token.name)
        c.error(item.at, "'{}{}': duplicate token '{}'", c.path, r.key, token.name);
      if (!token.hash.empty() && other.hash == token.hash)
        c.error(item.at, "'{}{}': '{}' and '{}' are the same token", c.path, r.key, other.name, token.name);
    }
    node.tokens.push_back(std::move(token));
  }
}

nlohmann::json get_tokens(const rule&, const void* object) {
  auto result = nlohmann::json::array();
  const token_spec defaults;
  for (const auto& token : static_cast<const node_spec*>(object)->tokens)
    result.push_back(write_section("node.token", &token, &defaults));
  return result;
}

/// The value is not repeated in the error: it may be the token itself.
void set_token_hash(context& c, const rule& r, const value& v) {
  auto text = v.text;
  if (text.starts_with("duende_"))
    return c.error(
      v.at,
      "'{}{}': this is the token itself, which belongs to its holder; write its hash, as 'duende token' printed it",
      c.path, r.key);
  auto digits = std::string_view{text}.substr(std::min(text.size(), hash_prefix.size()));
  bool good = text.starts_with(hash_prefix) && digits.size() == hash_digits
              && std::all_of(digits.begin(), digits.end(), [](char x) { return hex_value(x) >= 0; });
  if (!good)
    return c.error(v.at, "'{}{}': expected \"{}\" and {} hexadecimal digits", c.path, r.key, hash_prefix, hash_digits);
  std::transform(text.begin(), text.end(), text.begin(), [](char x) { return x >= 'A' && x <= 'F' ? x + 32 : x; });
  c.as<token_spec>().hash = std::move(text);
}

void set_token_access(context& c, const rule& r, const value& v) {
  if (auto index = word_index(c, r, v); index >= 0)
    c.as<token_spec>().access = index == 0 ? access_level::read : access_level::full;
}

nlohmann::json get_token_access(const rule&, const void* object) {
  return static_cast<const token_spec*>(object)->access == access_level::read ? "read" : "full";
}

} // namespace duende::config
