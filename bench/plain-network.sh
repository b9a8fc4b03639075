#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The same workloads and wire with no overlay at all: plain-network.sh up|down|masquerade LAB
# TOPOLOGY. Every host knows each workload's address by a route: kernel routing over veths, IPv4.
# A topology with an outside: the world there knows the workloads by a route, too, or with
# masquerade, which is up with it, they are seen as their gateway (nftables).
# Workloads have the MTU they have behind a tunnel, so that equally many packets cross.
set -euo pipefail
# shellcheck source=lab/lib.sh
source "$(dirname "$0")/../lab/lib.sh"
# shellcheck disable=SC2016 # jq's variables
ENDPOINTS='[.[] | select(.kind == "Endpoint")] | to_entries[] |
  [.key + 1, .value.spec.host, .value.spec.device.netns, .value.spec.addresses[0]] | @tsv'
TUNNEL_BYTES=50
FIRST_HOP=169.254.1.1

add_workload() { # INDEX HOST NETNS ADDRESS
  local ns=$PREFIX$2 mtu host host_address mac
  mtu=$(($(topology .mtu) - TUNNEL_BYTES))
  # shellcheck disable=SC2016
  host_address=$(topology --arg h "$2" '.hosts[] | select(.name == $h).ipv4.address | split("/")[0]')
  ip -n "$ns" link add "ep$1" mtu "$mtu" type veth peer name eth0 netns "$3" mtu "$mtu"
  ip -n "$ns" link set "ep$1" up
  ip -n "$3" link set eth0 up
  mac=$(ip -n "$ns" -j link show "ep$1" | jq -r '.[0].address')
  ip -n "$3" addr add "$4/32" dev eth0
  ip -n "$3" neigh add "$FIRST_HOP" lladdr "$mac" dev eth0
  ip -n "$3" route add default via "$FIRST_HOP" dev eth0 onlink
  ip -n "$ns" route add "$4/32" dev "ep$1"
  for host in $(hosts); do
    [ "$host" = "$2" ] || ip -n "$PREFIX$host" route add "$4/32" via "$host_address"
  done
}

undo() {
  local status=$?
  trap - EXIT
  [ "$status" = 0 ] || remove_lab
  exit "$status"
}

# Towards the world outside: routed, or translated by the kernel.
lead_outside() { # up|masquerade
  local host device address
  [ "$(topology 'has("outside")')" = true ] || return 0
  host=$(topology .outside.host)
  device=$(topology .outside.device)
  if [ "$1" = masquerade ]; then
    in_ns "$host" nft -f - <<NFT
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "$device" masquerade
  }
}
NFT
    # as many seconds as ours (LAB_UDP_TIMEOUT)
    in_ns "$host" sysctl -qw "net.netfilter.nf_conntrack_udp_timeout=${LAB_UDP_TIMEOUT:-120}"
    return
  fi
  for address in $(objects_json | jq -r '.[] | select(.kind == "Endpoint").spec.addresses[0]'); do
    ip -n "${PREFIX}o" route add "$address/32" via "$(topology '.outside.ipv4.address | split("/")[0]')"
  done
}

up() { # up|masquerade
  local host row
  trap undo EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  mkdir -p "$STATE"
  render_objects
  make_underlay
  make_outside
  make_workloads
  for host in $(hosts); do
    in_ns "$host" sysctl -qw net.ipv4.ip_forward=1
  done
  while IFS=$'\t' read -r -a row; do
    add_workload "${row[@]}"
  done < <(objects_json | jq -r "$ENDPOINTS")
  lead_outside "$1"
}

lab_init "${2:?LAB}" "${3:?TOPOLOGY}"
lab_need
case ${1:-} in
  up | masquerade)
    [ ! -e "$STATE" ] || fail "the lab \"$LAB\" exists: remove it with $0 down $LAB $3"
    up "$1"
    ;;
  down) remove_lab ;;
  *) fail "usage: $0 up|masquerade|down LAB TOPOLOGY" ;;
esac
