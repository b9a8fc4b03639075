#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures, as ratios within one run; see docs/performance.md. Every round is kept as JSON lines in
# one file a run under build/bench/ (BENCH_FILE: another), tables for people come at the end.
#
# usage: bench/run.sh [--rounds N] [--filter RE] [--quick] [PART]...
#   PART      datapath flows e2e scale ageing config latency nat policy; all of them when none is named
#   --filter  only figures whose id matches, such as 'hit/xdp' (an id begins with its part)
#   --rounds  instead of each part's own
#   --quick   to see that it works, not to quote
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/build/node/bin:$PATH"
[ "$(id -u)" = 0 ] || { echo 'bench: root is needed' >&2; exit 1; }
ALL=(datapath flows e2e scale ageing config latency nat policy)
parts=() options=()
while [ $# -gt 0 ]; do
  case $1 in
    --rounds | --filter)
      [ $# -gt 1 ] || { echo "bench: $1 needs a value" >&2; exit 2; }
      options+=("$1" "$2")
      shift
      ;;
    --quick) options+=("$1") ;;
    *)
      [[ " ${ALL[*]} " == *" $1 "* ]] || { echo "bench: there is no $1: ${ALL[*]}, or an option" >&2; exit 2; }
      parts+=("$1")
      ;;
  esac
  shift
done
[ ${#parts[@]} -gt 0 ] || parts=("${ALL[@]}")
# two at once would measure each other; what a bench starts does not keep the lock
mkdir -p /run/lock
exec 9>/run/lock/transit-bench
flock -n 9 || { echo 'bench: waits for another that is running' >&2; flock 9; }
commit=$(git rev-parse --short=7 HEAD 2>/dev/null || echo unknown)
export BENCH_FILE=${BENCH_FILE:-build/bench/$(date -u +%Y-%m-%dT%H-%M-%S)-$commit.jsonl}
mkdir -p "$(dirname "$BENCH_FILE")"
status=0
for part in "${parts[@]}"; do
  echo "bench: $part" >&2
  # what the others measured is worth keeping
  node --import tsx "bench/$part.ts" "${options[@]+"${options[@]}"}" 9>&- || { status=1; echo "bench: $part failed" >&2; }
done
[ -f "$BENCH_FILE" ] || exit 1
node --import tsx bench/table.ts "$BENCH_FILE"
echo "bench: every round is in $BENCH_FILE" >&2
exit $status
