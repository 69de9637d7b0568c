#include "apps/duende/commands.hpp"

namespace duende::cli {
namespace {

constexpr std::string_view bash =
  R"sh(# bash completion for duende: source it, or save it as /etc/bash_completion.d/duende
_duende() {
  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" word command=""
  COMPREPLY=()
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ "$word" == -* ]] || { command="$word"; break; }
  done
  case "$previous" in
    -f|--file|--socket|--token-file|--ca|--cert) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    --signal) mapfile -t COMPREPLY < <(compgen -W "HUP INT QUIT KILL USR1 USR2 TERM STOP CONT" -- "$current"); return ;;
    --method) mapfile -t COMPREPLY < <(compgen -W "auto bpf sampling" -- "$current"); return ;;
    --access) mapfile -t COMPREPLY < <(compgen -W "read full" -- "$current"); return ;;
    --restart) mapfile -t COMPREPLY < <(compgen -W "never on-failure always unless-stopped max-retries" -- "$current"); return ;;
  esac
  case "$command" in
    "") mapfile -t COMPREPLY < <(compgen -W "@COMMANDS@" -- "$current") ;;
    ps|status|start|stop|restart|pause|resume|reload|kill|rm|logs|trace)
      if [[ "$current" == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "--json --watch --timeout --follow --since --signal --seconds --z-score --method" -- "$current")
      else
        mapfile -t COMPREPLY < <(compgen -W "$(duende completion names 2>/dev/null)" -- "$current")
      fi ;;
    import)
      if [[ "$previous" == import ]]; then
        mapfile -t COMPREPLY < <(compgen -W "supervisord procfile systemd compose" -- "$current")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
      fi ;;
    completion) mapfile -t COMPREPLY < <(compgen -W "bash zsh fish" -- "$current") ;;
    *) mapfile -t COMPREPLY < <(compgen -W "--file --detach --timeout --dry-run --json --follow --since --name --restart" -- "$current") ;;
  esac
}
complete -F _duende duende
)sh";

constexpr std::string_view zsh = R"sh(#compdef duende
# zsh completion for duende: save it as _duende in a folder of $fpath
_duende() {
  if (( CURRENT == 2 )); then
    compadd @COMMANDS@
    return
  fi
  case "${words[2]}" in
    up|check|apply) _arguments '*:file:_files' ;;
    completion) compadd bash zsh fish ;;
    import) if (( CURRENT == 3 )); then compadd supervisord procfile systemd compose; else _files; fi ;;
    ps|status|start|stop|restart|pause|resume|reload|kill|rm|logs|trace)
      compadd -- ${(f)"$(duende completion names 2>/dev/null)"} ;;
  esac
}
# As a file of $fpath it is the function itself; sourced, it has to be registered.
if [[ "$funcstack[1]" == _duende ]]; then _duende "$@"; else compdef _duende duende; fi
)sh";

constexpr std::string_view fish = R"sh(# fish completion for duende: save it as ~/.config/fish/completions/duende.fish
complete -c duende -f
complete -c duende -n __fish_use_subcommand -a '@COMMANDS@'
complete -c duende -n '__fish_seen_subcommand_from ps status start stop restart pause resume reload kill rm logs trace' -a '(duende completion names 2>/dev/null)'
complete -c duende -n '__fish_seen_subcommand_from up check apply' -s f -l file -r -F
complete -c duende -n '__fish_seen_subcommand_from import' -F -a 'supervisord procfile systemd compose'
complete -c duende -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'
)sh";

int print(std::string_view script, const names& commands) {
  std::string text{script};
  auto at = text.find("@COMMANDS@");
  text.replace(at, std::string_view{"@COMMANDS@"}.size(), fmt::format("{}", fmt::join(commands, " ")));
  fmt::print("{}", text);
  return done;
}

} // namespace

int completion(const context& c, const std::string& shell, const names& commands) {
  if (shell == "bash")
    return print(bash, commands);
  if (shell == "zsh")
    return print(zsh, commands);
  if (shell == "fish")
    return print(fish, commands);
  if (shell == "names") // what the scripts above ask
    return print_names(c);
  return usage(fmt::format("completion: '{}' is not bash, zsh or fish", printable(shell)));
}

} // namespace duende::cli
