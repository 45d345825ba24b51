#!/usr/bin/env bash
# The private Nextflow of `make setup`: installed as .venv/bin/nextflow, its jars in .venv/share/nextflow.
set -euo pipefail

home="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
packages=(
    java.lang java.io java.nio java.net java.util java.util.concurrent.locks java.util.concurrent.atomic
    sun.nio.ch sun.nio.fs sun.net.www.protocol.http sun.net.www.protocol.https sun.net.www.protocol.ftp
    sun.net.www.protocol.file jdk.internal.misc jdk.internal.vm
)
opens=()
for package in "${packages[@]}"; do
    opens+=("--add-opens=java.base/${package}=ALL-UNNAMED")
done

# In another locale Java cannot name every file
[ "$(locale charmap 2> /dev/null)" = UTF-8 ] || export LC_ALL=C.UTF-8

# Nextflow quotes this in its reports and in workflow.commandLine
export NXF_CLI="nextflow $*"
export NXF_OFFLINE="${NXF_OFFLINE:-true}"
# Short-lived JVM: the first compiler tier starts fastest
exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" -Dfile.encoding=UTF-8 -XX:+TieredCompilation -XX:TieredStopAtLevel=1 \
    "${opens[@]}" ${NXF_JVM_ARGS:-} -cp "$home/share/nextflow/*" nextflow.cli.Launcher "$@"
