#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures, as ratios within one run: the hit path's cost a packet, end to end against the kernel's
# own path, and the configuration of 100,000 endpoints. JSON lines are kept under build/bench/.
#
# usage: bench/run.sh [datapath|e2e|config]...
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/build/node/bin:$PATH"
[ "$(id -u)" = 0 ] || { echo 'bench: root is needed' >&2; exit 1; }
[ $# -gt 0 ] || set -- datapath e2e config
for bench in "$@"; do
  node --import tsx "bench/$bench.ts"
done
