#!/bin/sh
# What the image consists of: called by Dockerfile and apptainer.def with the lock to install
set -eu

export DEBIAN_FRONTEND=noninteractive
apt-get update
# Nextflow measures tasks with ps
apt-get install -y --no-install-recommends ca-certificates procps python3 python3-venv
rm -rf /var/lib/apt/lists/*

python3 -m venv /opt/healthward
/opt/healthward/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r "$1"
useradd healthward
