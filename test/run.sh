#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every test file, each in a process of its own, and counts what passed, failed and was
# skipped. Kernel tests need root and make their own namespaces. Afterwards nothing of theirs may
# be left: test/support/leftovers.sh compares before and after.
#
# usage: test/run.sh [FILE...]
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
export PATH="$PWD/build/node/bin:$PATH"

if [ "$(id -u)" != 0 ]; then
  echo "tests: root is needed: they load BPF programs and make network namespaces" >&2
  exit 1
fi

mkdir -p build/test
before=build/test/leftovers.before
after=build/test/leftovers.after
test/support/leftovers.sh snapshot >"$before"

# Skips that are known and why; anything else that is skipped fails the run.
allowed_skips=test/allowed-skips.txt

if [ $# -gt 0 ]; then
  files=("$@")
else
  mapfile -t files < <(find test -name '*.test.ts' | sort)
fi

# What packet tests load is kept for the next: verifying the programs takes most of their time. The
# server has devices of its own, and what it holds goes with it.
pipe=$PWD/build/test/kernel-$$
server=
if printf '%s\n' "${files[@]}" | grep -q '^test/bpf/'; then
  make --no-print-directory build/test/kernel-server || exit 1
  mkfifo "$pipe".{in,out}
  unshare --net build/test/kernel-server "$pipe".{in,out} 2>build/test/kernel-server.log &
  server=$!
  trap 'kill "$server" 2>/dev/null; rm -f "$pipe".{in,out}' EXIT
fi

passed=0 failed=0 skipped=0
failures=()
for file in "${files[@]}"; do
  start=$(date +%s)
  log="build/test/$(echo "$file" | tr / _).tap"
  kernel=()
  # load.test.ts is about loading, and two threads at once cannot ask one server
  case $file in
    test/bpf/load.test.ts | test/bpf/nat-unique-cpus.test.ts) ;;
    test/bpf/*) kernel=(TRANSIT_TEST_KERNEL="$pipe") ;;
  esac
  # a busy machine is not a failure: the limit of a file is enough
  env "${kernel[@]}" TAP_TIMEOUT=0 timeout -k 10 900 node --import tsx "$file" >"$log" 2>&1 </dev/null
  status=$?
  ok=$(grep -cE '^ok [0-9]+' "$log")
  bad=$(grep -cE '^not ok [0-9]+' "$log")
  skip=$(grep -cE '# SKIP' "$log")
  if [ "$status" != 0 ] || [ "$ok" = 0 ] || [ "$bad" != 0 ]; then
    failed=$((failed + 1))
    failures+=("$file")
    echo "FAIL $file (exit $status, $(($(date +%s) - start)) s)"
    grep -E '^ *not ok|^ *# (Subtest|.*rror)|^[A-Za-z]*Error' "$log" | head -20
  else
    passed=$((passed + ok))
    echo "ok   $file ($ok passed, $(($(date +%s) - start)) s)"
  fi
  if [ "$skip" != 0 ]; then
    skipped=$((skipped + skip))
    if grep -E '# SKIP' "$log" | grep -vFf "$allowed_skips"; then
      failed=$((failed + 1))
      failures+=("$file: a skip that is not listed in $allowed_skips")
    fi
  fi
done

if [ -n "$server" ]; then
  kill "$server" 2>/dev/null
  wait "$server" 2>/dev/null
fi
test/support/leftovers.sh snapshot >"$after"
if ! diff "$before" "$after" >build/test/leftovers.diff; then
  echo "FAIL left behind (< before, > after):"
  cat build/test/leftovers.diff
  failed=$((failed + 1))
  failures+=("leftovers")
fi

for f in "${failures[@]+"${failures[@]}"}"; do echo "failed: $f"; done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
