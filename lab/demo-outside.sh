# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2016 # in single quotes, $x is a variable of jq
# The demo's second lab: two tenants with the same addresses reach the world through one gateway,
# and are reached from it. Sourced by demo.sh.

WORLD4=198.51.100.7 OTHER4=198.51.100.8 FAR4=198.51.100.130

serves() { [ "$(in_ns "$1" ss -Hltn "sport = :80" | wc -l)" = 2 ]; }

# A web server that answers with its name and who asks. NAMESPACE
serve_web() {
  cat >"$STATE/web" <<'WEB'
#!/bin/sh
while read -r line && [ "$line" != "$(printf '\r')" ]; do :; done
printf 'HTTP/1.0 200 OK\r\n\r\n%s sees %s\n' "$1" "$SOCAT_PEERADDR"
WEB
  chmod +x "$STATE/web"
  local kind
  for kind in TCP4 TCP6,ipv6only=1; do
    nsenter --net="/run/netns/$PREFIX$1" -- socat "${kind%%,*}-LISTEN:80,reuseaddr,fork${kind#TCP?}" \
      EXEC:"$STATE/web $1" 2>>"$STATE/web.log" &
  done
  wait_for 5 "the web server of $1" serves "$1"
}

# By what address and port two servers outside see port 5353 of each workload: whoami's lines
seen_outside() { # WORKLOAD...
  printf "$PREFIX%s\n" "$@" | "$TRAFFIC/whoami" "${PREFIX}o" "$WORLD4" "$OTHER4" 53 5353
}

mapping_of() { # WORKLOAD
  seen_outside "$1" | jq -r 'select(.netns) | .seen | map("\(.address):\(.port)") | unique | join(" and ")'
}

world_outside() {
  local before after
  chapter 'The same two tenants, and a world outside'
  lab_init "$1" nat
  "$LAB_ROOT/lab/up.sh" "$LAB" nat >"$LAB_ROOT/build/lab-up.log" || {
    result <"$LAB_ROOT/build/lab-up.log"
    fail 'the lab did not come up'
  }
  rm -f "$LAB_ROOT/build/lab-up.log"
  cat <<'PICTURE'
      red-a1  10.0.1.11 ─ h1 ─ tunnel ─┐
      blue-a1 10.0.1.11 ─ h1 ─ tunnel ─┤
      red-b2  10.0.1.22 ─ h2 ──────────┴─ h2, the gateway ─── 198.51.100.7, 2001:db8:5::7
      they share 203.0.113.1 and 203.0.113.2; red-b2 is 203.0.113.9, red-a1 serves 203.0.113.1:8080
PICTURE
  for ns in o red-a1 red-b2; do serve_web "$ns"; done
  wait_for 20 'the way out' in_ns red-a1 ping -c 1 -W 1 "$WORLD4"
  expect 'red-a1 reaches a web server outside, and is seen there as a public address, IPv4' \
    '^o sees .*203\.0\.113\.[12]' red-a1 curl -s "http://$WORLD4/"
  expect 'the same in IPv6' '^o sees .*2001:0?db8:0?0?0?f:' red-a1 curl -gs 'http://[2001:db8:5::7]/'
  expect 'blue-a1, with the very same address, at the same time' \
    '^o sees .*203\.0\.113\.[12]' blue-a1 curl -s "http://$WORLD4/"
  before=$(mapping_of red-a1)
  judge "UDP port 5353 of red-a1 is one public port, whoever is asked: $before" test "${before/ and /}" = "$before"
  after=$(mapping_of blue-a1)
  judge "that of blue-a1 is another: $after" test "$after" != "$before"
  expect 'traceroute goes through, and shows the router outside' '^ 3 +192\.0\.2\.254' \
    red-a1 traceroute -n -q 1 -w 2 "$FAR4"
  expect 'the world reaches red-b2 by its own public address' '^red-b2 sees ' o curl -s http://203.0.113.9/
  expect "and red-a1's web server by a forwarded port" '^red-a1 sees ' o curl -s http://203.0.113.1:8080/
  expect 'the other tenant reaches it there, too, and is seen from outside' \
    '^red-a1 sees .*203\.0\.113\.' blue-a1 curl -s http://203.0.113.1:8080/
  command_line 'transit get nat'
  transit_on h2 get nat | head -n 6 | result
  command_line "transit nat who $before"
  transit_on h2 nat who "$before" | head -n 12 | result
  crash h2
  after=$(mapping_of red-a1)
  judge "after that, port 5353 of red-a1 still is $after" test "$after" = "$before"
}
