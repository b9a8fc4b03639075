#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what booting kernels in QEMU needs and says what cannot be had. Quick when all is there.
set -euo pipefail

packages=(qemu-system-x86 seabios busybox-static cpio gzip kmod xz-utils util-linux dpkg)
missing=()
for p in "${packages[@]}"; do
  dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || missing+=("$p")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ]; then
  echo "kernels: need root to install: ${missing[*]}" >&2
  exit 1
fi
echo "kernels: installing ${#missing[@]} Debian packages: ${missing[*]}"
install() { DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; }
# the lists may be old, or not there at all
apt-get update -qq || true
if ! install; then
  echo "kernels: these packages cannot be installed: ${missing[*]}" >&2
  exit 1
fi
