#!/usr/bin/env bash
# `make setup`: the Python environment from the lock, and a private Nextflow where there is none to use.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv=.venv
oldest_nextflow=24.10.5

missing() { # what, Debian's packages, Fedora's, Homebrew's
    printf 'Healthward needs %s. Install it, then run make again:\n' "$1" >&2
    printf '  Debian, Ubuntu:  sudo apt-get install %s\n' "$2" >&2
    printf '  Fedora:          sudo dnf install %s\n' "$3" >&2
    printf '  macOS:           brew install %s\n' "$4" >&2
    exit 1
}

# Is version $1 at least $2?
at_least() {
    [ "$(printf '%s\n' "$2" "$1" | sort -t. -k1,1n -k2,2n -k3,3n | head -n 1)" = "$2" ]
}

find_python() {
    local candidate
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11) or print(sys.executable))' 2> /dev/null; then
            return
        fi
    done
    missing 'Python 3.11 or newer' 'python3 python3-venv' 'python3' 'python@3.12'
}

java_version() {
    { "${JAVA_HOME:+$JAVA_HOME/bin/}java" -version 2>&1 || true; } | sed -n 's/.*version "\([0-9]*\).*/\1/p'
}

nextflow_version() {
    { nextflow -v 2>&1 || true; } | sed -n 's/.*version \([0-9][0-9.]*[0-9]\).*/\1/p'
}

# What `make` puts first on PATH must not count as the user's own
PATH="$(printf '%s' "$PATH" | tr : '\n' | { grep -vxF "$PWD/$venv/bin" || true; } | paste -s -d : -)"

python="$(find_python)"
"$python" -c 'import ensurepip, venv' 2> /dev/null || missing "Python's venv module" 'python3-venv' 'python3' 'python@3.12'
java="$(java_version)"
at_least "${java:-0}" 17 || missing 'Java 17 or newer' 'default-jre-headless' 'java-latest-openjdk-headless' '--cask temurin'
own="$(nextflow_version)"
private=$(at_least "${own:-0}" "$oldest_nextflow" && echo no || echo yes)
if [ "$private" = yes ] && ! command -v mvn > /dev/null; then
    missing 'Maven (or Nextflow '"$oldest_nextflow"' or newer on PATH)' 'maven' 'maven' 'maven'
fi

echo "==> Python environment in $venv, with $python (a few GB: minutes)"
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --disable-pip-version-check --require-hashes -r requirements.lock

if [ "$private" = yes ]; then
    echo "==> Nextflow $oldest_nextflow into $venv${own:+ (the one on PATH is $own)}"
    rm -rf "$venv/share/nextflow"
    mvn -B -ntp -f conf/nextflow/pom.xml dependency:copy-dependencies -DoutputDirectory="$PWD/$venv/share/nextflow"
    install -m 755 conf/nextflow/launcher.sh "$venv/bin/nextflow"
else
    echo "==> Nextflow $own from PATH"
    rm -rf "$venv/share/nextflow" "$venv/bin/nextflow"
fi
echo "==> Ready: source $venv/bin/activate"
