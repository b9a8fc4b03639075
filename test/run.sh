#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every test file, each in a process of its own, labs beside the others, and counts what
# passed, failed and was skipped. Kernel tests need root and make their own namespaces. Afterwards
# nothing of theirs may be left: test/support/leftovers.sh compares before and after.
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
fi

results=build/test/results-$$
: >"$results"
trap 'kill "$server" 2>/dev/null; rm -f "$pipe".{in,out} "$results"' EXIT

# A line of results: file, how many passed, 1 when it failed, how many were skipped, how many of
# those were not to be.
run_file() { # FILE
  local file=$1 start log status ok bad skip kernel=() failed=0 unknown=''
  start=$(date +%s)
  log="build/test/$(echo "$file" | tr / _).tap"
  # load.test.ts is about loading, and two threads at once cannot ask one server
  case $file in
    test/bpf/load.test.ts | test/bpf/nat-unique-cpus.test.ts) ;;
    test/bpf/*) kernel=(TRANSIT_TEST_KERNEL="$pipe") ;;
  esac
  # a busy machine is not a failure: the limit of a file is enough
  env "${kernel[@]}" TAP_TIMEOUT=0 nice -n "$nice" timeout -k 10 900 node --import tsx "$file" >"$log" 2>&1 </dev/null
  status=$?
  ok=$(grep -cE '^ok [0-9]+' "$log")
  bad=$(grep -cE '^not ok [0-9]+' "$log")
  skip=$(grep -cE '# SKIP' "$log")
  if [ "$status" != 0 ] || [ "$ok" = 0 ] || [ "$bad" != 0 ]; then
    failed=1
    echo "FAIL $file (exit $status, $(($(date +%s) - start)) s)"
    grep -E '^ *not ok|^ *# (Subtest|.*rror)|^[A-Za-z]*Error' "$log" | head -20
  else
    echo "ok   $file ($ok passed, $(($(date +%s) - start)) s)"
  fi
  if [ "$skip" != 0 ]; then
    unknown=$(grep -E '# SKIP' "$log" | grep -cvFf "$allowed_skips")
    grep -E '# SKIP' "$log" | grep -vFf "$allowed_skips"
  fi
  echo "$file $ok $failed $skip ${unknown:-0}" >>"$results"
}

lane() { # NICE FILE...
  local nice=$1 file
  shift
  for file in "$@"; do run_file "$file"; done
}

# Labs wait most of the time, so the others run beside them, and give way. Not beside anything: what
# looks at all that is loaded on this machine, and what floods a table in less time than its entries
# may be idle.
labs=() others=() alone=()
for file in "${files[@]}"; do
  case $file in
    test/topo/lab-clean.test.ts | test/fuzz/tables.test.ts) alone+=("$file") ;;
    test/topo/*) labs+=("$file") ;;
    *) others+=("$file") ;;
  esac
done
lane 0 "${labs[@]+"${labs[@]}"}" &
beside=$!
lane 10 "${others[@]+"${others[@]}"}"
wait "$beside"
lane 0 "${alone[@]+"${alone[@]}"}"

passed=0 failed=0 skipped=0
failures=()
while read -r file ok bad skip unknown; do
  skipped=$((skipped + skip))
  if [ "$bad" != 0 ]; then
    failures+=("$file")
  else
    passed=$((passed + ok))
  fi
  [ "$unknown" = 0 ] || failures+=("$file: a skip that is not listed in $allowed_skips")
done <"$results"
ran=$(wc -l <"$results")
[ "$ran" = "${#files[@]}" ] || failures+=("${#files[@]} files were to run, $ran did")
failed=${#failures[@]}

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
