#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What became of each figure between two runs: compare.sh [--markdown] BEFORE.jsonl AFTER.jsonl
# Ratios within a run can be compared across runs; absolute figures only on a quiet machine.
set -euo pipefail
args=()
for arg in "$@"; do
  case $arg in
    --*) args+=("$arg") ;;
    *) args+=("$(realpath "$arg")") ;;
  esac
done
cd "$(dirname "$0")/.."
export PATH="$PWD/build/node/bin:$PATH"
exec node --import tsx bench/table.ts --compare "${args[@]+"${args[@]}"}"
