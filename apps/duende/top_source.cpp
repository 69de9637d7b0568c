#include "apps/duende/top_source.hpp"

#include "apps/duende/show.hpp"
#include "apps/duende/top_text.hpp"
#include "core/units.hpp"

#include <algorithm>
#include <iterator>

#include <poll.h>

namespace duende::cli {
namespace {

constexpr std::size_t max_actions = 16;
constexpr std::size_t max_waiting_lines = 5000;
constexpr auto reconnect_pause_ms = 500;
constexpr duration patience_for_one = std::chrono::minutes{5};
constexpr duration patience_for_all = std::chrono::minutes{10}; ///< of all instances
constexpr duration grace = std::chrono::seconds{15};

request request_of(const top_order& order) {
  if (order.verb == "scale")
    return {
      .method = "POST",
      .target = daemon_target(order.name, "/scale"),
      .body = json{{"instances", order.instances}}.dump(),
      .patience = patience_for_all};
  bool all = order.verb == "roll";
  auto limit = all ? patience_for_all : patience_for_one;
  auto query = fmt::format("/{}?timeout={}", all ? "restart" : order.verb, format_duration(limit));
  return {
    .method = "POST",
    .target = daemon_target(order.name, query + (all ? "&rolling=1" : "")),
    .patience = limit + grace};
}

top_outcome outcome_of(const top_order& order, const caf::expected<json>& answer) {
  if (!answer) {
    auto why = sentence(answer.error());
    auto what = order.verb == "roll" ? "restart" : order.verb;
    return {why.starts_with("cannot ") ? why : fmt::format("cannot {} '{}': {}", what, order.name, why), true};
  }
  if (order.verb == "roll") {
    auto replaced = answer->is_object() ? answer->value("replaced", json::array()).size() : 0;
    return {fmt::format("{}: {} replaced", order.name, replaced), false};
  }
  if (order.verb == "scale")
    return {fmt::format("{}: scaled to {}", order.name, order.instances), false};
  auto state = text_of(*answer, "state");
  return {fmt::format("{}: {}", order.name, state), state == "failed"};
}

} // namespace

top_sampler::top_sampler(std::string socket) : client_(std::move(socket)), thread_([this] { run(); }) {}

top_sampler::~top_sampler() {
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_one();
  client_.cancel();
  thread_.join();
}

bool top_sampler::ask() {
  std::lock_guard lock{mutex_};
  if (busy_)
    return false;
  wanted_ = busy_ = true;
  changed_.notify_one();
  return true;
}

std::optional<top_look_at> top_sampler::take() {
  wake_.lower();
  std::lock_guard lock{mutex_};
  return std::exchange(result_, std::nullopt);
}

void top_sampler::run() {
  while (true) {
    {
      std::unique_lock lock{mutex_};
      changed_.wait(lock, [this] { return wanted_ || stopping_; });
      if (stopping_)
        return;
      wanted_ = false;
    }
    top_look_at look;
    auto began = monotonic_now();
    auto get = [&](const char* target, json& to) {
      if (look.error)
        return;
      auto answer = client_.send_json({.target = target, .patience = std::chrono::seconds{10}});
      if (answer)
        to = std::move(*answer);
      else
        look.error = answer.error();
    };
    get("/v1/node", look.node);
    get("/v1/tree", look.tree);
    get("/v1/daemons", look.daemons);
    look.at = monotonic_now();
    look.took = look.at - began;
    std::lock_guard lock{mutex_};
    result_ = std::move(look);
    busy_ = false;
    wake_.raise();
  }
}

top_actions::~top_actions() {
  for (auto& each : actions_)
    each.node.cancel();
  for (auto& each : actions_)
    each.thread.join();
}

bool top_actions::begin(const top_order& order) {
  for (auto i = actions_.begin(); i != actions_.end();)
    if (i->over) {
      i->thread.join();
      i = actions_.erase(i);
    } else {
      ++i;
    }
  if (actions_.size() >= max_actions)
    return false;
  auto& mine = actions_.emplace_back(socket_);
  mine.thread = std::thread{[this, &mine, order] {
    auto outcome = outcome_of(order, mine.node.send_json(request_of(order)));
    outcome.text = harmless(outcome.text);
    {
      std::lock_guard lock{mutex_};
      outcomes_.push_back(std::move(outcome));
    }
    mine.over = true;
    wake_.raise();
  }};
  return true;
}

std::vector<top_outcome> top_actions::take() {
  wake_.lower();
  std::lock_guard lock{mutex_};
  return std::exchange(outcomes_, {});
}

top_log::top_log(std::string socket, std::string name, std::size_t tail)
  : name_(std::move(name)), tail_(tail), client_(std::move(socket)), thread_([this] { run(); }) {}

top_log::~top_log() {
  stopping_ = true;
  stop_.raise();
  client_.cancel();
  thread_.join();
}

void top_log::run() {
  pollfd waiting{stop_.fd(), POLLIN, 0};
  do {
    std::string rest;
    bool first = true;
    auto begin = [&] { // with the first bytes, so that what is on the screen stays until there is something better
      std::lock_guard lock{mutex_};
      news_ = {true, {}, ""};
      first = false;
    };
    auto result = client_.stream(
      {.target = daemon_target(name_, fmt::format("/logs?follow=1&tail={}", tail_)),
       .headers = {{"Accept", "application/x-ndjson"}}},
      [&](std::string_view data) {
        if (first)
          begin();
        rest += data;
        std::vector<top_log_line> lines;
        std::size_t at = 0;
        for (std::size_t end; (end = rest.find('\n', at)) != std::string::npos; at = end + 1) {
          auto line = json::parse(std::string_view{rest}.substr(at, end - at), nullptr, false);
          if (line.is_object())
            lines.push_back(
              {text_of(line, "at"), harmless(text_of(line, "text")), text_of(line, "stream") == "stderr"});
        }
        rest.erase(0, at);
        {
          std::lock_guard lock{mutex_};
          auto& to = news_.lines;
          to.insert(to.end(), std::make_move_iterator(lines.begin()), std::make_move_iterator(lines.end()));
          if (to.size() > max_waiting_lines)
            to.erase(to.begin(), to.end() - max_waiting_lines);
        }
        wake_.raise();
        return !stopping_;
      });
    {
      std::lock_guard lock{mutex_};
      news_.trouble = result ? "broken off, trying again" : harmless(sentence(result.error()));
    }
    wake_.raise();
  } while (poll(&waiting, 1, reconnect_pause_ms) == 0 && !stopping_);
}

top_log::news top_log::take() {
  wake_.lower();
  std::lock_guard lock{mutex_};
  return std::exchange(news_, {});
}

} // namespace duende::cli
