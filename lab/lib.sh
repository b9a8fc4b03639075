# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2016 # in single quotes, $x is a variable of jq
# What the lab's scripts share; sourced. A lab is a set of network namespaces tl-<lab>-*, one
# transitd a host (instance tl-<lab>-<host>) and the directory build/lab/<lab>/. Whatever is named
# so belongs to the lab and goes with it. No namespace is ever entered by `ip netns exec`: that
# mounts a fresh /sys without the bpffs in it.

LAB_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# the setup may have put a newer Node.js here
PATH="$LAB_ROOT/build/node/bin:$PATH"
export PATH

# status of a command that wait_for need not repeat
HOPELESS=99

say() { printf '%s\n' "$*"; }
fail() {
  printf 'lab: %s\n' "$*" >&2
  exit 1
}

# lab_init LAB TOPOLOGY: names and paths; changes nothing.
lab_init() {
  LAB=$1
  [[ $LAB =~ ^[a-z0-9]{1,10}$ ]] || fail "\"$LAB\" is not a lab's name: 1 to 10 of a-z and 0-9"
  TOPOLOGY=$LAB_ROOT/lab/topologies/${2:-demo}.json
  PREFIX=tl-$LAB-
  STATE=$LAB_ROOT/build/lab/$LAB
  PINS=/sys/fs/bpf/transit
}

lab_need() {
  local tool
  [ "$(id -u)" = 0 ] || fail 'needs root: it makes network namespaces and loads BPF programs'
  for tool in ip jq nsenter ethtool setsid node; do
    command -v "$tool" >/dev/null || fail "$tool is missing: run make setup"
  done
  [ -f "$TOPOLOGY" ] || fail "$TOPOLOGY is missing"
}

topology() { jq -r "$@" "$TOPOLOGY"; }
hosts() { topology '.hosts[].name'; }
transit_on() { # HOST ARGUMENT...: the CLI against a host's daemon
  local host=$1
  shift
  node "$LAB_ROOT/dist/cli/main.js" --server "$STATE/$host/run/api.sock" "$@"
}

# in_ns NAME COMMAND...: inside the lab's namespace NAME
in_ns() {
  local name=$1
  shift
  nsenter --net="/run/netns/$PREFIX$name" -- "$@"
}

# wait_for SECONDS WHAT COMMAND...: until the command succeeds; says what did not happen
wait_for() {
  local deadline=$((SECONDS + $1)) what=$2 status
  shift 2
  while true; do
    status=0
    "$@" >/dev/null 2>&1 || status=$?
    [ "$status" != 0 ] || return 0
    if [ "$status" = "$HOPELESS" ]; then
      say "lab: $what: transitd has ended" >&2
      return 1
    fi
    if ((SECONDS >= deadline)); then
      say "lab: $what: not within the deadline" >&2
      return 1
    fi
    sleep 0.1
  done
}

make_ns() {
  ip netns add "$PREFIX$1"
  ip -n "$PREFIX$1" link set lo up
}

# Hosts h*, the router r, a veth to each host. The router's ends stand for a wire and a switch
# port: they keep GRO on, since XDP's redirect into a veth needs NAPI at the other end, and they
# send complete checksums, as a wire carries them.
make_underlay() {
  local host device mtu port=0 family address
  mtu=$(topology .mtu)
  if [ "$(topology .router)" = false ]; then
    make_cable "$mtu"
    return
  fi
  make_ns r
  # a pulled link comes back as it was
  in_ns r sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
    net.ipv6.conf.all.keep_addr_on_down=1 net.ipv6.conf.default.accept_dad=0
  for host in $(hosts); do
    device=$(topology --arg h "$host" '.hosts[] | select(.name == $h).device')
    make_ns "$host"
    # addresses are ours: no second of waiting for duplicate detection
    in_ns "$host" sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.accept_ra=0
    ip -n "$PREFIX$host" link add "$device" mtu "$mtu" type veth \
      peer name "p$port" netns "${PREFIX}r" mtu "$mtu"
    in_ns r ethtool -K "p$port" gro on tx off >/dev/null
    in_ns "$host" ethtool -K "$device" gro on >/dev/null
    ip -n "${PREFIX}r" link set "p$port" up
    ip -n "$PREFIX$host" link set "$device" up
    for family in 4 6; do
      topology --arg h "$host" --arg f "ipv$family" \
        '.hosts[] | select(.name == $h)[$f] | "\(.address) \(.gateway)"' |
        while read -r address gateway; do
          local flags=()
          [ "$family" = 4 ] || flags=(nodad)
          ip -n "$PREFIX$host" addr add "$address" dev "$device" "${flags[@]}"
          ip -n "${PREFIX}r" addr add "$gateway/${address#*/}" dev "p$port" "${flags[@]}"
          ip -n "$PREFIX$host" "-$family" route add default via "$gateway" dev "$device"
        done
    done
    port=$((port + 1))
  done
  for address in $(topology '.servers[]?'); do
    ip -n "${PREFIX}r" addr add "$address" dev lo
  done
}

