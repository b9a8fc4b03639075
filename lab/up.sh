#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds a lab and leaves it running: up.sh [LAB [TOPOLOGY]], both "demo" when not given.
# LAB_BPF_DIR takes the programs from another directory. LAB_OWNER is a process id: when that
# process ends, however it ends, the lab goes. Fails whole: nothing is left.
set -euo pipefail
# shellcheck source=lab/lib.sh
source "$(dirname "$0")/lib.sh"
lab_init "${1:-demo}" "${2:-demo}"
lab_need
for file in dist/daemon/main.js dist/cli/main.js build/bpf/transit_xdp.o; do
  [ -f "$LAB_ROOT/$file" ] || fail "$file is missing: run make build"
done
if [ -e "$STATE" ] || ip netns list | grep -q "^$PREFIX"; then
  fail "the lab \"$LAB\" exists: remove it with lab/down.sh $LAB"
fi

undo() {
  local status=$?
  trap - EXIT
  if [ "$status" != 0 ]; then
    for log in "$STATE"/*/transitd.log; do
      [ -s "$log" ] || continue
      say "lab: the last lines of $log:" >&2
      tail -n 15 "$log" >&2
    done
    say 'lab: removing what was made' >&2
    remove_lab
  fi
  exit "$status"
}
trap undo EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf
mkdir -p "$STATE"
if [ -n "${LAB_OWNER:-}" ]; then
  # shellcheck disable=SC2016 # the inner shell expands
  setsid bash -c 'tail --pid="$1" -f /dev/null; exec "$2" "$3"' guard \
    "$LAB_OWNER" "$LAB_ROOT/lab/down.sh" "$LAB" >/dev/null 2>&1 </dev/null &
  echo $! >"$STATE/guard"
  disown
fi
render_objects
make_underlay
make_outside
make_workloads
for host in $(hosts); do
  write_config "$host"
  start_daemon "$host"
done
for host in $(hosts); do
  wait_for 30 "start of transitd on $host" alive_and "$host" api "$host" /healthz
  transit_on "$host" apply -f "$STATE/objects" >"$STATE/$host/apply.log"
done
endpoints_settled() { # IPv6 duplicate address detection in the workloads is over
  local ns
  for ns in $(ip netns list | awk -v p="^$PREFIX" '$1 ~ p {print $1}'); do
    [ -z "$(ip -n "$ns" -6 addr show tentative)" ] || return 1
  done
}
for host in $(hosts); do
  if ! wait_for 30 "readiness of $host" alive_and "$host" ready "$host"; then
    api "$host" /readyz >&2 || true
    unready "$host" >&2 || true
    exit 1
  fi
done
wait_for 10 'duplicate address detection' endpoints_settled

cat <<HELP
lab "$LAB" is up: $(hosts | wc -l) hosts, $(objects_json | jq '[.[] | select(.kind == "Endpoint")] | length') workloads. Try:
  nsenter --net=/run/netns/${PREFIX}$(topology '.try // "red-a1 ping -c 3 10.0.1.21"')
  node dist/cli/main.js --server $STATE/h1/run/api.sock get flows
  node dist/cli/main.js --server $STATE/h1/run/api.sock get endpoints
and remove it with lab/down.sh $LAB
HELP
