#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What tests, labs and demos could leave behind on the machine, one item a line, sorted:
#   leftovers.sh snapshot          what is there now
#   leftovers.sh check FILE        what is there now and was not in FILE: prints it and fails
# The kernel frees programs, maps and namespaces after a grace period, so both wait: snapshot
# until nothing changes, check until nothing is left, each with a deadline.
set -euo pipefail

bpf_objects() {
  command -v bpftool >/dev/null || return 0
  # only types that we load: the system's own cgroup programs come and go
  bpftool -j prog show | jq -r '.[] |
    select(.type == "xdp" or .type == "sched_cls" or .type == "syscall") |
    "bpf program \(.id) \(.type) \(.name // "-")"'
  # A program array whose last descriptor goes is emptied by work that is queued. Who opens and
  # closes it meanwhile, as bpftool does, queues that twice, and it stays for good (kernel 6.18),
  # empty. One that is kept by us has its programs and the other maps of its object beside it.
  bpftool -j map show | jq -r '.[] | select(.type != "prog_array") |
    "bpf map \(.id) \(.type) \(.name // "-")"'
  bpftool -j link show 2>/dev/null | jq -r '.[] | select(.type == "xdp" or .type == "tcx") |
    "bpf link \(.id) \(.type)"'
}

processes() {
  local dir command
  for dir in /proc/[0-9]*; do
    command=$(tr '\0' ' ' 2>/dev/null <"$dir/cmdline") || continue
    # started as programs, not mentioned as arguments by an editor or a shell
    if [[ $command =~ ^[^\ ]*node\ ([^\ ]+\ )*[^\ ]*(dist|src)/daemon/main\.[jt]s\ --config ||
      $command =~ ^[^\ ]*build/traffic/ ]]; then
      echo "process ${dir#/proc/} $command"
    fi
  done
}

list() {
  ip netns list 2>/dev/null | awk '{print "namespace " $1}'
  ip -o link show | awk -F': ' '{sub(/@.*/, "", $2); print "link " $2}'
  [ ! -d /sys/fs/bpf ] || find /sys/fs/bpf -mindepth 1 -printf 'pin %p\n' 2>/dev/null
  bpf_objects
  processes
  find /run/transit /var/lib/transit /etc/transit -mindepth 1 -printf 'file %p\n' 2>/dev/null || true
  find /tmp -maxdepth 1 \( -name 'transit*' -o -name 'tl-*' \) -printf 'file %p\n'
}

snapshot() {
  local deadline=$((SECONDS + 5)) first second
  second=$(list | sort)
  while first=$second && ((SECONDS < deadline)); do
    sleep 0.3
    second=$(list | sort)
    [ "$first" != "$second" ] || break
  done
  printf '%s\n' "$second"
}

check() {
  local deadline=$((SECONDS + 10)) left
  while left=$(list | sort | comm -13 "$1" -) && [ -n "$left" ]; do
    if ((SECONDS >= deadline)); then
      printf '%s\n' "$left"
      return 1
    fi
    sleep 0.3
  done
}

case ${1:-} in
  snapshot) snapshot ;;
  check) check "${2:?leftovers.sh check FILE}" ;;
  *)
    echo "usage: $0 snapshot | check FILE" >&2
    exit 2
    ;;
esac
