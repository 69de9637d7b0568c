// duende, the command line: reads the arguments, calls the command.
#include "apps/duende/commands.hpp"
#include "apps/duende/man.hpp"
#include "apps/duende/remote.hpp"

#include <CLI/CLI.hpp>

#include <csignal>
#include <functional>

#include <poll.h>
#include <unistd.h>

namespace duende::cli {
namespace {

/// What the arguments of one command are read into.
struct arguments {
  names which, files;
  std::string name, file, timeout, since, shell, kinds, format, access = "full";
  std::string signal = "TERM";
  bool as_json = false, watch = false, follow = false, dry_run = false, rolling = false;
  std::optional<std::size_t> lines;
  std::uint32_t instances = 1;
  up_options up;
  run_options run;
  trace_view trace;
};

using action = std::function<int(const context&, const arguments&)>;

class command_line {
public:
  command_line() {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", DUENDE_VERSION);
    app_.add_option("--socket,--url", context_.socket_option, "the node's socket, or https://HOST:PORT of its API")
      ->envname("DUENDE_SOCKET")
      ->type_name("PATH");
    app_.add_option("--token-file", token_file_, "holds the token for a URL; else $DUENDE_TOKEN")
      ->envname("DUENDE_TOKEN_FILE")
      ->type_name("FILE");
    app_.add_option("--ca", credentials_.ca_file, "certificates that are trusted for a URL; else the system's")
      ->envname("DUENDE_CA")
      ->type_name("FILE");
    app_
      .add_option("--cert", credentials_.certificate, "our certificate and key for a URL, where the node asks for one")
      ->envname("DUENDE_CERT")
      ->type_name("FILE");
    app_.add_option("--node", context_.node, "the node's name")->envname("DUENDE_NODE")->type_name("NAME");
    app_.add_flag("--no-color", context_.no_color, "no colours, also by $NO_COLOR");
    app_.add_flag("-v,--verbose", context_.verbose, "say more");
    app_.add_flag("-q,--quiet", context_.quiet, "say less");
    app_.fallthrough();
    add_node_commands();
    add_daemon_commands();
    add_views();
    add_later_commands();
  }

  int run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::Success& e) { // --help, --version
      return app_.exit(e);
    } catch (const CLI::ParseError& e) {
      return unreadable(e, argc, argv);
    }
    if (context_.remote()) {
      auto token = find_token(token_file_, std::getenv("DUENDE_TOKEN"));
      if (!token)
        return usage(sentence(token.error()));
      credentials_.token = std::move(*token);
      use_credentials(credentials_);
    }
    return chosen_ ? chosen_(context_, arguments_) : usage("no command given");
  }

private:
  int unreadable(const CLI::ParseError& error, int argc, char** argv) {
    std::string last;
    for (int i = 1; i < argc; ++i)
      if (argv[i][0] != '-')
        last = argv[i];
    if (app_.get_subcommands().empty() && !last.empty())
      return usage(fmt::format("no command '{}'", last));
    std::string text = app_.get_subcommands().empty() ? "no command given" : error.what();
    return usage(text.substr(0, text.find('\n')));
  }

  CLI::App* add(const std::string& name, const std::string& about, action what) {
    auto* sub = app_.add_subcommand(name, about);
    sub->fallthrough();
    sub->callback([this, what = std::move(what)] { chosen_ = what; });
    return sub;
  }

  void add_names(CLI::App* sub, bool required) {
    auto* option = sub->add_option("NAME", arguments_.which, "names of daemons");
    if (required)
      option->required();
  }

  void add_node_commands();
  void add_daemon_commands();
  void add_views();
  void add_later_commands();

  CLI::App app_{"duende runs daemons and keeps them running"};
  context context_;
  arguments arguments_;
  std::string token_file_;
  credentials credentials_;
  action chosen_;
};

