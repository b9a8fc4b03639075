#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Boots the kernel that kernel.sh made ready, in software emulation, and runs one command in it:
# at the same path of the same files, since the guest's root is the host's, read-only. What the
# command writes goes to memory, except under /vm, which is SHARE here. Exit status: the command's;
# 124 when the deadline killed the guest, 125 when the guest ended without saying anything.
#
# What is written to SHARE/port.in comes out of the guest's /dev/vport0p1, and what is written there
# out of SHARE/port.out.
#
# usage: test/vm/boot.sh SERIES SHARE SECONDS COMMAND [ARGUMENT...]
set -euo pipefail
cd "$(dirname "$0")/../.."
series=${1:?series} share=${2:?share} seconds=${3:?seconds}
shift 3
dir=$PWD/build/vm/$series
abi=$(<"$dir/abi")
mkdir -p "$share"
share=$(realpath "$share")
rm -f "$share"/{status,port.in,port.out}
mkfifo "$share"/port.{in,out}

cat >"$share/start" <<START
export PATH=$(printf '%q' "$PWD/build/node/bin"):/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root LANG=C.UTF-8
mkdir -p /lib/modules/$abi
mount --bind $(printf '%q' "$dir")/lib/modules/$abi /lib/modules/$abi
ip link set lo up
cd $(printf '%q' "$PWD")
echo "vm: \$(uname -r) up after \$(cut -d' ' -f1 /proc/uptime) s"
$(printf '%q ' "$@") </dev/null
echo \$? >/vm/status
echo "vm: done after \$(cut -d' ' -f1 /proc/uptime) s"
sync
busybox poweroff -f
START

# The guest dies with this process, and with its deadline; QEMU itself does not end when a guest
# hangs. setpriv: the kernel kills it should this shell be killed.
setpriv --pdeathsig KILL timeout -s KILL "$seconds" setpriv --pdeathsig KILL \
  qemu-system-x86_64 -machine q35 -accel tcg,thread=multi,tb-size="${VM_TB_MB:-256}" -cpu max \
  -m "${VM_MEMORY_MB:-1024}" -smp "${VM_CPUS:-2}" -nodefaults -display none -no-reboot -serial stdio \
  -kernel "$dir/vmlinuz" -initrd "$dir/initramfs.gz" \
  -append 'console=ttyS0 quiet panic=-1 mitigations=off nokaslr' \
  -chardev pipe,id=port,path="$share/port" -device virtio-serial-pci \
  -device virtserialport,chardev=port,name=port \
  -virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
  -virtfs local,path="$share",mount_tag=vm,security_model=none </dev/null &
qemu=$!
trap 'kill -KILL "$qemu" 2>/dev/null || true' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
status=0
{ wait "$qemu"; } 2>/dev/null || status=$? # no word of the shell about its killed job
if [ -s "$share/status" ]; then exit "$(<"$share/status")"; fi
if [ "$status" = 137 ]; then
  echo "vm: killed after $seconds s" >&2
  exit 124
fi
echo "vm: ended without a result (QEMU: $status)" >&2
exit 125
