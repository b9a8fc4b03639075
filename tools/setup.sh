#!/usr/bin/env bash
# Installs what is missing on Debian 12: apt packages, a Node.js that is new enough, npm packages.
# Does nothing, quickly, when all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
  clang llvm clang-format make gcc libbpf-dev libbpf1 linux-libc-dev libc6-dev
  bpftool iproute2 iputils-ping ethtool nftables tcpdump traceroute tshark socat iperf3 procps jq curl git shellcheck ca-certificates
  util-linux mount
  python3-pyftpdlib lftp dnsmasq-base
)
missing=()
for p in "${packages[@]}"; do
  dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || missing+=("$p")
done
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" != 0 ]; then
    echo "setup: need root to install: ${missing[*]}" >&2
    exit 1
  fi
  echo "setup: installing ${#missing[@]} Debian packages: ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

new_enough() { "$1" -e 'const [a,b]=process.versions.node.split(".").map(Number); process.exit(a>20||(a===20&&b>=20)?0:1)' 2>/dev/null; }
export PATH="$PWD/build/node/bin:$PATH"
if ! command -v node >/dev/null || ! new_enough node || ! command -v npm >/dev/null; then
  # Debian 12's own Node.js is 18; the npm registry carries newer builds as packages.
  echo "setup: installing Node.js 20 under build/node"
  command -v npm >/dev/null || {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends npm >/dev/null
  }
  mkdir -p build/node
  npm install --silent --no-audit --no-fund --prefix build/node node@20 npm@10
  mkdir -p build/node/bin
  for b in node npm npx; do ln -sf "../node_modules/.bin/$b" "build/node/bin/$b"; done
fi

if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo "setup: installing npm packages"
  npm ci --no-audit --no-fund --silent
  touch node_modules/.package-lock.json
fi

if ! mountpoint -q /sys/fs/bpf && [ "$(id -u)" = 0 ]; then
  mount -t bpf bpf /sys/fs/bpf
fi