void command_line::add_node_commands() {
  auto* up =
    add("up", "start a node in the foreground and bring the stack up", [](const context& c, const arguments& a) {
      return cli::up(c, a.up);
    });
  up->add_option("-f,--file", arguments_.up.file, "configuration")->type_name("FILE")->capture_default_str();
  up->add_flag("--detach", arguments_.up.detach, "return once the node is ready");
  up->add_flag(
    "--end-orphans", arguments_.up.end_orphans, "end what a killed keeper left running, instead of adopting it");
  auto* down = add("down", "stop every daemon and the node", [](const context& c, const arguments& a) {
    return cli::down(c, a.timeout);
  });
  down->add_option("--timeout", arguments_.timeout, "at most so long")->type_name("D");
  auto* apply = add("apply", "converge a running node to FILE", [](const context& c, const arguments& a) {
    return cli::apply(c, a.file, a.dry_run);
  });
  apply->add_option("-f,--file", arguments_.file, "configuration")->type_name("FILE")->required();
  apply->add_flag("--dry-run", arguments_.dry_run, "only print the plan");
  auto* check = add("check", "validate, report every error", [](const context& c, const arguments& a) {
    return cli::check(c, a.file);
  });
  check->add_option("-f,--file", arguments_.file, "configuration")->type_name("FILE")->required();
  auto* moving_in =
    add("import", "print a duende.toml made of another supervisor's file", [](const context& c, const arguments& a) {
      return import_file(c, a.format, a.files);
    });
  moving_in->add_option("FORMAT", arguments_.format, "supervisord, procfile, systemd or compose")->required();
  moving_in->add_option("FILE", arguments_.files, "the file; of systemd several units that belong together")
    ->required();
  auto* token = add("token", "make a token for the API off the machine", [](const context& c, const arguments& a) {
    return cli::token(c, a.name.empty() ? "operator" : a.name, a.access);
  });
  token->add_option("--name", arguments_.name, "whose it is; default: operator")->type_name("N");
  token->add_option("--access", arguments_.access, "full, or read: nothing but GET")
    ->type_name("A")
    ->capture_default_str();
  add("version", "what this is", [](const context& c, const arguments&) { return cli::version(c); });
  auto* completion = add("completion", "a completion script for a shell", [this](const context& c, const arguments& a) {
    if (a.shell == "man") { // what the build asks, for duende(1)
      fmt::print("{}", man_page(app_));
      return static_cast<int>(done);
    }
    names commands;
    for (const auto* sub : app_.get_subcommands([](const CLI::App*) { return true; }))
      commands.push_back(sub->get_name());
    return cli::completion(c, a.shell, commands);
  });
  completion->add_option("SHELL", arguments_.shell, "bash, zsh or fish")->required();
}

void command_line::add_daemon_commands() {
  add(
    "upgrade", "replace the running node by the program on disk; no daemon notices",
    [](const context& c, const arguments&) { return cli::upgrade(c); });
  const std::pair<const char*, const char*> verbs[] = {
    {"start", "start daemons, return once they run"},
    {"stop", "stop daemons, return once they are stopped"},
    {"restart", "restart daemons, return once they run again"},
    {"pause", "freeze daemons"},
    {"resume", "continue paused daemons"},
    {"reload", "SIGHUP, or the daemon's reload hook"},
  };
  for (const auto& [name, about] : verbs) {
    std::string verb = name;
    auto* sub = add(verb, about, [verb](const context& c, const arguments& a) {
      return a.rolling ? restart_rolling(c, a.which, a.timeout) : cli::act(c, verb, a.which, a.timeout);
    });
    add_names(sub, true);
    if (verb != "reload")
      sub->add_option("--timeout", arguments_.timeout, "at most so long (exit code 124)")->type_name("D");
    if (verb == "restart")
      sub->add_flag("--rolling", arguments_.rolling, "instances one after the other");
  }
  auto* scale =
    add("scale", "so many instances of a daemon, until the next apply", [](const context& c, const arguments& a) {
      return cli::scale(c, a.name, a.instances);
    });
  scale->add_option("NAME", arguments_.name, "the name that they share")->required();
  scale->add_option("N", arguments_.instances, "1 to 1000")->required();
  auto* kill = add("kill", "send a signal to daemons", [](const context& c, const arguments& a) {
    return cli::kill(c, a.which, a.signal);
  });
  add_names(kill, true);
  kill->add_option("--signal", arguments_.signal, "name or number")->type_name("SIG")->capture_default_str();
  auto* run = add("run", "run an ad-hoc daemon on the running node", [](const context& c, const arguments& a) {
    return cli::run(c, a.run);
  });
  run->add_option("--name", arguments_.run.name, "default: the name of the program")->type_name("N");
  run->add_option("--restart", arguments_.run.restart, "restart policy")->type_name("P")->capture_default_str();
  run->add_option("CMD", arguments_.run.command, "command and its arguments")->required();
  run->positionals_at_end();
  auto* rm =
    add("rm", "stop and forget daemons", [](const context& c, const arguments& a) { return cli::remove(c, a.which); });
  add_names(rm, true);
}

