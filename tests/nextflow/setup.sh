#!/usr/bin/env bash
# The Nextflow of pom.xml into .venv/strict or, without Maven, whichever is on PATH
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

rm -rf .venv/strict
mkdir -p .venv/strict/bin
if command -v mvn > /dev/null; then
    echo "==> Nextflow with the strict parser into .venv/strict"
    mvn -B -ntp -q -f tests/nextflow/pom.xml dependency:copy-dependencies -DoutputDirectory="$PWD/.venv/strict/share/nextflow"
    install -m 755 conf/nextflow/launcher.sh .venv/strict/bin/nextflow
else
    ln -s "$(command -v nextflow)" .venv/strict/bin/nextflow
fi
