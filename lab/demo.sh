#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds a lab of two hosts and two tenants, shows that everything works, and removes it; then one
# with a world outside. Ends with 1 when something is not as it says, and removes everything then, too, and after Ctrl-C.
set -euo pipefail
# shellcheck source=lab/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=lab/show.sh
source "$(dirname "$0")/show.sh"
# shellcheck source=lab/demo-outside.sh
source "$(dirname "$0")/demo-outside.sh"
lab_init "${1:-demo}"
lab_need
FIRST=$LAB SECOND=${LAB::9}2
TRAFFIC=$LAB_ROOT/build/traffic
LEFTOVERS=$LAB_ROOT/test/support/leftovers.sh
for tool in udpflow tcpconn whoami; do
  [ -x "$TRAFFIC/$tool" ] || fail "$TRAFFIC/$tool is missing: run make build"
done
STARTED=$SECONDS

end_traffic() {
  local running
  mapfile -t running < <(jobs -p)
  [ ${#running[@]} != 0 ] || return 0
  kill -KILL "${running[@]}" 2>/dev/null || true
  wait "${running[@]}" 2>/dev/null || true
}

cleanup() {
  local status=$?
  trap - EXIT
  trap '' INT TERM HUP
  end_traffic
  chapter 'Removing everything'
  "$LAB_ROOT/lab/down.sh" "$FIRST"
  "$LAB_ROOT/lab/down.sh" "$SECOND"
  if left=$("$LEFTOVERS" check "$BEFORE"); then
    good 'nothing is left: namespaces, devices, pins, programs, maps, processes, files'
  else
    bad 'this is left:'
    result <<<"$left"
  fi
  rm -f "$BEFORE"
  if [ "$status" = 0 ] && [ "$FAILED" = 0 ]; then
    printf '\n%sEverything works%s (%d s).\n' "$GREEN" "$PLAIN" $((SECONDS - STARTED))
  elif [ "$status" = 0 ]; then
    printf '\n%s%d of the claims above failed.%s\n' "$RED" "$FAILED" "$PLAIN"
    status=1
  else
    printf '\n%sEnded early (status %d).%s\n' "$RED" "$status" "$PLAIN"
  fi
  exit "$status"
}

mkdir -p "$LAB_ROOT/build"
BEFORE=$(mktemp "$LAB_ROOT/build/leftovers.XXXXXX")
"$LEFTOVERS" snapshot >"$BEFORE"
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

building() {
  chapter 'Two hosts, a router between them, two tenants with the same addresses'
  "$LAB_ROOT/lab/up.sh" "$LAB" >"$LAB_ROOT/build/lab-up.log" || {
    result <"$LAB_ROOT/build/lab-up.log"
    fail 'the lab did not come up'
  }
  rm -f "$LAB_ROOT/build/lab-up.log"
  cat <<'PICTURE'
      red-a1 10.0.1.11  red-a2 10.0.1.12     red-b1 10.0.1.21  red-c1 10.0.2.31
      blue-a1 10.0.1.11                      blue-b1 10.0.1.21
            host h1 ─────────── router ─────────── host h2
      red: VXLAN over IPv4; blue: VXLAN over IPv6; everything has IPv6 addresses, too
PICTURE
  command_line 'transit get endpoints'
  transit_on h1 get endpoints | result
}

connectivity() {
  chapter 'Workloads reach each other'
  reaches 'same host, IPv4' red-a1 10.0.1.12
  reaches 'same host, IPv6' red-a1 fd00:1::12
  reaches 'across hosts (tc on one side, XDP on the other), IPv4' red-a1 10.0.1.21
  reaches 'across hosts, IPv6' red-a1 fd00:1::21
  reaches 'across hosts and subnets, IPv4' red-a2 10.0.2.31
  reaches 'across hosts and subnets, IPv6' red-a2 fd00:2::31
  reaches 'tenant blue, tunnel over IPv6, IPv4' blue-a1 10.0.1.21
  reaches 'tenant blue, tunnel over IPv6, IPv6' blue-a1 fd00:1::21
  reaches 'the gateway answers, IPv4' red-a1 10.0.1.1
  reaches 'the gateway answers, IPv6' red-a1 fd00:1::1
  transfer 'TCP on the same host, IPv4' red-a1 red-a2 10.0.1.12 20
  transfer 'TCP on the same host, IPv6' red-a1 red-a2 fd00:1::12 20
  transfer 'TCP across subnets, IPv4' red-a2 red-c1 10.0.2.31 20
  transfer 'TCP across subnets, IPv6' red-c1 red-a2 fd00:1::12 20
  transfer 'TCP of blue in a tunnel over IPv6, IPv4' blue-a1 blue-b1 10.0.1.21 20
  transfer 'TCP of blue in a tunnel over IPv6, IPv6' blue-b1 blue-a1 fd00:1::11 20
}

path_mtu() {
  chapter 'The tunnel is honest about its MTU'
  say '        red-a1 and red-b1 may send 1500 bytes; the tunnel between them carries 1450.'
  expect 'a packet with DF that is too big is answered by the gateway, IPv4' \
    '^From 10\.0\.1\.1 .*Frag needed and DF set \(mtu = 1450\)' red-a1 ping -M 'do' -s 1472 -c 1 -W 2 10.0.1.21
  expect 'the same in IPv6' \
    '^From fd00:1::1 .*Packet too big: mtu=1450' red-a1 ping -M 'do' -s 1452 -c 1 -W 2 fd00:1::21
  expect 'also from the endpoint on XDP' \
    '^From 10\.0\.1\.1 .*Frag needed and DF set \(mtu = 1450\)' red-b1 ping -M 'do' -s 1472 -c 1 -W 2 10.0.1.11
  # forget what the pings taught
  in_ns red-a1 ip route flush cache
  in_ns red-b1 ip route flush cache
  in_ns red-a1 ip -6 route flush cache
  in_ns red-b1 ip -6 route flush cache
  transfer 'TCP finds the path MTU without a stall, IPv4' red-a1 red-b1 10.0.1.21 10
  transfer 'TCP finds the path MTU without a stall, IPv6' red-a1 red-b1 fd00:1::21 10
  transfer 'TCP from the endpoint on XDP finds it, too' red-b1 red-a1 10.0.1.11 10
  expect 'the sender has learned it' 'mtu 1450' red-a1 ip route get 10.0.1.21
}

# The other tenant's interfaces and the drop counters tell, not a timeout alone.
isolation() {
  local blue_a blue_b red_a1 red_a2 red_b red_c unreachable no_route
  chapter 'Tenants do not meet'
  blue_a=$(received blue-a1) blue_b=$(received blue-b1)
  reaches 'red talks to 10.0.1.21, an address that blue has, too' red-a1 10.0.1.21
  if [ "$(received blue-a1) $(received blue-b1)" = "$blue_a $blue_b" ]; then
    good "no packet of it came to blue: blue-a1 and blue-b1 still have received $blue_a and $blue_b"
  else
    bad "blue received: $blue_a → $(received blue-a1), $blue_b → $(received blue-b1)"
  fi
  red_a1=$(received red-a1) red_a2=$(received red-a2) red_b=$(received red-b1) red_c=$(received red-c1)
  unreachable=$(drops h1 HOST_UNREACHABLE) no_route=$(drops h1 NO_ROUTE)
  reaches 'blue talks to 10.0.1.21' blue-a1 10.0.1.21
  expect "blue asks for red-a2's address, which no one in blue has" \
    '100% packet loss' blue-a1 ping -c 2 -i 0.1 -W 1 10.0.1.12
  expect "blue sends to red's second subnet, which blue does not have" \
    '^From 10\.0\.1\.1 .*Destination Net Unreachable' blue-a1 ping -c 2 -i 0.1 -W 1 10.0.2.31
  if [ "$(received red-a1) $(received red-a2) $(received red-b1) $(received red-c1)" = \
    "$red_a1 $red_a2 $red_b $red_c" ]; then
    good 'no packet of it came to red: the counters of all four workloads are unchanged'
  else
    bad "red received: $red_a1 $red_a2 $red_b $red_c → $(received red-a1) $(received red-a2) $(received red-b1) $(received red-c1)"
  fi
  if [ "$(drops h1 NO_ROUTE)" -ge $((no_route + 2)) ]; then
    good "and h1 says where it went: NO_ROUTE $no_route → $(drops h1 NO_ROUTE) (HOST_UNREACHABLE $unreachable → $(drops h1 HOST_UNREACHABLE))"
  else
    bad "h1 did not count the drops: NO_ROUTE $no_route → $(drops h1 NO_ROUTE)"
  fi
}

host_traffic() {
  chapter "The hosts' own traffic is left alone"
  reaches 'h1 reaches h2 on the underlay, IPv4' h1 172.16.2.1
  reaches 'h1 reaches h2 on the underlay, IPv6' h1 fd10:2::1
  transfer 'TCP from host to host, IPv4' h1 h2 172.16.2.1 20
  transfer 'TCP from host to host, IPv6' h1 h2 fd10:2::1 20
}

operator() {
  chapter 'What an operator sees'
  expect 'the first hop of a traceroute is the gateway, IPv4' \
    '^From 10\.0\.1\.1 .*Time to live exceeded' red-a1 ping -c 1 -W 2 -t 1 10.0.2.31
  expect 'the first hop of a traceroute is the gateway, IPv6' \
    '^From fd00:1::1 .*Time exceeded: Hop limit' red-a1 ping -c 1 -W 2 -t 1 fd00:2::31
  in_ns red-a1 ping -c 1 10.0.2.31 >/dev/null || true
  judge 'flow records, by name' transit_on h1 get flows
  command_line 'transit get flows --vpc red --limit 6'
  transit_on h1 get flows --vpc red --limit 6 2>&1 | result || true
  judge 'why packets were dropped' transit_on h1 get drops
  command_line 'transit get drops'
  transit_on h1 get drops 2>&1 | head -n 14 | cut -c 1-150 | result || true
  command_line 'transit get counters'
  transit_on h1 get counters 2>&1 | result || true
  if api h1 /v1/counters | jq -e '.hooks | length > 0 and all(.received == .sent + .passed + .punted + .dropped)' >/dev/null; then
    good 'the balance: received = sent + passed + punted + dropped, for each hook'
  else
    bad 'the counters do not add up'
  fi
}

# crash HOST: kill -9, some time without a daemon, restart, adopted
crash() {
  local pid before after
  before=$(attachments "$1")
  pid=$(daemon_pid "$1")
  kill -KILL "$pid"
  wait_for 5 "end of $1's transitd" daemon_gone "$1"
  say "        $1: transitd (pid $pid) killed by SIGKILL"
  sleep 2 # what is shown is that nothing needs a daemon meanwhile
  start_daemon "$1"
  if ! wait_for 30 "readiness of $1" alive_and "$1" ready "$1"; then
    bad "$1: transitd did not come back"
    tail -n 5 "$STATE/$1/transitd.log" | result
    return 0
  fi
  after=$(attachments "$1")
  if [ "$before" = "$after" ]; then
    good "$1: transitd restarted as pid $(daemon_pid "$1"), adopted the $(jq length <<<"$after") programs and links there were"
  else
    bad "$1: programs or links changed"
    printf '%s\n%s\n' "$before" "$after" | result
  fi
}

killing() {
  local pings udp4 udp6 conns
  chapter 'The daemon dies, traffic does not'
  say '        meanwhile: 100 pings/s, 2 × 1000 UDP packets/s, 50 new TCP connections/s'
  nsenter --net="/run/netns/${PREFIX}red-a1" -- ping -q -i 0.01 10.0.1.21 >"$STATE/ping.out" 2>&1 &
  pings=$!
  "$TRAFFIC/udpflow" --from "${PREFIX}red-a2" --to "${PREFIX}red-c1" -a 10.0.2.31 -r 1000 >"$STATE/udp4.out" &
  udp4=$!
  "$TRAFFIC/udpflow" --from "${PREFIX}blue-b1" --to "${PREFIX}blue-a1" -a fd00:1::11 -r 1000 >"$STATE/udp6.out" &
  udp6=$!
  "$TRAFFIC/tcpconn" --from "${PREFIX}red-b1" --to "${PREFIX}red-a2" -a fd00:1::12 -r 50 >"$STATE/tcp.out" &
  conns=$!
  sleep 0.5 # some traffic before the first crash
  crash h1
  crash h2
  sleep 0.5 # and some after the last
  kill -INT "$pings" "$udp4" "$udp6" "$conns"
  wait "$pings" "$udp4" "$udp6" "$conns" || true
  judge "$(grep transmitted "$STATE/ping.out")" grep -q ' 0% packet loss' "$STATE/ping.out"
  judge "$(jq -r '"UDP, IPv4: \(.sent) sent, \(.received) received, \(.lost) lost, longest silence \(.maxGapMs) ms"' "$STATE/udp4.out")" \
    jq -e '.sent > 0 and .lost == 0 and .duplicates == 0' "$STATE/udp4.out"
  judge "$(jq -r '"UDP, IPv6: \(.sent) sent, \(.received) received, \(.lost) lost, longest silence \(.maxGapMs) ms"' "$STATE/udp6.out")" \
    jq -e '.sent > 0 and .lost == 0 and .duplicates == 0' "$STATE/udp6.out"
  judge "$(jq -r '"TCP: \(.opened) new connections, \(.failed) failed, \(.retransmits) segments sent again, p99 \(.p99Us / 10 | round / 100) ms"' "$STATE/tcp.out")" \
    jq -e '.opened > 0 and .failed == 0 and .retransmits == 0' "$STATE/tcp.out"
}

building
connectivity
path_mtu
isolation
host_traffic
operator
killing
end_traffic
"$LAB_ROOT/lab/down.sh" "$FIRST"
world_outside "$SECOND"
