#!/usr/bin/env bash
# The style of the report's scripts, where there is npm
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
if ! command -v npm > /dev/null; then
    echo 'no npm: the scripts of the report are not linted'
    exit
fi
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund --silent
cd ../..
tests/javascript/node_modules/.bin/eslint -c tests/javascript/eslint.config.js bin/healthward/report/assets
