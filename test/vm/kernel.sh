#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes one of Debian's stock kernels bootable in QEMU without installing it: downloads the
# package that apt would install now, takes kernel and modules out of it, and packs an initramfs
# that mounts the host's root. All under build/vm/SERIES/; done once per version of the package.
#
# usage: test/vm/kernel.sh SERIES METAPACKAGE     e.g. 6.1 linux-image-amd64
set -euo pipefail
cd "$(dirname "$0")/../.."
series=${1:?series} meta=${2:?metapackage}
dir=build/vm/$series

say() { echo "kernel $series: $*"; }
fail() {
  echo "kernel $series: $*" >&2
  exit 1
}

[ "$(uname -m)" = x86_64 ] || fail "Debian's $meta is for x86_64, this machine is $(uname -m)"

# The metapackage names the package of the current ABI, and apt its newest version.
resolve() {
  image=$(apt-cache depends "$meta" 2>/dev/null |
    awk '$1 == "Depends:" && $2 ~ /^linux-image-[0-9]/ {print $2; exit}')
  [ -n "$image" ] || return 1
  abi=${image#linux-image-}
  version=$(apt-cache policy "$image" | awk '$1 == "Candidate:" {print $2}')
  [ -n "$version" ] && [ "$version" != '(none)' ]
}

# When the newest cannot be had, the one from before is still a stock kernel.
keep() { # REASON
  [ -s "$dir/version" ] || fail "$1"
  say "$1; $(cat "$dir/version") from before is used"
  exit 0
}

updated=
update() {
  [ -z "$updated" ] || return 1
  updated=yes
  say "asking apt for its lists anew"
  apt-get update -qq
}

if ! resolve && ! { update && resolve; }; then
  keep "apt knows no package $meta, which Debian 12 (bookworm and bookworm-security) has"
fi

# The initramfs: busybox, the modules that the root needs, and init.
pack() {
  local initramfs=$dir/initramfs module file
  rm -rf "$initramfs"
  mkdir -p "$initramfs"/{bin,proc,sys,dev,host,upper,root,modules}
  cp /bin/busybox "$initramfs/bin/"
  cp test/vm/init "$initramfs/init"
  chmod +x "$initramfs/init"
  for module in virtio_pci virtio_console 9pnet_virtio 9p overlay; do
    modprobe -d "$dir" -S "$abi" --show-depends "$module"
  done | awk '$1 == "insmod" && !seen[$2]++ {print $2}' >"$dir/needed"
  while read -r file; do
    cp "$file" "$initramfs/modules/"
    basename "$file"
  done <"$dir/needed" >"$initramfs/modules/order"
  (cd "$initramfs" && find . | cpio -o -H newc --quiet | gzip -1) >"$dir/initramfs.gz"
  rm -rf "$initramfs" "$dir/needed"
}

if [ "$(cat "$dir/version" 2>/dev/null)" = "$image $version" ] &&
  [ "$dir/version" -nt test/vm/kernel.sh ]; then
  [ "$dir/initramfs.gz" -nt test/vm/init ] || pack
  exit 0
fi
deb=$dir.deb
rm -rf "$deb"
mkdir -p "$deb"

# apt's own user may not write here: fetching as root is a warning nobody needs.
fetch() { (cd "$deb" && apt-get download -qq -o APT::Sandbox::User=root "$image=$version"); }
say "downloading $image $version"
if ! fetch && ! { update && resolve && fetch; }; then
  rm -rf "$deb"
  keep "$image $version cannot be downloaded"
fi
rm -rf "$dir"
mkdir -p "$dir"

# Network devices, XDP and tc, 9p and overlay for the root; the rest is not looked at by any test.
dpkg --fsys-tarfile "$deb"/*.deb | tar -x -C "$dir" --wildcards \
  './boot/vmlinuz-*' \
  "./lib/modules/$abi/modules.*" \
  "./lib/modules/$abi/kernel/net/*" \
  "./lib/modules/$abi/kernel/lib/*" \
  "./lib/modules/$abi/kernel/crypto/*" \
  "./lib/modules/$abi/kernel/arch/x86/crypto/*" \
  "./lib/modules/$abi/kernel/fs/9p/*" \
  "./lib/modules/$abi/kernel/fs/fscache/*" \
  "./lib/modules/$abi/kernel/fs/netfs/*" \
  "./lib/modules/$abi/kernel/fs/overlayfs/*" \
  "./lib/modules/$abi/kernel/drivers/virtio/*" \
  "./lib/modules/$abi/kernel/drivers/char/virtio_console.ko*" \
  "./lib/modules/$abi/kernel/drivers/ptp/*" \
  "./lib/modules/$abi/kernel/drivers/net/*" 2>"$dir/tar.log" ||
  ! grep -v -e 'Not found in archive' -e 'Exiting with failure' "$dir/tar.log" || # another version has fewer
  fail "$image $version cannot be unpacked"
rm -rf "$deb" "$dir/tar.log" "$dir/lib/modules/$abi/kernel/drivers/net"/{ethernet,wireless,usb}
mv "$dir/boot/vmlinuz-$abi" "$dir/vmlinuz" || fail "$image has no boot/vmlinuz-$abi"
rmdir "$dir/boot"
# busybox loads no compressed modules
find "$dir/lib/modules" -name '*.ko.xz' -print0 | xargs -0 -r -n 64 xz -d
depmod -b "$dir" "$abi"

pack

echo "$abi" >"$dir/abi"
echo "$image $version" >"$dir/version"
say "ready: $(du -sh "$dir" | cut -f1) under $dir"
