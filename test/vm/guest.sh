#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What runs in the guest: few processes, since each costs seconds there. Every step has its
# output under /vm and one line in /vm/steps: name, exit status, seconds.
#
# usage (in the guest): test/vm/guest.sh SECONDS
set -uo pipefail
deadline=${1:?seconds}
root=$PWD
cd build/vm/js || exit 1
# The tests' own isolation would start node once more; unshare gives them what they ask for.
export TRANSIT_TEST_ISOLATED=1 TRANSIT_ADAPTER_NS=1
export TRANSIT_TEST_OBJECTS=$root/build/vm/objects
# Less than on the host, and more time for it.
export TRANSIT_PACKETS=3000 TRANSIT_TIME_SCALE=30 TAP_TIMEOUT=$deadline

step() {
  local name=$1 begin status=0
  shift
  begin=$SECONDS
  timeout -k 5 "$deadline" unshare --net --mount node "$@" >"/vm/$name.log" 2>&1 || status=$?
  echo "$name $status $((SECONDS - begin))" >>/vm/steps
  echo "vm: $name ends with $status after $((SECONDS - begin)) s"
}

rm -f /vm/steps
step figures test/vm/figures.js "$root/build/vm/combinations.json" /vm/figures.jsonl
step lab test/vm/lab.js
files=()
for file in test/bpf/*.test.js test/fuzz/{corpus,packets}.test.js; do
  case $file in
    # what this one loads, figures has loaded
    test/bpf/load.test.js) ;;
    # what programs do, not what a kernel makes of them: nat.test.js goes the same ways, and many
    # gateways take too long to make here
    test/bpf/nat-rfc*.test.js | test/bpf/nat-deterministic.test.js | test/bpf/nat-unique.test.js) ;;
    # the same: each makes many gateways, which takes minutes here
    test/bpf/nat64*.test.js | test/bpf/npt.test.js | test/bpf/peering.test.js) ;;
    test/bpf/limits.test.js | test/bpf/alg.test.js | test/bpf/service.test.js) ;;
    test/bpf/nat-events.test.js) ;;
    *) files+=("$file") ;;
  esac
done
step packets test/vm/packets.js "${files[@]}"
! grep -qv ' 0 [0-9]*$' /vm/steps
