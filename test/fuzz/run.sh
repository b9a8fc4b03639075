#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Hostile input at length: 1,000,000 packets and the control plane's share. TRANSIT_SEED
# repeats a run, TRANSIT_PACKETS and TRANSIT_INPUTS change its length. Then the model's histories
# (docs/design/model.md), TRANSIT_HISTORIES of them.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH="$PWD/build/node/bin:$PATH"

if [ "$(id -u)" != 0 ]; then
  echo "fuzz: root is needed: it loads BPF programs and makes network namespaces" >&2
  exit 1
fi
# how long a test may take is not what is tested here
export TAP_TIMEOUT=0
export TRANSIT_PACKETS=${TRANSIT_PACKETS:-1000000}
export TRANSIT_INPUTS=${TRANSIT_INPUTS:-5000}
export TRANSIT_HISTORIES=${TRANSIT_HISTORIES:-200000}
for file in test/fuzz/*.test.ts test/model/model.test.ts; do
  echo "fuzz: $file"
  nice node --import tsx "$file"
done
