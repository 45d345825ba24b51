#!/usr/bin/env bash
# Parses the script and the configuration of every profile strictly; prints what fails, and ends with status 1
set -euo pipefail
project="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
export NXF_SYNTAX_PARSER=v2 NXF_OFFLINE=true NXF_ANSI_LOG=false

parse() {
    local said
    said="$("$project/.venv/strict/bin/nextflow" -log /dev/null "$@" 2>&1)" || {
        printf '%s\n' "$said" | grep -v 'Unrecognized config option' >&2
        return 1
    }
}

aside="$(mktemp -d)"
trap 'rm -rf "$aside"' EXIT
cd "$aside"
# Not by `nextflow lint`, which in 25.04 fails instead of telling what is wrong
parse run "$project" --help
parse config -profile "$(sed -n '/^profiles {/,/^}/s/^    \([a-z]*\) .*/\1/p' "$project/nextflow.config" | paste -s -d , -)" "$project"
