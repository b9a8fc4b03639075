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
# More time than on the host.
export TRANSIT_TIME_SCALE=30 TAP_TIMEOUT=$deadline

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
step adapter test/vm/packets.js test/bpf/adapter*.test.js
# The other packet tests run on the host and ask this kernel (test/vm/far.ts).
begin=$SECONDS status=0
echo 'vm: ready for packets'
timeout -k 5 "$deadline" unshare --net "$root/build/test/kernel-server" /dev/vport0p1 \
  >/vm/server.log 2>&1 || status=$?
echo "server $status $((SECONDS - begin))" >>/vm/steps
! grep -qv ' 0 [0-9]*$' /vm/steps
