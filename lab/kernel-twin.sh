#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The slow twin: kernel-twin.sh up|down [LAB [TOPOLOGY]], lab "twin" when not given.
# Connects the same workloads of the same objects over the same wire by the kernel's own bridge and
# VXLAN, as an EVPN control plane would set them up: nothing is flooded or learned from the tunnel.
# A VPC is a namespace <host>-<vpc>: its VXLAN devices are made on the host and moved there, and
# keep sending on the host's underlay (not every kernel has VRF).
# What works here and not in the lab is ours; what is slower there than here, too.
# Workloads get at most the tunnel's MTU: a bridge sends no ICMP errors.
set -euo pipefail
# shellcheck source=lab/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2016 # jq's variables
ENDPOINTS='[.[] | select(.kind == "Endpoint")] | to_entries[] |
  [.key + 1, .value.metadata.name, .value.spec.host, .value.spec.vpc, .value.spec.subnet,
   .value.spec.device.netns, .value.spec.mtu // 0, .value.spec.addresses[0],
   .value.spec.addresses[1] // ""] | @tsv'
# A VNI for each subnet: the VPC's, plus the subnet's place in it.
# shellcheck disable=SC2016
SUBNETS='. as $all | .[] | select(.kind == "Vpc") | . as $vpc |
  [$all[] | select(.kind == "Subnet" and .spec.vpc == $vpc.metadata.name)] | to_entries[] |
  [.value.metadata.name, $vpc.metadata.name, $vpc.spec.vni + .key,
   $vpc.spec.underlay // "ipv4", .value.spec.ipv4.prefix, .value.spec.ipv6.prefix] | @tsv'

mac_of() { printf '02:00:00:00:00:%02x' "$1"; }
underlay_of() { # HOST ipv4|ipv6
  # shellcheck disable=SC2016
  topology --arg h "$1" --arg f "$2" \
    '.hosts[] | select(.name == $h)[$f].address | split("/")[0]'
}
# Bridge and VXLAN names: at most 15 characters whatever the objects are called.
subnet_field() { jq -r "$SUBNETS" "$STATE/objects.json" | awk -F'\t' -v s="$1" -v f="$2" '$1 == s {print $f}'; }

overhead() { [ "$1" = ipv6 ] && echo 70 || echo 50; }

add_subnets() { # HOST
  local host=$1 ns vpc vni family prefix4 prefix6 mtu
  mtu=$(topology .mtu)
  while IFS=$'\t' read -r _ vpc vni family prefix4 prefix6; do
    ns=$PREFIX$host-$vpc
    if [ ! -e "/run/netns/$ns" ]; then
      make_ns "$host-$vpc"
      in_ns "$host-$vpc" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
    fi
    ip -n "$ns" link add "br$vni" address 02:54:00:00:00:01 type bridge
    ip -n "$PREFIX$host" link add "vx$vni" mtu $((mtu - $(overhead "$family"))) type vxlan \
      id "$vni" dstport 4789 local "$(underlay_of "$host" "$family")" nolearning ttl 64
    ip -n "$PREFIX$host" link set "vx$vni" netns "$ns"
    ip -n "$ns" link set "vx$vni" master "br$vni"
    ip -n "$ns" link set "vx$vni" type bridge_slave neigh_suppress on learning off
    ip -n "$ns" link set "vx$vni" up
    ip -n "$ns" link set "br$vni" up
    ip -n "$ns" addr add "${prefix4%.0/*}.1/${prefix4#*/}" dev "br$vni"
    ip -n "$ns" addr add "${prefix6%/*}1/${prefix6#*/}" dev "br$vni" nodad
  done < <(jq -r "$SUBNETS" "$STATE/objects.json")
}

add_endpoint_here() { # HOST, and a row of ENDPOINTS
  local ns=$PREFIX$1-$5 index=$2 netns=$7 mtu=$8 v4=$9 v6=${10} vni family most
  vni=$(subnet_field "$6" 3)
  family=$(subnet_field "$6" 4)
  most=$(($(topology .mtu) - $(overhead "$family")))
  if ((mtu == 0 || mtu > most)); then mtu=$most; fi
  ip -n "$ns" link add "ep$index" mtu "$mtu" type veth peer name eth0 netns "$netns" mtu "$mtu"
  ip -n "$ns" link set "ep$index" master "br$vni" up
  ip -n "$netns" link set eth0 address "$(mac_of "$index")" up
  ip -n "$netns" addr add "$v4/24" dev eth0
  ip -n "$netns" addr add "$v6/64" dev eth0 nodad
  ip -n "$netns" route add default via "${v4%.*}.1"
  ip -n "$netns" route add default via "${v6%::*}::1"
}

add_endpoint_there() { # HOST, and a row of ENDPOINTS: where its MAC and addresses are
  local ns=$PREFIX$1-$5 mac vni address
  mac=$(mac_of "$2")
  vni=$(subnet_field "$6" 3)
  bridge -n "$ns" fdb replace "$mac" dev "vx$vni" dst "$(underlay_of "$4" "$(subnet_field "$6" 4)")" self permanent
  bridge -n "$ns" fdb replace "$mac" dev "vx$vni" master static
  for address in "$9" "${10}"; do
    ip -n "$ns" neigh replace "$address" lladdr "$mac" dev "br$vni" nud permanent
  done
}

undo() {
  local status=$?
  trap - EXIT
  [ "$status" = 0 ] || remove_lab
  exit "$status"
}

up() {
  local host row
  trap undo EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  mkdir -p "$STATE"
  render_objects
  objects_json >"$STATE/objects.json"
  make_underlay
  make_workloads
  for host in $(hosts); do
    add_subnets "$host"
    while IFS=$'\t' read -r -a row; do
      if [ "${row[2]}" = "$host" ]; then
        add_endpoint_here "$host" "${row[@]}"
      else
        add_endpoint_there "$host" "${row[@]}"
      fi
    done < <(jq -r "$ENDPOINTS" "$STATE/objects.json")
  done
  say "kernel twin \"$LAB\" is up. Try:"
  say "  nsenter --net=/run/netns/${PREFIX}red-a1 ping -c 3 10.0.1.21"
}

lab_init "${2:-twin}" "${3:-demo}"
lab_need
case ${1:-} in
  up)
    [ ! -e "$STATE" ] || fail "the lab \"$LAB\" exists: remove it with $0 down $LAB"
    up
    ;;
  down) remove_lab ;;
  *) fail "usage: $0 up|down [LAB [TOPOLOGY]]" ;;
esac
