#!/usr/bin/env bash
# Parses the script and the configuration of every profile strictly; prints what fails, and ends with status 1
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export NXF_SYNTAX_PARSER=v2 NXF_OFFLINE=true NXF_ANSI_LOG=false

parse() {
    local said
    said="$(.venv/strict/bin/nextflow -log /dev/null "$@" 2>&1)" || {
        printf '%s\n' "$said" | grep -v 'Unrecognized config option' >&2
        return 1
    }
}

parse lint -o concise main.nf modules
parse config -profile "$(sed -n '/^profiles {/,/^}/s/^    \([a-z]*\) .*/\1/p' nextflow.config | paste -s -d , -)" .