# Two hosts with nothing between them: one veth, an end in each.
make_cable() { # MTU
  local mtu=$1 host device address
  local -a ends=()
  for host in $(hosts); do
    make_ns "$host"
    in_ns "$host" sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.accept_ra=0
    device=$(topology --arg h "$host" '.hosts[] | select(.name == $h).device')
    ends+=(name "$device" mtu "$mtu" netns "$PREFIX$host")
  done
  ip link add "${ends[@]:0:6}" type veth peer "${ends[@]:6}"
  for host in $(hosts); do
    device=$(topology --arg h "$host" '.hosts[] | select(.name == $h).device')
    in_ns "$host" ethtool -K "$device" gro on >/dev/null
    ip -n "$PREFIX$host" link set "$device" up
    topology --arg h "$host" '.hosts[] | select(.name == $h) | .ipv4.address, .ipv6.address' |
      while read -r address; do
        if [[ $address == *:* ]]; then
          ip -n "$PREFIX$host" addr add "$address" dev "$device" nodad
        else
          ip -n "$PREFIX$host" addr add "$address" dev "$device"
        fi
      done
  done
}

# The world outside: the namespace o behind a host's second interface. It has the topology's hosts
# as addresses of its own, and routes the public prefixes to that host.
make_outside() {
  local host device prefix address family peer
  [ "$(topology 'has("outside")')" = true ] || return 0
  host=$(topology .outside.host)
  device=$(topology .outside.device)
  make_ns o
  in_ns o sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.accept_ra=0
  ip -n "$PREFIX$host" link add "$device" type veth peer name o0 netns "${PREFIX}o"
  in_ns o ethtool -K o0 gro on tx off >/dev/null
  in_ns "$host" ethtool -K "$device" gro on >/dev/null
  ip -n "${PREFIX}o" link set o0 up
  ip -n "$PREFIX$host" link set "$device" up
  topology '.outside | (.ipv4, .ipv6) | values | "\(.address) \(.peer)"' |
    while read -r address peer; do
      local flags=()
      [[ $address != *:* ]] || flags=(nodad)
      ip -n "$PREFIX$host" addr add "$address" dev "$device" "${flags[@]}"
      ip -n "${PREFIX}o" addr add "$peer/${address#*/}" dev o0 "${flags[@]}"
    done
  for address in $(topology '.outside.hosts[]'); do
    ip -n "${PREFIX}o" addr add "$address" dev lo
    family=4 peer=$(topology .outside.ipv4.peer)
    [[ $address != *:* ]] || family=6 peer=$(topology .outside.ipv6.peer)
    ip -n "$PREFIX$host" "-$family" route add "$address" via "$peer" dev "$device"
  done
  for prefix in $(topology '.outside.public[]'); do
    family=4 peer=$(topology .outside.ipv4.address)
    [[ $prefix != *:* ]] || family=6 peer=$(topology .outside.ipv6.address)
    ip -n "${PREFIX}o" "-$family" route add "$prefix" via "${peer%/*}" dev o0
  done
  make_beyond
}

