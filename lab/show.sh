# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2016 # in single quotes, $x is a variable of jq
# How the demo shows what it does: a sentence, the command, its essential result, ok or FAIL.
# Sourced after lib.sh.

FAILED=0
GREEN='' RED='' BOLD='' DIM='' PLAIN=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  GREEN=$'\e[32m' RED=$'\e[31m' BOLD=$'\e[1m' DIM=$'\e[2m' PLAIN=$'\e[0m'
fi

chapter() { printf '\n%s%s%s\n' "$BOLD" "$*" "$PLAIN"; }
good() { printf '  %sok%s    %s\n' "$GREEN" "$PLAIN" "$*"; }
bad() {
  printf '  %sFAIL%s  %s\n' "$RED" "$PLAIN" "$*"
  FAILED=$((FAILED + 1))
}
command_line() { printf '          %s%s%s\n' "$DIM" "$*" "$PLAIN"; }
result() { sed 's/^/          /'; }

# judge SENTENCE COMMAND...: the command's status decides; nothing of it is shown
judge() {
  local sentence=$1
  shift
  if "$@" >/dev/null 2>&1; then good "$sentence"; else bad "$sentence"; fi
}

# expect SENTENCE PATTERN NAMESPACE COMMAND...: a line of the output must match; that line is shown
expect() {
  local sentence=$1 pattern=$2 ns=$3 output line
  shift 3
  output=$(in_ns "$ns" timeout 30 "$@" 2>&1) || true
  if line=$(grep -E -m 1 -- "$pattern" <<<"$output"); then
    good "$sentence"
    command_line "$ns# $*"
    result <<<"$line"
  else
    bad "$sentence"
    command_line "$ns# $*"
    result <<<"$output"
    printf '          expected: %s\n' "$pattern"
  fi
}

# reaches SENTENCE NAMESPACE ADDRESS: every echo is answered
reaches() { expect "$1" '^3 packets transmitted, 3 received, 0% packet loss' "$2" ping -c 3 -i 0.1 -W 2 "$3"; }

listening() { [ -n "$(in_ns "$1" ss -Hltn "sport = :$2")" ]; }

# transfer SENTENCE FROM TO ADDRESS SECONDS: a file over TCP, compared by checksum, in time
transfer() {
  local sentence=$1 from=$2 to=$3 address=$4 seconds=$5 port=8001 kind=TCP4 host=$4
  local file=$STATE/payload copy=$STATE/payload.copy receiver status=0 started took
  if [[ $address == *:* ]]; then kind=TCP6 host="[$address]"; fi
  [ -f "$file" ] || head -c "$((20 * 1024 * 1024))" /dev/urandom >"$file"
  rm -f "$copy"
  # not in_ns: a function in the background is a shell, and a signal would end that alone
  nsenter --net="/run/netns/$PREFIX$to" -- timeout "$((seconds + 10))" \
    socat -u "$kind-LISTEN:$port,bind=$host,reuseaddr" "OPEN:$copy,creat,trunc" 2>"$STATE/socat.log" &
  receiver=$!
  wait_for 5 'the receiver' listening "$to" "$port" || status=1
  started=$(date +%s%N)
  in_ns "$from" timeout "$seconds" socat -u "OPEN:$file" "$kind:$host:$port,connect-timeout=5" \
    2>>"$STATE/socat.log" || status=1
  [ "$status" = 0 ] || kill "$receiver" 2>/dev/null || true
  wait "$receiver" || status=1
  took=$((($(date +%s%N) - started) / 1000000))
  [ "$status" != 0 ] || cmp -s "$file" "$copy" || status=1
  if [ "$status" = 0 ]; then good "$sentence"; else bad "$sentence"; fi
  command_line "$from# socat -u OPEN:payload $kind:$host:$port"
  if [ "$status" = 0 ]; then
    printf '20 MB in %d ms, sha256 %.16s… at both ends\n' "$took" "$(sha256sum <"$copy")" | result
  else
    printf 'after %d ms %s of %s bytes\n' "$took" "$(stat -c %s "$copy" 2>/dev/null || echo 0)" \
      "$(stat -c %s "$file")" | cat - "$STATE/socat.log" | result
  fi
}

# received NAMESPACE: packets that came in by the workload's interface
received() { ip -n "$PREFIX$1" -j -s link show dev eth0 | jq '.[0].stats64.rx.packets'; }

# drops HOST REASON: dropped packets on a host, all hooks
drops() {
  api "$1" /v1/drops | jq --arg r "$2" '[.counts[] | select(.reason == $r).packets] | add // 0'
}

# attachments HOST: program and link ids; what a restart must not change. The device of the slow path
# goes with its daemon, and its link with it.
attachments() {
  api "$1" /v1/status | jq -c '[.programs[] | select(.hook != "alg-tc") |
    [.device, .hook, .programId, .linkId]] | sort'
}
