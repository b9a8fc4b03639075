#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One transitd of a running lab: daemon.sh LAB HOST start|stop|kill|pid
# start returns when the host is ready; stop ends it by SIGTERM, kill by SIGKILL.
set -euo pipefail
# shellcheck source=lab/lib.sh
source "$(dirname "$0")/lib.sh"
[ $# = 3 ] || fail "usage: $0 LAB HOST start|stop|kill|pid"
lab_init "$1"
host=$2
[ -d "$STATE/$host" ] || fail "the lab \"$LAB\" has no host \"$host\""
case $3 in
  start)
    daemon_gone "$host" || fail "transitd of $host runs"
    start_daemon "$host"
    wait_for 30 "readiness of $host" alive_and "$host" ready "$host" || {
      tail -n 15 "$STATE/$host/transitd.log" >&2
      exit 1
    }
    ;;
  stop) stop_daemon "$host" ;;
  kill)
    stop_daemon "$host" KILL
    ;;
  pid) daemon_pid "$host" ;;
  *) fail "usage: $0 LAB HOST start|stop|kill|pid" ;;
esac