void command_line::add_views() {
  auto* ps = add("ps", "one line per daemon", [](const context& c, const arguments& a) {
    return cli::ps(c, a.which, a.as_json, a.watch);
  });
  add_names(ps, false);
  ps->add_flag("--watch", arguments_.watch, "draw again when something happens");
  auto* status = add("status", "everything about one daemon", [](const context& c, const arguments& a) {
    return cli::status(c, a.name, a.as_json);
  });
  status->add_option("NAME", arguments_.name, "name of the daemon")->required();
  auto* tree =
    add("tree", "the supervision tree", [](const context& c, const arguments& a) { return cli::tree(c, a.as_json); });
  add("top", "live table with sparklines", [](const context& c, const arguments&) { return cli::top(c); });
  auto* logs = add("logs", "what daemons wrote", [](const context& c, const arguments& a) {
    return cli::logs(c, {a.which, a.follow, a.as_json, a.lines, a.since});
  });
  add_names(logs, false);
  logs->add_flag("-f,--follow", arguments_.follow, "go on with what comes");
  logs->add_option("-n,--lines", arguments_.lines, "the last so many lines of each")->type_name("N");
  logs->add_option("--since", arguments_.since, "a time (RFC 3339) or a duration back from now")->type_name("T");
  auto* events = add("events", "what happened", [](const context& c, const arguments& a) {
    return cli::events(c, {a.which, a.kinds, a.since, a.follow, a.as_json});
  });
  add_names(events, false);
  events->add_option("--kind", arguments_.kinds, "only these, such as exit,give_up,escalation")->type_name("KIND,...");
  events->add_flag("-f,--follow", arguments_.follow, "go on with what comes");
  events->add_option("--since", arguments_.since, "a time (RFC 3339) or a duration back from now")->type_name("T");
  auto* trace = add(
    "trace", "which system calls a daemon makes, and where its time goes",
    [](const context& c, const arguments& a) { return cli::trace(c, a.name, a.trace, a.as_json); });
  trace->add_option("NAME", arguments_.name, "name of the daemon")->required();
  trace->add_option("--seconds", arguments_.trace.seconds, "so long, 0.1 to 60")->type_name("N")->capture_default_str();
  trace->add_flag("--exact", arguments_.trace.exact, "count every call, though that may cost the daemon more than 5 %");
  trace->add_option("--z-score", arguments_.trace.z_score, "from there on a window is an anomaly, 0.5 to 1000")
    ->type_name("X")
    ->capture_default_str();
  trace->add_option("--method", arguments_.trace.method, "auto, bpf or sampling")
    ->type_name("M")
    ->capture_default_str();
  auto* doctor = add(
    "doctor", "what this machine can and cannot do, and what to do about it",
    [](const context& c, const arguments& a) { return cli::doctor(c, a.as_json); });
  for (auto* sub : {ps, status, tree, logs, events, trace, doctor})
    sub->add_flag("--json", arguments_.as_json, "stable output for programs");
}

/// Commands that later versions have: known, so that the answer is a better one than "no command".
void command_line::add_later_commands() {
  for (const char* name : {"nodes", "drain", "undrain"}) {
    std::string command = name;
    add(command, "(not supported by this version)", [command](const context&, const arguments&) {
      return not_in_this_version(command);
    })->prefix_command();
  }
}

/// Who reads our output may go, and we with them. A node that goes is only a failed request: the call says so.
extern "C" void on_broken_pipe(int signal) {
  pollfd output{STDOUT_FILENO, 0, 0};
  if (poll(&output, 1, 0) > 0 && (output.revents & (POLLERR | POLLHUP)) != 0) {
    std::signal(signal, SIG_DFL);
    raise(signal);
  }
}

} // namespace
} // namespace duende::cli

int main(int argc, char** argv) {
  std::signal(SIGPIPE, duende::cli::on_broken_pipe);
  return duende::cli::command_line{}.run(argc, argv);
}
