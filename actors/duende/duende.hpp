// duende: actor-model supervision of daemons. All that a program which embeds it needs.
//
//   int main() {
//     duende::runtime runtime{{.name = "demo", .metrics = "127.0.0.1:9464"}};
//     runtime.spawn<counter>("counter", {.restart = duende::restart_policy::always()});
//     runtime.spawn({.name = "web", .binary_path = "/usr/bin/nginx", .args = {"-g", "daemon off;"}});
//     auto group = runtime.supervisor("workers", {.strategy = duende::strategy::one_for_all});
//     group.spawn_actor("ticker", ticker_behavior);
//     return runtime.run_until_signal();
//   }
#pragma once

#include "actors/control.hpp"
#include "actors/daemon.hpp"
#include "actors/flow.hpp"
#include "actors/memory.hpp"
#include "actors/runtime.hpp"
#include "actors/trace_scope.hpp"
#include "core/errc.hpp"
#include "core/exit_reason.hpp"
#include "core/spec.hpp"
#include "core/status.hpp"