# One hop further: the namespace w behind o, which then is a router, with less MTU towards w than
# w's own link has. Frames of w's own size come back, as the limit is the route's.
make_beyond() {
  local host device mtu address peer family
  [ "$(topology '.outside | has("beyond")')" = true ] || return 0
  host=$(topology .outside.host)
  device=$(topology .outside.device)
  mtu=$(topology .outside.beyond.mtu)
  make_ns w
  in_ns w sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.accept_ra=0
  in_ns o sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  ip -n "${PREFIX}o" link add o1 type veth peer name w0 netns "${PREFIX}w"
  ip -n "${PREFIX}o" link set o1 up
  ip -n "${PREFIX}w" link set w0 up
  topology '.outside.beyond | (.ipv4, .ipv6) | values | "\(.address) \(.peer)"' |
    while read -r address peer; do
      local flags=()
      family=4
      [[ $address != *:* ]] || family=6 flags=(nodad)
      ip -n "${PREFIX}w" addr add "$address" dev w0 "${flags[@]}"
      ip -n "${PREFIX}o" addr add "$peer/${address#*/}" dev o1 "${flags[@]}"
      ip -n "${PREFIX}w" "-$family" route add default via "$peer"
      ip -n "${PREFIX}o" "-$family" route add "${address%/*}" dev o1 mtu lock "$mtu"
      ip -n "$PREFIX$host" "-$family" route add "${address%/*}" dev "$device" \
        via "$(topology --arg f "ipv$family" '.outside[$f].peer')"
    done
}

# The topology's objects, or those of the directory LAB_OBJECTS, with this lab's namespaces in them,
# as files under the lab's directory.
render_objects() {
  local file
  mkdir -p "$STATE/objects"
  for file in "${LAB_OBJECTS:-$LAB_ROOT/lab/objects/$(topology .objects)}"/*.yaml; do
    sed "s/tl-demo-/$PREFIX/g" "$file" >"$STATE/objects/${file##*/}"
  done
}

