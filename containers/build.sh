#!/usr/bin/env bash
# `make image` and `make sif`, by the container engine that is here. Options of its build go in BUILD_OPTIONS.
#   build.sh image|sif 12|13
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

fail() {
    printf '%s\n' "$1" >&2
    exit 1
}

case "${2:-}" in
    12) suffix=-cuda12 ;;
    13) suffix='' ;;
    *) fail "CUDA=${2:-}: the image is made for CUDA=12 or CUDA=13; docs/cluster.md says which one a node needs" ;;
esac
lock="requirements${suffix}.lock"
tag="$(sed -n 's/^version = "\(.*\)"/\1/p' ../pyproject.toml)${suffix}"
read -r -a options <<< "${BUILD_OPTIONS:-}"

# The first of these engines that works
first() {
    local engine
    for engine in "$@"; do
        if "$engine" "${probe[@]}" > /dev/null 2>&1; then
            echo "$engine"
            return
        fi
    done
}

probe=(info)
builder="$(first docker podman)"
probe=(version)
converter="$(first apptainer singularity)"

build_image() {
    "$builder" build "${options[@]}" --build-arg "LOCK=$lock" --tag "healthward:$tag" .
    echo "==> healthward:$tag, in $builder"
}

build_sif() {
    local file="healthward-$tag.sif"
    [ -n "$converter" ] || fail 'Apptainer or Singularity is needed: https://apptainer.org/docs/admin/main/installation.html'
    if [ -n "$builder" ]; then
        "$builder" image inspect "healthward:$tag" > /dev/null 2>&1 || build_image
        local archive
        archive="$(mktemp --suffix .tar)"
        trap 'rm -f "$archive"' RETURN
        "$builder" save --output "$archive" "healthward:$tag"
        "$converter" build --force "$file" "docker-archive://$archive"
    else
        "$converter" build --force "${options[@]}" --build-arg "LOCK=$lock" "$file" apptainer.def
    fi
    echo "==> containers/$file"
}

case "$1" in
    image) if [ -n "$builder" ]; then build_image; else build_sif; fi ;;
    sif) build_sif ;;
esac
