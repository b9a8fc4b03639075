#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Removes a lab: down.sh [LAB], "demo" when not given. Whatever state it is in; safe to repeat.
set -euo pipefail
# shellcheck source=lab/lib.sh
source "$(dirname "$0")/lib.sh"
lab_init "${1:-demo}"
[ "$(id -u)" = 0 ] || fail 'needs root'
remove_lab