# The rendered objects as one JSON array.
objects_json() {
  (cd "$LAB_ROOT" && node --input-type=module -e '
    import { readFileSync } from "node:fs";
    import { parseAllDocuments } from "yaml";
    const files = process.argv.slice(1);
    const docs = files.flatMap((file) => parseAllDocuments(readFileSync(file, "utf8")));
    console.log(JSON.stringify(docs.map((doc) => doc.toJS())));
  ' "$STATE"/objects/*.yaml)
}

make_workloads() {
  local netns
  for netns in $(objects_json | jq -r '.[] | select(.kind == "Endpoint").spec.device.netns' | sort -u); do
    make_ns "${netns#"$PREFIX"}"
  done
}

write_config() { # HOST
  local dir=$STATE/$1
  mkdir -p "$dir/data" "$dir/run"
  cat >"$dir/transitd.yaml" <<CONFIG
instance: ${PREFIX}$1
host: $1
dataDir: $dir/data
runDir: $dir/run
log: { level: info }
datapath:
  bpfDir: ${LAB_BPF_DIR:-$LAB_ROOT/build/bpf}
  maxFlows: ${LAB_MAX_FLOWS:-16384}
  maxEndpoints: 256
  maxAddresses: 1024
  maxRoutes: 1024
  timeouts: { udp: ${LAB_UDP_TIMEOUT:-120} }
CONFIG
}

# start_daemon HOST: in its host's namespace and in a session of its own, so that Ctrl-C reaches
# the script alone, which then takes everything down in order.
start_daemon() {
  local dir=$STATE/$1
  setsid nsenter --net="/run/netns/$PREFIX$1" -- \
    node "$LAB_ROOT/dist/daemon/main.js" --config "$dir/transitd.yaml" \
    >>"$dir/transitd.log" 2>&1 </dev/null &
  echo $! >"$dir/pid"
  disown
  # until it has become node, its command line is ours, and it would look as if it had ended
  while kill -0 "$!" 2>/dev/null && daemon_gone "$1"; do sleep 0.02; done
}

# daemon_pid HOST: its pid when it runs. A pid file may outlive its process, and the pid be given
# to another: only a process that names our configuration is ours.
daemon_pid() {
  local pid
  pid=$(cat "$STATE/$1/pid" 2>/dev/null) || return 1
  tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "--config $STATE/$1/transitd.yaml" || return 1
  echo "$pid"
}

daemon_gone() { ! daemon_pid "$1" >/dev/null; }

# stop_daemon HOST [SIGNAL]
stop_daemon() {
  local pid
  pid=$(daemon_pid "$1") || return 0
  kill -s "${2:-TERM}" "$pid" 2>/dev/null || return 0
  if ! wait_for 10 "end of $1's transitd" daemon_gone "$1"; then
    kill -KILL "$pid" 2>/dev/null || true
    wait_for 5 "end of $1's transitd" daemon_gone "$1" || true
  fi
}

api() { # HOST PATH: the answer's status is the command's
  curl -fsS --max-time 5 --unix-socket "$STATE/$1/run/api.sock" "http://transit$2"
}

# ready HOST: the daemon says so, and the host's droplets and endpoints are in the data path
ready() {
  local kind
  api "$1" /readyz >/dev/null || return 1
  for kind in droplets endpoints; do
    api "$1" "/v1/$kind" | jq -e --arg h "$1" '
      [.items[] | select(.spec.host == $h)] | length > 0 and
      all(.status.conditions | any(.type == "Programmed" and .status == "True"))' >/dev/null ||
      return 1
  done
}

# unready HOST: which of them are not, and why
unready() {
  local kind
  for kind in droplets endpoints; do
    api "$1" "/v1/$kind" | jq -r --arg h "$1" '
      .items[] | select(.spec.host == $h) | . as $o |
      (.status.conditions // [])[] | select(.status != "True") |
      "lab: \($o.kind) \($o.metadata.name): \(.type) \(.status): \(.reason): \(.message)"'
  done
}

alive_and() { # HOST COMMAND...: gives up at once when the daemon has ended
  daemon_pid "$1" >/dev/null || return "$HOPELESS"
  "${@:2}"
}

# Everything named after the lab, in whatever state it is. Safe to repeat, and safe after a kill
# of anything: it looks at what is there, not at what should be.
remove_lab() {
  local dir ns pids pin guard
  # whoever waits for the lab's owner to end has nothing to do any more, unless that is us
  guard=$(cat "$STATE/guard" 2>/dev/null) || guard=$$
  if [ "$guard" != $$ ] && tr '\0' ' ' 2>/dev/null <"/proc/$guard/cmdline" | grep -qF "lab/down.sh $LAB"; then
    # its session: the shell and the tail it waits for
    kill -KILL -- "-$guard" 2>/dev/null || true
  fi
  for dir in "$STATE"/*/; do
    [ -f "$dir/pid" ] || continue
    stop_daemon "$(basename "$dir")"
  done
  mapfile -t namespaces < <(ip netns list 2>/dev/null | awk '{print $1}' | grep "^$PREFIX" || true)
  for ns in "${namespaces[@]}"; do
    # a namespace lives as long as a process is in it
    mapfile -t pids < <(ip netns pids "$ns" 2>/dev/null || true)
    [ ${#pids[@]} = 0 ] || kill -KILL "${pids[@]}" 2>/dev/null || true
  done
  for pin in "$PINS/$PREFIX"*; do
    [ ! -e "$pin" ] || rm -rf "$pin"
  done
  rmdir "$PINS" 2>/dev/null || true
  for ns in "${namespaces[@]}"; do
    # now, not when the kernel gets round to the namespace
    ip -n "$ns" -j link 2>/dev/null | jq -r '.[] | select(.ifname != "lo").ifname' |
      while read -r link; do ip -n "$ns" link del "$link" 2>/dev/null || true; done
    ip netns del "$ns" 2>/dev/null || true
  done
  rm -rf "$STATE"
  rmdir "$LAB_ROOT/build/lab" 2>/dev/null || true
}
