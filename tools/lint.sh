#!/usr/bin/env bash
# Types, linter, formatter, import rules, C format, shell: no warnings allowed.
set -euo pipefail
cd "$(dirname "$0")/.."
run() { echo "lint: $1"; shift; "$@"; }
run types node_modules/.bin/tsc -p tsconfig.json
run eslint node_modules/.bin/eslint . --max-warnings 0
run prettier node_modules/.bin/prettier --check --log-level warn .
run 'import rules' node_modules/.bin/tsx tools/check-imports.ts
mapfile -t c_files < <(git ls-files 'bpf/*.[ch]' 'native/*.[ch]' 'test/support/kernel/*.[ch]')
run clang-format clang-format --dry-run -Werror "${c_files[@]}"
mapfile -t sh_files < <(git ls-files '*.sh' .ci/run)
run shellcheck shellcheck -x "${sh_files[@]}"
run 'lock file' node_modules/.bin/tsx tools/check-lock.ts
