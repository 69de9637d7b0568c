#!/bin/sh
# Writes calendar_table.hpp from what systemd-analyze says: zone | base | expression | the next five times in UTC.
ask() {
  zone=$1 base=$2 expression=$3
  if ! out=$(TZ=$zone systemd-analyze calendar --base-time="$base UTC" --iterations=5 "$expression" 2>/dev/null); then
    echo "$zone|$base|$expression|refused"
    return
  fi
  times=$(printf '%s\n' "$out" | awk -v utc="$([ "$zone" = UTC ] && echo 1)" '
    /Next elapse: never/ { printf " never" }
    /in UTC\)|Next elapse: [A-Z][a-z][a-z] |Iter. #/ {
      if (!utc && $0 !~ /in UTC/) next
      for (i = 1; i <= NF; ++i) if ($i ~ /^[0-9]+-[0-9]+-[0-9]+$/) printf " %sT%s", $i, $(i + 1)
    }')
  echo "$zone|$base|$expression|${times# }"
}
{
  echo "// Made by calendar_table.sh of what systemd $(systemd-analyze --version | awk 'NR == 1 { print $2 }') says."
  echo '#pragma once'
  echo
  echo 'inline constexpr char calendar_table[] = R"('
  while IFS= read -r expression; do
    ask UTC "2026-01-31 12:00:00" "$expression"
  done <"$(dirname "$0")/calendar_expressions.txt"
  for expression in '*-*-* 02:30' '*:0/20' hourly daily 'Sun 02:30' '*-*-* 00/6:00' '*-02-29 02:15' '03:00 UTC'; do
    for at in 'Europe/Berlin|2026-03-28 22:30:00' 'Europe/Berlin|2026-10-24 22:30:00' 'America/New_York|2026-03-08 05:10:00' \
      'America/New_York|2026-11-01 04:10:00' 'Australia/Lord_Howe|2026-04-04 13:00:00' 'Australia/Lord_Howe|2026-10-03 14:00:00' \
      'Pacific/Apia|2011-12-29 22:00:00' 'Asia/Kathmandu|2045-07-01 00:00:00' 'Europe/Dublin|2040-03-24 23:30:00'; do
      ask "${at%|*}" "${at#*|}" "$expression"
    done
  done
  echo ')";'
} >"$(dirname "$0")/calendar_table.hpp"
